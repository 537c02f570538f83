"""What the service orders, on its way into the leases."""

from __future__ import annotations

from dataclasses import replace

from vpp.node import messages
from vpp.node.clock import NodeClock, ServiceTime
from vpp.node.control_loop import ControlLoop
from vpp.node.counters import NodeCounters
from vpp.node.endings import SessionError
from vpp.node.lease import LeaseTable
from vpp.rpcgen import fleet_pb2 as pb


class OrderIntake:
    """Takes orders, renewals, stops and releases; `asset_of` maps the slots of this session."""

    def __init__(
        self,
        leases: LeaseTable,
        control: ControlLoop,
        clock: NodeClock,
        service_time: ServiceTime,
        counters: NodeCounters,
    ) -> None:
        self._leases, self._control, self._clock = leases, control, clock
        self._service_time, self._counters = service_time, counters
        self.asset_of: dict[int, str] = {}

    def take_setpoints(self, message: pb.Setpoints) -> None:
        """Take orders; one for an asset of another node ends the session."""
        now_s, service_now_s = self._clock.monotonic(), self._service_time.now_s()
        for slot, order in messages.orders_of(message):
            asset_id = self.asset_of.get(slot)
            if asset_id is None:
                raise SessionError(f"the service sent an order for slot {slot}, which is not this node's")
            self._counters.orders += 1
            events = self._leases.offer(asset_id, order, now_s=now_s, service_now_s=service_now_s)
            self._counters.rejected_orders += sum(bool(event.detail) for event in events)
            self._control.handle(events)
        self._control.wake()

    def take_renewal(self, message: pb.Renewal) -> None:
        """Give orders in force a later end."""
        now_s, service_now_s = self._clock.monotonic(), self._service_time.now_s()
        for slot, sequence in zip(message.slot, message.sequence, strict=True):
            if (asset_id := self.asset_of.get(slot)) is not None:
                events = self._leases.renew(
                    asset_id,
                    (message.epoch, sequence),
                    sent_at_s=messages.unix_s(message.sent_at),
                    lifetime_s=message.lifetime_s,
                    now_s=now_s,
                    service_now_s=service_now_s,
                )
                self._control.handle(events)
        self._control.wake()

    def take_stop(self, message: pb.Stop) -> None:
        """End orders at once, above every sequence."""
        asset_ids = [self.asset_of[slot] for slot in message.slot if slot in self.asset_of]
        events = self._leases.stop(
            asset_ids if message.slot else None,
            sent_at_s=messages.unix_s(message.sent_at),
            now_s=self._clock.monotonic(),
            until_released=message.until_released,
        )
        self._control.handle([replace(event, detail=event.detail or message.reason) for event in events])
        self._control.wake()

    def take_release(self, message: pb.Release) -> None:
        """Let assets take orders again."""
        asset_ids = [self.asset_of[slot] for slot in message.slot if slot in self.asset_of]
        self._leases.release(
            asset_ids if message.slot else None,
            epoch=message.epoch,
            sent_at_s=messages.unix_s(message.sent_at),
        )
