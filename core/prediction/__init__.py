"""Trained models as files, and what they predict."""
