"""Trained models as files, and rasters predicted from them."""
