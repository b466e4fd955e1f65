"""Honest comparison: folds, metrics, intervals, reports."""
