"""Serving: the predictor, HTTP, batch and the prediction log."""
