"""The demonstration: a simulated subscription business and the loop run on it."""
