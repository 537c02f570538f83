"""What a grid operator or aggregator signals to the fleet: valid for a time, superseded, never changed.

```
    available_at          valid_from                  valid_until
         │ known from here on  │◄──────── holds ─────────►│          the same signal_id again, with a later
    ─────┴─────────────────────┴──────────────────────────┴──► time  available_at, supersedes the whole of it
```
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, TypeAlias

from vpp.domain.assets import parse_identifier
from vpp.domain.errors import InvalidValueError
from vpp.domain.intervals import require_utc

MAX_VALIDITY: Final = timedelta(days=366)
MAX_PRIMACY: Final = 255
USUAL_PRIMACY: Final = 100
MAX_SCOPE_ASSETS: Final = 1_000  # named in one signal
MAX_POWER_KW: Final = 1e7
MAX_PRICE_PER_KWH: Final = 1e4
MAX_SUSTAIN: Final = timedelta(days=1)


class SignalKind(StrEnum):
    PRICE = "price"
    ENVELOPE = "envelope"
    EVENT = "event"
    RESERVE = "reserve"
    MAINTENANCE = "maintenance"
    OPT_OUT = "opt_out"


class Direction(StrEnum):
    UP = "up"  # more discharging, less consumption
    DOWN = "down"  # more charging, more consumption


class BaselineMethod(StrEnum):
    """What an event's delivery is counted from."""

    NONE = "none"  # the fleet's power itself: a dispatch request
    TEN_OF_TEN = "ten_of_ten"  # the mean of ten like days, adjusted on the same day


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceSignal:
    """Prices of the exchange with the grid, money per kWh, any sign; they go before the published ones."""

    import_price_per_kwh: float
    export_price_per_kwh: float

    def __post_init__(self) -> None:
        for name in ("import_price_per_kwh", "export_price_per_kwh"):
            _require_number(self, name, -MAX_PRICE_PER_KWH, MAX_PRICE_PER_KWH)


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatingEnvelope:
    """Highest import and export, kW, both positive, of a feeder or of a site.

    A site is given by the assets behind it; the limits hold for the sum of their powers. An envelope
    tightens what the register allows. It widens a feeder's only where `may_widen` says so.
    """

    feeder_id: str = ""
    asset_ids: tuple[str, ...] = ()
    import_limit_kw: float
    export_limit_kw: float
    may_widen: bool = False

    def __post_init__(self) -> None:
        _require_place(self.feeder_id, self.asset_ids)
        for name in ("import_limit_kw", "export_limit_kw"):
            _require_number(self, name, 0.0, MAX_POWER_KW)
        if self.may_widen and not self.feeder_id:
            raise InvalidValueError("may_widen", True, "false for a site", "assets keep their ratings")


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchEvent:
    """A request to the whole fleet: a dispatch request, or demand response against a baseline.

    With direction UP the fleet's net discharge shall be at least `target_kw` (or lie by it above the
    baseline), with DOWN its net charge. A kWh delivered earns `payment_per_kwh`, one that is missing
    costs `penalty_per_kwh`.
    """

    direction: Direction
    target_kw: float
    payment_per_kwh: float = 0.0
    penalty_per_kwh: float = 0.0
    baseline: BaselineMethod = BaselineMethod.NONE

    def __post_init__(self) -> None:
        _require_number(self, "target_kw", math.nextafter(0.0, 1.0), MAX_POWER_KW)
        for name in ("payment_per_kwh", "penalty_per_kwh"):
            _require_number(self, name, 0.0, MAX_PRICE_PER_KWH)
        if self.value_per_kwh <= 0.0:
            raise InvalidValueError(
                "penalty_per_kwh",
                0.0,
                "a payment or a penalty above 0",
                "an event worth nothing moves nobody",
            )

    @property
    def value_per_kwh(self) -> float:
        """Return what a kWh more is worth while the target is missed, money."""
        return self.payment_per_kwh + self.penalty_per_kwh


@dataclass(frozen=True, slots=True, kw_only=True)
class ReserveRequest:
    """Capacity to hold back, kW, paid per kW and hour, with energy for `sustain`."""

    product_id: str
    up_kw: float = 0.0
    down_kw: float = 0.0
    price_per_kw_h: float
    sustain: timedelta

    def __post_init__(self) -> None:
        parse_identifier("product_id", self.product_id)
        for name in ("up_kw", "down_kw"):
            _require_number(self, name, 0.0, MAX_POWER_KW)
        if self.up_kw == self.down_kw == 0.0:
            raise InvalidValueError("up_kw", 0.0, "up_kw or down_kw above 0")
        _require_number(self, "price_per_kw_h", 0.0, MAX_PRICE_PER_KWH)
        if not timedelta(0) < self.sustain <= MAX_SUSTAIN:
            raise InvalidValueError("sustain", self.sustain, f"above 0 and at most {MAX_SUSTAIN}")


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceWindow:
    """Assets, or all assets of a feeder, that are not used meanwhile."""

    feeder_id: str = ""
    asset_ids: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _require_place(self.feeder_id, self.asset_ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class OptOut:
    """An asset that takes no part in an event: it rests, or a car charges as if there were no event."""

    event_id: str
    asset_id: str

    def __post_init__(self) -> None:
        parse_identifier("event_id", self.event_id)
        parse_identifier("asset_id", self.asset_id)


SignalContent: TypeAlias = (
    PriceSignal | OperatingEnvelope | DispatchEvent | ReserveRequest | MaintenanceWindow | OptOut
)
KIND_OF: Final[dict[type, SignalKind]] = {
    PriceSignal: SignalKind.PRICE,
    OperatingEnvelope: SignalKind.ENVELOPE,
    DispatchEvent: SignalKind.EVENT,
    ReserveRequest: SignalKind.RESERVE,
    MaintenanceWindow: SignalKind.MAINTENANCE,
    OptOut: SignalKind.OPT_OUT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One signal as it was announced. Of two that overlap, the one with the lower `primacy` holds.

    `request_id` names the call it came with, `author` who made it. A withdrawn signal is one more
    announcement of its id. `superseded_by` is the request that put another in its place, as far as
    that was known when it was read; empty while it holds.
    """

    signal_id: str
    valid_from: datetime
    valid_until: datetime
    primacy: int = USUAL_PRIMACY
    request_id: str
    author: str
    available_at: datetime
    content: SignalContent
    withdrawn: bool = False
    superseded_by: str = ""

    def __post_init__(self) -> None:
        for name in ("signal_id", "request_id"):
            parse_identifier(name, getattr(self, name))
        for name in ("valid_from", "valid_until", "available_at"):
            object.__setattr__(self, name, require_utc(name, getattr(self, name)))
        if self.valid_until <= self.valid_from:
            raise InvalidValueError("valid_until", self.valid_until.isoformat(), "a time after valid_from")
        if self.valid_until - self.valid_from > MAX_VALIDITY:
            raise InvalidValueError(
                "valid_until",
                self.valid_until.isoformat(),
                f"at most {MAX_VALIDITY.days} days after valid_from",
            )
        if not 0 <= self.primacy <= MAX_PRIMACY:
            raise InvalidValueError("primacy", self.primacy, f"0 to {MAX_PRIMACY}, the lowest outranks all")

    @property
    def kind(self) -> SignalKind:
        return KIND_OF[type(self.content)]


def _require_number(value: object, name: str, low: float, high: float) -> None:
    number = getattr(value, name)
    if not low <= number <= high:  # NaN compares false
        raise InvalidValueError(name, number, f"a finite number from {low:g} to {high:g}")


def _require_place(feeder_id: str, asset_ids: tuple[str, ...]) -> None:
    """Raise InvalidValueError unless there is either a feeder or a number of different assets."""
    if bool(feeder_id) == bool(asset_ids):
        raise InvalidValueError("feeder_id", feeder_id, "either feeder_id or asset_ids")
    if feeder_id:
        parse_identifier("feeder_id", feeder_id)
    for asset_id in asset_ids[:MAX_SCOPE_ASSETS]:
        parse_identifier("asset_ids", asset_id)
    if len(set(asset_ids)) != len(asset_ids) or len(asset_ids) > MAX_SCOPE_ASSETS:
        raise InvalidValueError(
            "asset_ids", f"{len(asset_ids)} assets", f"up to {MAX_SCOPE_ASSETS} assets, each once"
        )
