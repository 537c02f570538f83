"""Leases: which order an asset follows, and when it falls back into default control. Pure.

    order 7 received   valid_from            lease ends
          │◄─ queued ──────►│◄──── lifetime ────►│
    ──────┴─────────────────┴────────────────────┴───────────────► monotonic time
       RECEIVED          STARTED     EXPIRED, or COMPLETED / SUPERSEDED when a later order takes over

An order is known by (epoch, sequence) and only ever superseded by a higher one. No message is
needed for an asset to become safe: `advance` ends every lease on the monotonic clock.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from vpp.node import limits
from vpp.node.orders import LeaseEvent, LeaseState, Order

_NEVER = float("inf")


@dataclass(slots=True)
class _Held:
    """An order that the node holds; due_s, starts_s and ends_s on the monotonic clock."""

    order: Order
    due_s: float  # when it takes effect, before the node's own draw within the start window
    starts_s: float
    ends_s: float
    planned_end_s: float  # Unix time at which the service means it to end


@dataclass(slots=True)
class _AssetLease:
    """Orders of one asset: the one it follows, and those that begin later, by their start."""

    asset_id: str
    active: _Held | None = None
    queued: list[_Held] = field(default_factory=list)
    highest: tuple[int, int] = (0, 0)
    stopped_at_s: float = -_NEVER  # Unix time of the newest Stop
    released_at_s: float = -_NEVER  # Unix time of the newest Release
    until_released: bool = False  # a Stop holds: no order is taken
    cancelled: tuple[int, int] = (0, 0)  # highest rank that a Stop has ended

    def event(self, order: Order, state: LeaseState, at_s: float, detail: str = "") -> LeaseEvent:
        return LeaseEvent(
            asset_id=self.asset_id,
            epoch=order.epoch,
            sequence=order.sequence,
            state=state,
            at_s=at_s,
            detail=detail,
            order=order if state is LeaseState.STARTED else None,
        )

    def next_event_s(self) -> float:
        """Return when something happens next, monotonic seconds; infinity when nothing will."""
        ends_s = self.active.ends_s if self.active else _NEVER
        if not self.queued:
            return ends_s
        starts_s = self.queued[0].starts_s
        return starts_s if starts_s <= ends_s + limits.HANDOVER_TOLERANCE_S else ends_s

    def advance(self, now_s: float) -> list[LeaseEvent]:
        """Carry out everything that is due at `now_s`, each at its own time."""
        events: list[LeaseEvent] = []
        while (due_s := self.next_event_s()) <= now_s:
            if self.queued and due_s == self.queued[0].starts_s:
                events += self._start(self.queued.pop(0), due_s)
            else:
                assert self.active is not None
                events.append(self.event(self.active.order, LeaseState.EXPIRED, due_s))
                self.active = None
        return events

    def accept(self, held: _Held, now_s: float) -> list[LeaseEvent]:
        """Hold a new order; those that would begin no earlier give way to it."""
        self.highest = held.order.rank
        events = [self.event(held.order, LeaseState.RECEIVED, now_s)]
        for other in [other for other in self.queued if other.due_s >= held.due_s]:
            self.queued.remove(other)
            events.append(self.event(other.order, LeaseState.SUPERSEDED, now_s))
        if held.starts_s <= now_s:
            return events + self._start(held, now_s)
        held.starts_s = max([held.starts_s, *(other.starts_s for other in self.queued)])
        self.queued.append(held)
        return events

    def stop(self, now_s: float) -> list[LeaseEvent]:
        """End every order at once; none of them can come back."""
        ended = [*([self.active] if self.active else []), *self.queued]
        self.active, self.queued, self.cancelled = None, [], self.highest
        return [self.event(held.order, LeaseState.CANCELLED, now_s) for held in ended]

    def find(self, rank: tuple[int, int]) -> _Held | None:
        """Return the held order of this rank."""
        held = [*([self.active] if self.active else []), *self.queued]
        return next((item for item in held if item.order.rank == rank), None)

    def _start(self, held: _Held, at_s: float) -> list[LeaseEvent]:
        events: list[LeaseEvent] = []
        if self.active is not None:
            over = held.order.valid_from_s >= self.active.planned_end_s - 1e-6
            state = LeaseState.COMPLETED if over else LeaseState.SUPERSEDED
            events.append(self.event(self.active.order, state, at_s))
        self.active = held
        return [*events, self.event(held.order, LeaseState.STARTED, at_s)]


class LeaseTable:
    """The leases of all assets of one node."""

    def __init__(
        self,
        asset_ids: Iterable[str],
        *,
        max_order_age_s: float = 5.0,
        draw: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """`draw` gives the share, 0 to 1, of an order's start window to wait."""
        self._draw = draw
        self._leases = {asset_id: _AssetLease(asset_id) for asset_id in asset_ids}
        self.max_order_age_s = max_order_age_s
        self.epoch = 0

    def raise_epoch(self, epoch: int) -> bool:
        """Take note of a dispatcher's epoch; return False when a higher one is known."""
        if epoch < self.epoch:
            return False
        self.epoch = epoch
        return True

    def in_force(self, asset_id: str) -> Order | None:
        """Return the order that the asset follows, None in default control."""
        active = self._leases[asset_id].active
        return active.order if active else None

    def lease_end_s(self, asset_id: str) -> float | None:
        """Return when the lease of the order in force ends, monotonic seconds."""
        active = self._leases[asset_id].active
        return active.ends_s if active else None

    def next_event_s(self) -> float:
        """Return when `advance` has something to do, monotonic seconds; infinity when never."""
        return min((lease.next_event_s() for lease in self._leases.values()), default=_NEVER)

    def advance(self, now_s: float) -> list[LeaseEvent]:
        """Carry out everything that is due at `now_s`, in the order of its time."""
        events = [event for lease in self._leases.values() for event in lease.advance(now_s)]
        return sorted(events, key=lambda event: event.at_s)

    def offer(self, asset_id: str, order: Order, *, now_s: float, service_now_s: float) -> list[LeaseEvent]:
        """Take an order, or refuse it in words. `now_s` is monotonic, `service_now_s` Unix time.

        An order that is already held is a renewal; one whose lease has ended is held again, unless
        a Stop ended it.
        """
        lease = self._leases[asset_id]
        events = lease.advance(now_s)
        refusal = _malformed(order) or self._untimely(order, service_now_s) or _outranked(lease, order)
        held = lease.find(order.rank)
        if not refusal and held is None and len(lease.queued) >= limits.MAX_QUEUED_ORDERS:
            refusal = f"the asset already holds {limits.MAX_QUEUED_ORDERS} future orders"
        if not refusal and held is not None and held.order.demand != order.demand:
            refusal = f"sequence {order.sequence} was given before with another power or start"
        if refusal:
            return [*events, lease.event(order, LeaseState.REJECTED, now_s, refusal)]
        self.raise_epoch(order.epoch)
        if held is not None:
            _extend(held, order.sent_at_s, order.lifetime_s, now_s)
            return events
        due_s = now_s + max(0.0, order.valid_from_s - service_now_s)
        ends_s = min(due_s + order.lifetime_s, now_s + max(0.0, order.valid_until_s - service_now_s))
        window_s = min(order.start_window_s, order.lifetime_s / 3.0)  # the order before may last so long
        fresh = _Held(
            order=order,
            due_s=due_s,
            starts_s=due_s + (window_s * self._draw() if window_s > 0.0 else 0.0),
            ends_s=ends_s,
            planned_end_s=max(order.valid_from_s, order.sent_at_s) + order.lifetime_s,
        )
        return events + lease.accept(fresh, now_s)

    def renew(
        self,
        asset_id: str,
        rank: tuple[int, int],
        *,
        sent_at_s: float,
        lifetime_s: float,
        now_s: float,
        service_now_s: float,
    ) -> list[LeaseEvent]:
        """Give an order that is held a later end; refuse what is not held, too old or fenced off."""
        lease = self._leases[asset_id]
        events = lease.advance(now_s)
        held = lease.find(rank)
        if held is None:
            refusal = "no such order is held"
        else:
            refusal = _lifetime_refusal(lifetime_s)
            refusal = refusal or self._age_refusal(rank[0], sent_at_s, service_now_s)
        if refusal or held is None:
            rejected = LeaseEvent(
                asset_id=asset_id,
                epoch=rank[0],
                sequence=rank[1],
                state=LeaseState.REJECTED,
                at_s=now_s,
                detail=f"renewal: {refusal}",
            )
            return [*events, rejected]
        _extend(held, sent_at_s, lifetime_s, now_s)
        return events

    def stop(
        self,
        asset_ids: Sequence[str] | None,
        *,
        sent_at_s: float,
        now_s: float,
        until_released: bool = False,
    ) -> list[LeaseEvent]:
        """Send assets into default control at once, all when `asset_ids` is None.

        Orders sent at `sent_at_s` (Unix time) or before are refused from then on, with
        `until_released` every order until a `release`. A stop from before a release is an echo.
        """
        events: list[LeaseEvent] = []
        for asset_id in self._leases if asset_ids is None else asset_ids:
            lease = self._leases[asset_id]
            if sent_at_s < lease.released_at_s:
                continue
            lease.until_released |= until_released
            lease.stopped_at_s = max(lease.stopped_at_s, sent_at_s)
            events += lease.advance(now_s) + lease.stop(now_s)
        return events

    def release(self, asset_ids: Sequence[str] | None, *, epoch: int, sent_at_s: float) -> None:
        """End the stops sent up to `sent_at_s` (Unix time); a fenced-off dispatcher ends none."""
        if not self.raise_epoch(epoch):
            return
        for asset_id in self._leases if asset_ids is None else asset_ids:
            lease = self._leases[asset_id]
            lease.released_at_s = max(lease.released_at_s, sent_at_s)
            if sent_at_s >= lease.stopped_at_s:
                lease.until_released = False

    def _untimely(self, order: Order, service_now_s: float) -> str:
        ahead_s = order.valid_from_s - service_now_s
        if ahead_s > limits.MAX_START_AHEAD_S:
            return f"begins {ahead_s:.0f} s from now, expected at most {limits.MAX_START_AHEAD_S:.0f} s"
        return self._age_refusal(order.epoch, order.sent_at_s, service_now_s)

    def _age_refusal(self, epoch: int, sent_at_s: float, service_now_s: float) -> str:
        if epoch < self.epoch:
            return f"epoch {epoch} is lower than {self.epoch}, which this node has seen"
        age_s = service_now_s - sent_at_s
        if age_s > self.max_order_age_s:
            return f"was sent {age_s:.1f} s ago, expected at most {self.max_order_age_s:g} s"
        return ""


def _outranked(lease: _AssetLease, order: Order) -> str:
    if lease.until_released:
        return "is stopped until a release"
    if order.rank < lease.highest:
        return f"sequence {order.sequence} is lower than {lease.highest[1]}, which this node has seen"
    if order.rank <= lease.cancelled:
        return "was ended by a stop"
    if order.sent_at_s <= lease.stopped_at_s:
        return "was sent before the stop"
    return ""


def _malformed(order: Order) -> str:
    if not all(math.isfinite(value) for value in order.demand):
        return f"power_kw {order.power_kw}, min_kw {order.min_kw}, max_kw {order.max_kw}: expected numbers"
    if not order.min_kw - 1e-9 <= order.power_kw <= order.max_kw + 1e-9:
        return f"power_kw {order.power_kw:g} is outside its envelope {order.min_kw:g} to {order.max_kw:g}"
    if order.epoch < 1 or order.sequence < 1:
        return f"epoch {order.epoch}, sequence {order.sequence}: expected 1 or more"
    if not (order.ramp_kw_per_s >= 0.0 and order.start_window_s >= 0.0):
        return f"ramp {order.ramp_kw_per_s}, start window {order.start_window_s}: expected 0 or more"
    return _lifetime_refusal(order.lifetime_s)


def _lifetime_refusal(lifetime_s: float) -> str:
    if limits.MIN_LIFETIME_S <= lifetime_s <= limits.MAX_LIFETIME_S:
        return ""
    return f"lifetime_s {lifetime_s:g}, expected {limits.MIN_LIFETIME_S:g} to {limits.MAX_LIFETIME_S:g}"


def _extend(held: _Held, sent_at_s: float, lifetime_s: float, now_s: float) -> None:
    """Move the end of a lease; a renewal never brings it forward."""
    held.ends_s = max(held.ends_s, max(now_s, held.starts_s) + lifetime_s)
    held.planned_end_s = max(held.planned_end_s, max(sent_at_s, held.order.valid_from_s) + lifetime_s)
