"""Decisions as pure functions of their inputs and the time they are given."""
