"""Honest comparison: folds, scores, intervals, reports."""
