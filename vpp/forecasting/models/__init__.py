"""Statistical forecasts behind one interface: fitted in the background, predicted by pure functions."""
