"""What nodes say beside readings, turned into values: bounded, and refused in words where it must be.

A row that cannot be attributed or represented is refused and not kept. No row ever disturbs another.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from vpp.adapters.rpc import limits
from vpp.adapters.rpc.wire_values import (
    printable,
    refusal,
    require_equal_length,
    require_number,
    require_time,
)
from vpp.domain.assets import Fleet
from vpp.domain.errors import InvalidValueError
from vpp.domain.readings import ChargingSession, FeederReading, ReadingLimits
from vpp.domain.setpoints import Acknowledgement, AcknowledgementState
from vpp.rpcgen import fleet_pb2 as pb

_STATES = {number: AcknowledgementState(name.removeprefix("ACKNOWLEDGEMENT_STATE_").lower())
           for name, number in pb.AcknowledgementState.items() if number}  # fmt: skip


def clock_ahead_ms(pong: pb.Pong, now: datetime) -> int:
    """Return by how many ms a node's clock is ahead for certain; negative when it is behind.

    ```
        ping sent (ours) ── node_time (theirs) ── pong here (ours)
    ```
    The pong was written between the two, so only what lies outside of them is the clock's fault.
    """
    node_time, sent_at = pong.node_time, pong.ping_sent_at
    if not node_time.seconds or not sent_at.seconds:  # an older node does not tell
        return 0
    theirs, sent = require_time("node_time", node_time), require_time("ping_sent_at", sent_at)
    ahead = max(theirs - now, timedelta(0)) or min(theirs - sent, timedelta(0))
    return ahead // timedelta(milliseconds=1)


class Intake:
    """Turns acknowledgements, stays and metering of the nodes of one fleet into values."""

    def __init__(self, fleet: Fleet, reading_limits: ReadingLimits) -> None:
        self._limits = reading_limits
        self._asset_ids = [asset.asset_id for asset in fleet.assets]
        self._capacity_kwh = fleet.column("capacity_kwh")
        self._highest_feeder_kw = {
            feeder.feeder_id: min(
                limits.MAX_FEEDER_POWER_KW,
                limits.MAX_FEEDER_OVERLOAD * (feeder.import_limit_kw + feeder.export_limit_kw),
            )
            for feeder in fleet.feeders
        }

    def acknowledgements(
        self, message: pb.Acknowledgement, own_slots: NDArray[np.int64]
    ) -> tuple[list[Acknowledgement], pb.ServerMessage | None]:
        """Return the rows of an acknowledgement, and a refusal for those of other nodes' assets."""
        require_equal_length(slot=len(message.slot), sequence=len(message.sequence))
        state = _STATES.get(message.state)
        if state is None:
            raise InvalidValueError("state", message.state, "a state from RECEIVED to CANCELLED")
        at, detail = require_time("at", message.at), printable(message.detail)
        epoch = require_number("epoch", message.epoch)
        own = set(own_slots.tolist())
        foreign = [slot for slot in message.slot if slot not in own]
        rows = [
            Acknowledgement(
                asset_id=self._asset_ids[slot],
                epoch=epoch,
                sequence=require_number("sequence", sequence),
                state=state,
                at=at,
                detail=detail,
            )
            for slot, sequence in zip(message.slot, message.sequence, strict=True)
            if slot in own
        ]
        if not foreign:
            return rows, None
        return rows, refusal(InvalidValueError("slot", foreign[0], "a slot of this session's Welcome"))

    def stays(
        self, message: pb.ChargingSessions, own_slots: NDArray[np.int64], announced_at: datetime
    ) -> tuple[list[ChargingSession], list[InvalidValueError]]:
        """Return the stays that can be believed, and what is wrong with the others."""
        if len(message.sessions) > limits.MAX_STAYS_PER_MESSAGE:
            raise InvalidValueError(
                "sessions", f"{len(message.sessions)} stays", f"at most {limits.MAX_STAYS_PER_MESSAGE}"
            )
        own = set(own_slots.tolist())
        good: list[ChargingSession] = []
        errors: list[InvalidValueError] = []
        for stay in message.sessions:
            try:
                good.append(self._stay(stay, own, announced_at))
            except InvalidValueError as error:
                errors.append(error)
        return good, errors[: limits.MAX_REFUSALS_PER_MESSAGE]

    def _stay(self, stay: pb.ChargingSession, own: set[int], announced_at: datetime) -> ChargingSession:
        if stay.slot not in own:
            raise InvalidValueError("sessions.slot", stay.slot, "a slot of this session's Welcome")
        begin = require_time("sessions.connected_from", stay.connected_from)
        end = require_time("sessions.connected_until", stay.connected_until)
        if not begin < end <= begin + timedelta(days=60):
            raise InvalidValueError(
                "sessions.connected_until", end.isoformat(), "after connected_from, by 60 days at most"
            )
        capacity_kwh = float(self._capacity_kwh[stay.slot])
        for name in ("departure_energy_kwh", "trip_energy_kwh"):
            value = getattr(stay, name)
            if not 0.0 <= value <= capacity_kwh + 1e-6:
                raise InvalidValueError(f"sessions.{name}", value, f"a number from 0 to {capacity_kwh:g}")
        return ChargingSession(
            asset_id=self._asset_ids[stay.slot],
            connected_from=begin,
            connected_until=end,
            departure_energy_kwh=stay.departure_energy_kwh,
            trip_energy_kwh=stay.trip_energy_kwh,
            announced_at=announced_at,
        )

    def feeder_reading(
        self, message: pb.FeederReading, feeder_id: str, received_at: datetime
    ) -> FeederReading:
        """Return a feeder's reading; raise InvalidValueError unless `feeder_id` is the node's own."""
        if not feeder_id or message.feeder_id != feeder_id:
            expected = f"{feeder_id}, the feeder of this meter" if feeder_id else "no feeder: not a meter"
            raise InvalidValueError("feeder_id", printable(message.feeder_id), expected)
        start = require_time("start", message.start)
        if start > received_at + self._limits.future_tolerance:
            raise InvalidValueError("start", start.isoformat(), "an interval that has passed")
        highest_kw = self._highest_feeder_kw[feeder_id]
        for name in ("consumption_kw", "pv_kw"):
            value = getattr(message, name)
            if not 0.0 <= value <= highest_kw:
                raise InvalidValueError(name, value, f"a number from 0 to {highest_kw:g}")
        return FeederReading(
            feeder_id=feeder_id,
            start=start,
            consumption_kw=message.consumption_kw,
            pv_kw=message.pv_kw,
            available_at=received_at,
        )
