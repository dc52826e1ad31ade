"""Pipelines: where rooms meet; each reads as a story."""
