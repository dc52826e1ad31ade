"""assay.yaml: typed settings, loading, and the JSON Schema."""
