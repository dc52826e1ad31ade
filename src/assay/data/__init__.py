"""Data: sources, snapshots, expectations, quality, splits, the sealed holdout and leakage checks."""
