"""The serving room: a version made ready to answer, over HTTP and in batches, with a durable log of what it said."""
