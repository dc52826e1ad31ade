"""Metrics: what a figure is; one file a family."""
