"""Spatial structure: experimental variograms, models, fitting."""
