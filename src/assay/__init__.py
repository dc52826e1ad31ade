"""Assay: from a problem brief to a monitored model, with the proof kept."""

__version__ = "0.1.0"
