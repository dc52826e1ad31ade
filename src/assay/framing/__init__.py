"""Framing: the brief, rules or machine learning, kill criteria, business value."""
