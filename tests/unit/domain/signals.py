"""Signals for tests: a Wednesday at noon, hours from it."""

from datetime import timedelta

from tests.unit.control.fleets import NOON
from vpp.domain.signals import (
    Direction,
    DispatchEvent,
    OperatingEnvelope,
    PriceSignal,
    Signal,
    SignalContent,
)

HOUR = timedelta(hours=1)


def signal(
    content: SignalContent,
    signal_id: str = "s",
    *,
    begin: float = 0.0,
    end: float = 4.0,
    known: float = -24.0,
    **other,
) -> Signal:
    """Return a signal valid from `begin` to `end` and known from `known`, hours from noon."""
    return Signal(
        signal_id=signal_id,
        valid_from=NOON + begin * HOUR,
        valid_until=NOON + end * HOUR,
        available_at=NOON + known * HOUR,
        content=content,
        **{"request_id": f"request-of-{signal_id}", "author": "operator", **other},
    )


def event(target_kw: float = 5.0, direction: Direction = Direction.UP, **other) -> DispatchEvent:
    return DispatchEvent(direction=direction, target_kw=target_kw, **{"payment_per_kwh": 1.0, **other})


def price(import_price: float = 0.3, export_price: float = 0.1) -> PriceSignal:
    return PriceSignal(import_price_per_kwh=import_price, export_price_per_kwh=export_price)


def envelope(
    import_kw: float = 10.0, export_kw: float = 10.0, feeder_id: str = "f1", **other
) -> OperatingEnvelope:
    return OperatingEnvelope(
        feeder_id=feeder_id, import_limit_kw=import_kw, export_limit_kw=export_kw, **other
    )
