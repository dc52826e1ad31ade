"""Monitoring: summaries, drift, performance and retraining triggers."""
