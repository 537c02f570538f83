"""The live fleet for people: sums for each feeder, and a stream of what changes, in columns."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import numpy as np
from numpy.typing import NDArray

from vpp.adapters.rpc import limits
from vpp.adapters.rpc.access import caller, scope
from vpp.adapters.rpc.dispatch_messages import timestamp
from vpp.adapters.rpc.errors import CallRefusedError, NotFoundError
from vpp.adapters.rpc.live_state import LiveState
from vpp.control.order_book import OrderBook
from vpp.domain.assets import Fleet, parse_identifier
from vpp.domain.errors import InvalidValueError
from vpp.ports import Clock
from vpp.rpcgen import fleet_view_pb2 as pb

CONNECTED, STOPPED, QUARANTINED = 1, 2, 4  # of `flags`


@dataclass(frozen=True, slots=True)
class Picture:
    """How N assets are, columns in slot order; times in milliseconds since 1970."""

    measured_at_ms: NDArray[np.int64]
    soc: NDArray[np.float32]
    power_kw: NDArray[np.float32]
    setpoint_kw: NDArray[np.float32]
    setpoint_until_ms: NDArray[np.int64]
    flags: NDArray[np.int32]

    def changed(self, before: Picture) -> NDArray[np.bool_]:
        """Return which assets are not as they were, shape (N,)."""
        setpoint = self.setpoint_kw != before.setpoint_kw
        setpoint &= ~(np.isnan(self.setpoint_kw) & np.isnan(before.setpoint_kw))
        same_reading = self.measured_at_ms == before.measured_at_ms
        same_lease = self.setpoint_until_ms == before.setpoint_until_ms
        changed: NDArray[np.bool_] = setpoint | ~same_reading | ~same_lease | (self.flags != before.flags)
        return changed


class FleetView:
    """The fleet as it is now, out of the live state and the book of orders."""

    def __init__(self, *, fleet: Fleet, live: LiveState, book: OrderBook, clock: Clock) -> None:
        self._fleet, self._live, self._book, self._clock = fleet, live, book, clock
        self._feeder_index = fleet.feeder_index()
        self._feeder_ids = [feeder.feeder_id for feeder in fleet.feeders]
        self._capacity_kwh = fleet.column("capacity_kwh")
        self._watching: Counter[str] = Counter()

    def summary(self) -> pb.SummarizeFleetResponse:
        """Return sums over the assets of each feeder that the caller may see."""
        now, live = self._clock.now(), self._live
        setpoint_kw, _ = self._book.shown(now)
        reported = live.measured_at_us > 0
        count = self._sum
        counts = {
            "assets": count(np.ones(len(self._fleet))),
            "connected_assets": count(live.node_connected),
            "stopped_assets": count(self._book.stopped),
            "quarantined_assets": count(live.quarantined),
            "ordered_assets": count(~np.isnan(setpoint_kw)),
        }
        kilowatts = {
            "power_kw": count(live.power_kw),
            "setpoint_kw": count(np.nan_to_num(setpoint_kw)),
            "energy_kwh": count(live.soc * self._capacity_kwh),
            "capacity_kwh": count(np.where(reported, self._capacity_kwh, 0.0)),
        }
        answer = pb.SummarizeFleetResponse(at=timestamp(now))
        for row, feeder in enumerate(self._fleet.feeders):
            if not scope().holds(feeder.feeder_id):
                continue
            values: dict[str, Any] = {name: int(column[row]) for name, column in counts.items()}
            values |= {name: float(column[row]) for name, column in kilowatts.items()}
            answer.feeders.add(
                feeder_id=feeder.feeder_id,
                import_limit_kw=feeder.import_limit_kw,
                export_limit_kw=feeder.export_limit_kw,
                **values,
            )
        return answer

    def _sum(self, column: NDArray[np.generic]) -> NDArray[np.float64]:
        """Return the sum of a column over the assets of each feeder, shape (F,)."""
        sums = np.zeros(len(self._feeder_ids))
        np.add.at(sums, self._feeder_index, column.astype(np.float64))
        return sums

    async def watch(self, request: pb.WatchFleetRequest) -> AsyncIterator[pb.WatchFleetResponse]:
        """Yield all assets, then those that change. Raises InvalidValueError, NotFoundError."""
        period_s = request.period_s or limits.USUAL_WATCH_PERIOD_S
        if not limits.SHORTEST_WATCH_PERIOD_S <= period_s <= limits.LONGEST_WATCH_PERIOD_S:
            expected = f"{limits.SHORTEST_WATCH_PERIOD_S} to {limits.LONGEST_WATCH_PERIOD_S}, or 0"
            raise InvalidValueError("period_s", request.period_s, expected)
        seen = self._seen(request.feeder_id)
        with self._counted(caller().name):
            before = self._picture()
            for message in self._messages(before, np.flatnonzero(seen), first=True):
                yield message
            while True:
                await asyncio.sleep(period_s)
                now = self._picture()
                for message in self._messages(now, np.flatnonzero(seen & now.changed(before)), first=False):
                    yield message
                before = now

    def _seen(self, feeder_id: str) -> NDArray[np.bool_]:
        seen = scope().of_assets(self._fleet)
        if not feeder_id:
            return seen
        if feeder_id not in self._feeder_ids or not scope().holds(feeder_id):
            raise NotFoundError("feeder", parse_identifier("feeder_id", feeder_id))
        seen &= self._feeder_index == self._feeder_ids.index(feeder_id)
        return seen

    @contextmanager
    def _counted(self, name: str) -> Iterator[None]:
        own, all_callers = self._watching[name], self._watching.total()
        if own >= limits.MAX_WATCHES_PER_CALLER or all_callers >= limits.MAX_WATCHES:
            raise CallRefusedError(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                "TOO_MANY_WATCHES",
                f"expected at most {limits.MAX_WATCHES_PER_CALLER} watches of one caller and "
                f"{limits.MAX_WATCHES} in all; end one of them",
            )
        self._watching[name] += 1
        try:
            yield
        finally:
            self._watching[name] -= 1

    def _picture(self) -> Picture:
        live = self._live
        setpoint_kw, until_us = self._book.shown(self._clock.now())
        flags = (
            CONNECTED * live.node_connected + STOPPED * self._book.stopped + QUARANTINED * live.quarantined
        )
        return Picture(
            measured_at_ms=live.measured_at_us // 1000,
            soc=live.soc.astype(np.float32),
            power_kw=live.power_kw.astype(np.float32),
            setpoint_kw=setpoint_kw.astype(np.float32),
            setpoint_until_ms=until_us // 1000,
            flags=flags.astype(np.int32),
        )

    def _messages(
        self, picture: Picture, slots: NDArray[np.int64], *, first: bool
    ) -> Iterator[pb.WatchFleetResponse]:
        """Yield the columns of some assets, `MAX_WATCH_ROWS` at a time; nothing when there are none."""
        at = timestamp(self._clock.now())
        for begin in range(0, max(len(slots), int(first)), limits.MAX_WATCH_ROWS):
            rows = slots[begin : begin + limits.MAX_WATCH_ROWS]
            message = pb.WatchFleetResponse(
                at=at,
                slot=rows.tolist(),
                measured_at_ms=picture.measured_at_ms[rows].tolist(),
                soc=picture.soc[rows].tolist(),
                power_kw=picture.power_kw[rows].tolist(),
                setpoint_kw=picture.setpoint_kw[rows].tolist(),
                setpoint_until_ms=picture.setpoint_until_ms[rows].tolist(),
                flags=picture.flags[rows].tolist(),
                whole=not first or begin + limits.MAX_WATCH_ROWS >= len(slots),
            )
            if first:
                assets = [self._fleet.assets[slot] for slot in rows.tolist()]
                message.asset_id.extend(asset.asset_id for asset in assets)
                message.feeder_id.extend(asset.feeder_id for asset in assets)
            yield message
