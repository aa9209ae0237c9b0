"""What the answers mean: curves, firing rates, and the properties measured on them."""
