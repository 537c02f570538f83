"""Brings leases to devices: wakes at the next lease event, applies power, falls back to default."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from vpp.node.clock import NodeClock
from vpp.node.default_control import ControlTerms, DefaultControl, default_power_kw, ramp_step
from vpp.node.device import DevicePort, FrequencyPort
from vpp.node.lease import LeaseTable
from vpp.node.orders import LeaseEvent, LeaseState, Order

_logger = logging.getLogger("vpp.node")
RAMP_STEP_S: Final = 1.0
RETRY_S: Final = 1.0
SELF_CONSUMPTION_PERIOD_S: Final = 10.0
_ENDINGS: Final = (LeaseState.EXPIRED, LeaseState.CANCELLED)


@dataclass(slots=True)
class _Controlled:
    """A device with what it is asked to do; times on the monotonic clock, powers in kW."""

    device: DevicePort
    terms: ControlTerms = field(default_factory=ControlTerms)
    applied_kw: float = 0.0
    in_default: bool = True
    order: Order | None = None  # that is followed outside default control
    changed_at_s: float = 0.0
    next_at_s: float = float("inf")  # next step of a ramp, of self-consumption, or a retry
    unheard_kw: float | None = None  # what a device could not be told


class ControlLoop:
    """Follows the lease table. Every transition is applied at its own time, in order."""

    def __init__(
        self,
        devices: Iterable[DevicePort],
        clock: NodeClock,
        leases: LeaseTable,
        on_events: Callable[[Sequence[LeaseEvent]], None],
    ) -> None:
        self._controlled = {device.asset_id: _Controlled(device) for device in devices}
        self._clock, self._leases, self._on_events = clock, leases, on_events
        self._woken = asyncio.Event()
        self.device_errors = 0

    def set_terms(self, asset_id: str, terms: ControlTerms) -> None:
        """Agree on limits and default control; they hold from now on, connected or not."""
        controlled = self._controlled[asset_id]
        controlled.terms = terms
        if controlled.in_default:
            self._enter_default(controlled, self._clock.monotonic())

    def applied_kw(self, asset_id: str) -> float:
        """Return the power that the device was told last, kW, positive discharges."""
        return self._controlled[asset_id].applied_kw

    def wake(self) -> None:
        """Have `run` look at the leases again: they were changed."""
        self._woken.set()

    async def run(self) -> None:
        """Advance at each lease event until cancelled."""
        while True:
            self._woken.clear()
            next_s = self.advance()
            wait_s = self._clock.wall_seconds(max(0.0, next_s - self._clock.monotonic()))
            try:
                async with asyncio.timeout(None if wait_s == float("inf") else wait_s):
                    await self._woken.wait()
            except TimeoutError:
                continue

    def advance(self) -> float:
        """Carry out what is due and return when something is due next, monotonic seconds."""
        now_s = self._clock.monotonic()
        self.handle(self._leases.advance(now_s))
        for controlled in self._controlled.values():
            while controlled.next_at_s <= now_s:
                self._continue(controlled, now_s)
        steps_s = (controlled.next_at_s for controlled in self._controlled.values())
        return min([self._leases.next_event_s(), *steps_s])

    def handle(self, events: Sequence[LeaseEvent]) -> None:
        """Apply what became of orders and pass it on for acknowledgement."""
        for event in events:
            controlled = self._controlled[event.asset_id]
            if event.state is LeaseState.STARTED and event.order is not None:
                controlled.in_default, controlled.order = False, event.order
                controlled.changed_at_s = event.at_s
                self._follow(controlled, event.order, event.at_s)
            elif event.state in _ENDINGS:
                controlled.in_default, controlled.order = True, None
                controlled.changed_at_s = event.at_s
                self._enter_default(controlled, event.at_s)
        if events:
            self._on_events(events)

    def _continue(self, controlled: _Controlled, now_s: float) -> None:
        """Take the next step of a ramp or of self-consumption, or tell a device again what it missed."""
        if controlled.unheard_kw is not None:
            controlled.next_at_s = float("inf")
            self._apply(controlled, controlled.unheard_kw, now_s)
        elif controlled.order is not None:
            self._follow(controlled, controlled.order, controlled.next_at_s)
        else:
            self._enter_default(controlled, max(controlled.next_at_s, controlled.changed_at_s))

    def _follow(self, controlled: _Controlled, order: Order, at_s: float) -> None:
        """Bring the device to its order's power, or one step of the ramp nearer to it."""
        target_kw, answers = order.power_kw, False
        if order.droop is not None and isinstance(controlled.device, FrequencyPort):
            answers, frequency_hz = True, controlled.device.frequency_hz()
            if frequency_hz is not None:
                target_kw += order.droop.response_kw(frequency_hz)
                target_kw = min(max(target_kw, order.min_kw), order.max_kw)
        target_kw = controlled.terms.clip(target_kw)
        power_kw = ramp_step(
            present_kw=controlled.applied_kw,
            target_kw=target_kw,
            ramp_kw_per_s=order.ramp_kw_per_s or None,
            elapsed_s=at_s - controlled.changed_at_s,
        )
        stays = power_kw == target_kw and not answers
        controlled.next_at_s = float("inf") if stays else at_s + RAMP_STEP_S
        self._apply(controlled, power_kw, at_s)

    def _enter_default(self, controlled: _Controlled, at_s: float) -> None:
        """Bring the device to default control, or one step nearer to it."""
        terms = controlled.terms
        site_kw = controlled.device.site_net_load_kw()
        target_kw = default_power_kw(terms, present_kw=controlled.applied_kw, site_net_load_kw=site_kw)
        power_kw = ramp_step(
            present_kw=controlled.applied_kw,
            target_kw=target_kw,
            ramp_kw_per_s=terms.ramp_kw_per_s,
            elapsed_s=at_s - controlled.changed_at_s,
        )
        if power_kw != target_kw:
            controlled.next_at_s = at_s + RAMP_STEP_S
        elif terms.default_control is DefaultControl.SELF_CONSUMPTION and site_kw is not None:
            controlled.next_at_s = at_s + SELF_CONSUMPTION_PERIOD_S
        else:
            controlled.next_at_s = float("inf")
        self._apply(controlled, power_kw, at_s)

    def _apply(self, controlled: _Controlled, power_kw: float, at_s: float) -> None:
        try:
            controlled.device.step(self._plant_time(at_s))
            controlled.device.apply(power_kw)
            controlled.unheard_kw = None
        except Exception:  # one broken device must not take the others' leases with it
            self.device_errors += 1
            controlled.unheard_kw, controlled.next_at_s = power_kw, at_s + RETRY_S
            _logger.exception("asset %s could not be told %.3f kW", controlled.device.asset_id, power_kw)
        controlled.applied_kw, controlled.changed_at_s = power_kw, at_s

    def _plant_time(self, at_s: float) -> datetime:
        """Return the time of a moment on the monotonic clock, which is now or shortly before."""
        return self._clock.now() - timedelta(seconds=self._clock.monotonic() - at_s)
