"""What the network reads: neighbour sequences, covariances and covariates, never the target itself."""
