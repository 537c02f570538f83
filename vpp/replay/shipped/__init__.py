"""Scenarios that ship: how each is made, from a seed or from a published data set, for any number of days."""
