"""Fixed V1 front ends, and the networks behind them."""
