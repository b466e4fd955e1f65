"""Kriging of any drift in one covariance-form system: ordinary, external drift, leave-one-out."""
