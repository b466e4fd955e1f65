"""Work in another Python: protocol, client, worker, environment."""
