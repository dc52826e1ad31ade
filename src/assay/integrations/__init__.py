"""Integrations: what Assay tells other systems, in their own formats."""
