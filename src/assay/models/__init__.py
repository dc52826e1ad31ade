"""Models: signature, encoding, open formats, verified loading."""
