"""Dispatch of a battery fleet: a certified plan from plain arrays. Knows no network, database or clock."""

from optimizer.plan import Certificate, ObjectiveParts, Plan, Prices, Schedule, Unmet, Warm
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
from optimizer.replanner import Replanner
from optimizer.solve import solve
from optimizer.verify import Verdict, Violation, verify

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
    "Replanner",
    "Reserve",
    "Scenarios",
    "Schedule",
    "Unmet",
    "Verdict",
    "Violation",
    "Warm",
    "Wear",
    "Windows",
    "solve",
    "verify",
]
