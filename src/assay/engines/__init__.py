"""Engines: where a function over partitions runs."""
