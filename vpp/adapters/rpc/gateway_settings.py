"""Rules of the gateway's sessions, and counts of what happened to them."""

from __future__ import annotations

from dataclasses import dataclass, field

from vpp.domain.readings import ReadingLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewaySettings:
    """Rules of the sessions. Periods and ages in seconds of the plant; of the wall are `write_period_s` and
    `stored_period_s`, how often at most a node is told alone what is durable.

    `max_order_age_s` is what an order may spend under way; in a demo whose plant runs k times faster
    than the wall, the same delay of the network is k times longer.
    """

    report_period_s: float = 60.0
    max_order_age_s: float = 5.0
    ping_period_s: float = 30.0
    write_period_s: float = 0.2
    stored_period_s: float = 5.0
    reading_limits: ReadingLimits = field(default_factory=ReadingLimits)


@dataclass(slots=True)
class GatewayCounters:
    """What happened since the start."""

    sessions_opened: int = 0
    sessions_replaced: int = 0
    sessions_refused: int = 0
    sessions_silent: int = 0  # closed, because their node said nothing any more
    throttled_messages: int = 0  # read later, because their node says too much
    orders_sent: int = 0
    orders_given_again: int = 0  # to nodes that came back
    orders_over_retry_budget: int = 0  # not given again
    orders_too_soon: int = 0  # not sent: the asset's last change was less than a change period ago
    slow_consumer_drops: int = 0
