"""The phrases of the features, one module per noun."""
