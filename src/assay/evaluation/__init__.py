"""Evaluation: figures with intervals, slices, calibration, comparisons, cards and reports."""
