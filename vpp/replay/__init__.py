"""Replay and simulation: the loop of live operation with a simulated fleet, clock and store."""
