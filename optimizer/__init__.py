"""Dispatch of a battery fleet: a certified plan from plain arrays. Knows no network, database or clock."""

from optimizer.plan import Certificate, ObjectiveParts, Plan, Prices, Schedule, Unmet
from optimizer.problem import (
    Assets,
    Events,
    Feeders,
    Portfolio,
    Problem,
    ProblemError,
    Reserve,
    Scenarios,
    Wear,
    Windows,
)

__all__ = [
    "Assets",
    "Certificate",
    "Events",
    "Feeders",
    "ObjectiveParts",
    "Plan",
    "Portfolio",
    "Prices",
    "Problem",
    "ProblemError",
    "Reserve",
    "Scenarios",
    "Schedule",
    "Unmet",
    "Wear",
    "Windows",
]
