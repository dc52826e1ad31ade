"""Release: the registry and the gates."""
