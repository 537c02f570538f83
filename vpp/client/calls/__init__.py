"""Every call, as a function that returns what to ask; a module for each subject."""

from vpp.client.calls import (
    access,
    approvals,
    audit,
    dispatch,
    fleet,
    forecasts,
    overrides,
    rehearsals,
    runs,
    schedules,
    settlement,
    shadows,
    signals,
)

__all__ = [
    "access",
    "approvals",
    "audit",
    "dispatch",
    "fleet",
    "forecasts",
    "overrides",
    "rehearsals",
    "runs",
    "schedules",
    "settlement",
    "shadows",
    "signals",
]
