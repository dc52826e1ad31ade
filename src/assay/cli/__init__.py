"""The command line: turns words into one call on a project and evidence into lines."""
