"""Features: definitions, point-in-time joins, offline and online values."""
