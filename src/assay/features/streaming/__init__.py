"""Streaming: events from the bus bring online values up to date between builds, by the views' own functions."""
