"""Stores: artifacts, tables and online values behind small protocols."""
