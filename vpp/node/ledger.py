"""What simulated devices really did, interval by interval: the meter of a demonstration or a test."""

from __future__ import annotations

import asyncio
import csv
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path

from vpp.node.clock import NodeClock
from vpp.node.simulated import SimulatedBattery


class EnergyLedger:
    """Reads the energy books of devices at the end of every interval; all energies in kWh since the start.

    `rows` holds, for each interval end and device: asset_id, at, energy_kwh and the books.
    """

    def __init__(self, devices: Sequence[SimulatedBattery], *, start: datetime, interval: timedelta) -> None:
        """Start with the interval that begins at `start`."""
        self.rows: list[dict[str, object]] = []
        self._devices, self._next, self._interval = devices, start, interval

    def read_due(self, now: datetime) -> None:
        """Write down every interval end up to `now`, bringing the devices there first."""
        while self._next <= now:
            for device in self._devices:
                device.step(self._next)
                self.rows.append(
                    {
                        "asset_id": device.asset_id,
                        "at": self._next.isoformat(),
                        "energy_kwh": device.energy_kwh,
                        **asdict(device.book),
                    }
                )
            self._next += self._interval

    async def follow(self, clock: NodeClock, before: Callable[[], None]) -> None:
        """Read at every interval end until cancelled; `before` carries out what is due by then."""
        while True:
            pause_s = (self._next - clock.now()).total_seconds()
            await asyncio.sleep(max(0.0, clock.wall_seconds(pause_s)))
            before()
            self.read_due(clock.now())

    def write(self, path: Path) -> None:
        """Write all rows as CSV."""
        with path.open("w", encoding="utf-8", newline="") as file:
            if self.rows:
                writer = csv.DictWriter(file, list(self.rows[0]))
                writer.writeheader()
                writer.writerows(self.rows)
