"""The ledger: evidence records in a hash chain, lineage, export."""
