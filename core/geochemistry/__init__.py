"""Geochemistry: units, compositions and their log-ratios, rare earths."""
