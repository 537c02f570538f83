"""Rolling-origin backtests: forecasts as they would have been issued, and what they would have cost."""
