"""Synthetic examples: everything in them is made up, from a seed, and known everywhere."""
