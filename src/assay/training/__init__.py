"""Training: baselines, estimators, search, calibration and experiment records."""
