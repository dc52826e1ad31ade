"""The release room: versions and their stages, the gates they pass, and what is measured at the gates."""
