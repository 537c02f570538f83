"""What a node counts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class NodeCounters:
    """What happened so far."""

    sessions: int = 0
    lost_sessions: int = 0
    renewed_certificates: int = 0
    orders: int = 0
    rejected_orders: int = 0
    refusals: int = 0
    dropped_acknowledgements: int = 0
    device_errors: int = 0
