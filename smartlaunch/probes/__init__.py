"""What the suite puts to a server, a module per noun of the features: right requests of a kind, and wrong ones with their right twin."""
