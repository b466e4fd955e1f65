"""Simulated sites, and the training of the network for data without covariates; run as a module, see `train`."""
