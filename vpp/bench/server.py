"""The server process: `python -m vpp.bench.server FOLDER NODES ASSETS URL [PORT [AGE_S]]`.

Commands and answers are JSON lines. The product's gateway over mutual TLS, with a probe in the live state.
URL is a database, or `memory` for one that forgets everything. AGE_S is after how long a connection is ended,
in place of the service's hour. The first line out holds the port.

    {"do": "figures"}      since the last question: readings, live latency, CPU, memory, rows stored
    {"do": "setpoints", "stored": true}    one order to each asset
    {"do": "rows"}         wait until orders that were stored can be searched
    {"do": "stop"}         the emergency stop of the whole fleet
    {"do": "room", "rows": 5000}    how many readings may wait for the database, to see the queue full
    {"do": "collect"}      collect garbage
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import uvloop

from vpp.adapters.clock import WallClock
from vpp.adapters.rpc import limits
from vpp.adapters.rpc.credentials import ServerCredentials
from vpp.adapters.rpc.gateway import Gateway
from vpp.adapters.rpc.heap import use_one_arena
from vpp.adapters.rpc.live_state import LiveState
from vpp.adapters.rpc.server import freeze_garbage, start_server
from vpp.adapters.storage import open_store
from vpp.adapters.storage.migrate import upgrade
from vpp.bench.load import raise_file_limit
from vpp.domain.assets import Asset, AssetKind, Feeder, Fleet
from vpp.domain.readings import ReadingColumns
from vpp.domain.runs import Rung, RunSummary
from vpp.domain.setpoints import Origin, SetpointColumns
from vpp.domain.state import FleetState
from vpp.ports import Store
from vpp.service.logs import configure_logs

_PAGE_BYTES = 4096


def make_fleet(nodes: int, assets: int) -> Fleet:
    """Return `nodes` nodes with `assets` batteries each, on one feeder."""
    feeder = Feeder(feeder_id="feeder", import_limit_kw=1e9, export_limit_kw=1e9)
    batteries = tuple(
        Asset(
            asset_id=f"asset-{number}",
            node_id=f"node-{number // assets}",
            feeder_id="feeder",
            kind=AssetKind.HOME_BATTERY,
            capacity_kwh=10.0,
            energy_min_kwh=0.0,
            energy_max_kwh=10.0,
            max_charge_kw=5.0,
            max_discharge_kw=5.0,
        )
        for number in range(nodes * assets)
    )
    return Fleet(assets=batteries, feeders=(feeder,))


class ForgetfulStore:
    """A database that takes readings and words and keeps none, to measure what comes before it."""

    async def append_readings(self, readings: ReadingColumns) -> None:
        return None

    async def append_acknowledgements(self, acknowledgements: object) -> None:
        return None

    async def latest_readings(self) -> ReadingColumns:
        return LiveState(0).latest_readings()

    async def save_sessions(self, sessions: object) -> None:
        return None

    async def close(self) -> None:
        return None


class ProbedLiveState(LiveState):
    """A live state that notes how old readings are when they have come into it."""

    def __init__(self, assets: int) -> None:
        super().__init__(assets)
        self.ages_ms: list[float] = []
        self.rows = 0

    def update(self, readings: ReadingColumns) -> None:
        super().update(readings)
        now_us = time.time_ns() // 1000
        self.rows += len(readings)
        ages_us = now_us - readings.measured_at_us
        self.ages_ms += (ages_us[:: max(1, len(readings) // 20)] / 1e3).tolist()


def resident_mb() -> float:
    """Return the memory that this process holds, MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_BYTES / 1e6


def machine_cpu_s() -> float:
    """Return what all processes of the machine have spent since its start, CPU seconds."""
    busy = [int(ticks) for ticks in Path("/proc/stat").read_text().split(maxsplit=9)[1:9]]
    return (sum(busy) - busy[3] - busy[4]) / os.sysconf("SC_CLK_TCK")  # without idle and waiting for disks


class Bench:
    """The gateway under measurement."""

    def __init__(self, fleet: Fleet, store: Store, *, durable: bool, epoch: int) -> None:
        self._store, self._durable = store, durable
        self.live = ProbedLiveState(len(fleet))
        self.gateway = Gateway(fleet=fleet, store=store, clock=WallClock(), epoch=epoch, live=self.live)
        self._count, self._sequence, self._stored_rows = len(fleet), 0, 0
        self._random = np.random.default_rng(1)
        self._since = (time.perf_counter(), time.process_time(), machine_cpu_s())
        self._append = store.append_readings
        store.append_readings = self._append_counted  # type: ignore[method-assign]

    async def _append_counted(self, readings: ReadingColumns) -> None:
        await self._append(readings)
        self._stored_rows += len(readings)

    async def do(self, command: dict[str, Any]) -> dict[str, Any]:
        name = command.pop("do")
        answer: dict[str, Any] = await getattr(self, f"do_{name}")(**command)
        return answer

    async def do_figures(self) -> dict[str, Any]:
        now = (time.perf_counter(), time.process_time(), machine_cpu_s())
        wall_s, cpu_s, all_cpu_s = (new - old for new, old in zip(now, self._since, strict=True))
        ages, rows, stored = self.live.ages_ms, self.live.rows, self._stored_rows
        self._since, self.live.ages_ms, self.live.rows, self._stored_rows = now, [], 0, 0
        p50, p99 = np.percentile(ages, [50, 99]) if ages else (0.0, 0.0)
        counters = self.gateway.counters
        return {
            "wall_s": wall_s,
            "cpu_s": cpu_s,
            "machine_cpu_s": all_cpu_s,
            "rows": rows,
            "stored_rows": stored,
            "waiting_rows": self.gateway.telemetry.reading_queue.waiting_rows,
            "dropped_rows": self.gateway.telemetry.reading_queue.rows_over_capacity,
            "live_p50_ms": float(p50),
            "live_p99_ms": float(p99),
            "resident_mb": resident_mb(),
            "sessions": len(self.gateway.sessions),
            "slow_consumer_drops": counters.slow_consumer_drops,
            "throttled": counters.throttled_messages,
        }

    async def do_setpoints(self, *, stored: bool = False) -> dict[str, Any]:
        began_s, cpu_s = time.perf_counter(), time.process_time()
        now = self.gateway.clock.now()
        self._sequence += 1
        power_kw = self._random.uniform(-5.0, 5.0, self._count)  # nothing that compresses well
        orders = SetpointColumns(
            run_id=f"bench-{self.gateway.epoch}-{self._sequence}",
            epoch=self.gateway.epoch,
            valid_from=now,
            valid_until=now + timedelta(seconds=900),
            origin=Origin.OPERATOR,
            reason="bench",
            slot=np.arange(self._count),
            sequence=np.full(self._count, self._sequence),
            power_kw=power_kw,
            min_kw=power_kw,
            max_kw=power_kw,
        )
        if stored and self._durable:
            state = FleetState(
                at=now,
                energy_kwh=np.zeros(self._count),
                power_kw=np.zeros(self._count),
                connected=np.ones(self._count, dtype=np.bool_),
                usable=np.ones(self._count, dtype=np.bool_),
                measured_at_us=np.zeros(self._count, dtype=np.int64),
            )
            await self._store.save_run(self._run(orders), plan=None, state=state, setpoints=orders)
        stored_s = time.perf_counter() - began_s
        report = await self.gateway.send(orders)
        call_s = time.perf_counter() - began_s
        written = await self._until_written(began_s, cpu_s)
        return {"sent": report.sent, "stored_s": stored_s, "call_s": call_s} | written

    async def do_rows(self) -> dict[str, Any]:
        """Ask for orders, which waits for the rows of those that were stored last."""
        began_s = time.perf_counter()
        await self._store.acknowledged_orders("none")
        return {"rows_s": time.perf_counter() - began_s}

    def _run(self, orders: SetpointColumns) -> RunSummary:
        return RunSummary(
            run_id=orders.run_id,
            cycle_start=orders.valid_from,
            started_at=orders.valid_from,
            finished_at=orders.valid_from,
            trigger="bench",
            rung=Rung.GREEDY,
            reason="",
            forecast_id=None,
            input_sha256="",
            objective=None,
            lower_bound=None,
            gap=None,
            setpoints=len(orders),
            seconds_solve=0.0,
            killed=False,
            epoch=orders.epoch,
        )

    async def do_room(self, *, rows: int) -> dict[str, Any]:
        self.gateway.telemetry.reading_queue.capacity_rows = rows
        return {}

    async def do_collect(self) -> dict[str, Any]:
        """Collect garbage; what the memory falls by was held by cycles alone."""
        before_mb = resident_mb()
        return {"found": gc.collect(), "before_mb": before_mb, "after_mb": resident_mb()}

    async def do_stop(self) -> dict[str, Any]:
        began_s, cpu_s, loop_cpu_s = time.perf_counter(), time.process_time(), time.thread_time()
        report = await self.gateway.stop(None, "bench")
        called = {"call_s": time.perf_counter() - began_s, "call_cpu_s": time.thread_time() - loop_cpu_s}
        return {"sent": report.sent} | called | await self._until_written(began_s, cpu_s)

    async def _until_written(self, began_s: float, cpu_s: float) -> dict[str, float]:
        """Wait until the last stream has taken what was put; return how long it took, and of how much CPU."""
        for session in self.gateway.sessions.all():
            while session.outbox.busy:  # noqa: ASYNC110 - an event would be in what is measured
                await asyncio.sleep(0.005)
        wall_s, spent_s = time.perf_counter() - began_s, time.process_time() - cpu_s
        return {"written_s": wall_s, "written_cpu_s": spent_s}


async def run(
    folder: Path, nodes: int, assets: int, url: str, port: int = 0, age_s: float = limits.MAX_STREAM_AGE_S
) -> None:
    """Serve until standard input ends."""
    configure_logs(WallClock())  # to stderr, as the service does: answers go to stdout
    fleet, durable = make_fleet(nodes, assets), url != "memory"
    store: Any = ForgetfulStore()
    epoch = 1
    if durable:
        await upgrade(url)
        store = open_store(url, clock_now=WallClock().now)
        await store.save_fleet(fleet)
        epoch = await store.next_epoch()
    bench = Bench(fleet, store, durable=durable, epoch=epoch)
    credentials = ServerCredentials(
        authority=(folder / "authority.pem").read_bytes(),
        certificate=(folder / "server.pem").read_bytes(),
        private_key=(folder / "server.key").read_bytes(),
    )
    age = [("grpc.max_connection_age_ms", int(1e3 * age_s))]
    if age_s < limits.MAX_STREAM_AGE_S:
        age.append(("grpc.max_connection_age_grace_ms", 500))
    server = await start_server(credentials=credentials, gateway=bench.gateway, port=port, options=age)
    freeze_garbage()
    sys.stdout.write(json.dumps({"port": server.port}) + "\n")
    sys.stdout.flush()
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        answer = await bench.do(json.loads(line))
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    await server.stop(1.0)
    await store.close()


if __name__ == "__main__":
    use_one_arena()
    raise_file_limit()
    folder, nodes, assets, url, *more = sys.argv[1:]
    port, age_s = int(more[0]) if more else 0, float(more[1]) if more[1:] else limits.MAX_STREAM_AGE_S
    uvloop.run(run(Path(folder), int(nodes), int(assets), url, port, age_s))
