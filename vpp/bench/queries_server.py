"""The server process of `vpp bench queries`: `python -m vpp.bench.queries_server FOLDER ASSETS FEEDERS RUNS`.

OperatorService over a live fleet and an SQLite file with runs and one order for each asset. The first
line out holds the port; then, while standard input is open, a share of the fleet reports every 100 ms.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import uvloop

from vpp.adapters.clock import WallClock
from vpp.adapters.rpc.credentials import ServerCredentials
from vpp.adapters.rpc.gateway import Gateway
from vpp.adapters.rpc.operator import OperatorServicer
from vpp.adapters.rpc.server import freeze_garbage, start_server
from vpp.adapters.storage import open_store
from vpp.adapters.storage.migrate import upgrade
from vpp.bench.server import make_fleet
from vpp.domain.assets import Feeder, Fleet
from vpp.domain.readings import ReadingColumns
from vpp.domain.runs import Rung, RunSummary
from vpp.domain.setpoints import Origin, SetpointColumns
from vpp.domain.state import FleetState
from vpp.ports import Store

REPORT_PERIOD_S = 30.0  # each asset reports once in it
TICK_S = 0.1


def spread(assets: int, feeders: int) -> Fleet:
    """Return a fleet whose assets are spread evenly over feeders."""
    fleet = make_fleet(assets, 1)
    ids = [f"feeder-{number}" for number in range(feeders)]
    return Fleet(
        assets=tuple(
            replace(asset, feeder_id=ids[slot % feeders]) for slot, asset in enumerate(fleet.assets)
        ),
        feeders=tuple(Feeder(feeder_id=name, import_limit_kw=1e6, export_limit_kw=1e6) for name in ids),
    )


async def fill(store: Store, fleet: Fleet, clock: WallClock, runs: int) -> SetpointColumns:
    """Store runs; the last one ordered every asset something. Return its orders."""
    now, count = clock.now(), len(fleet)
    await store.save_fleet(fleet)
    epoch = await store.next_epoch()
    state = FleetState(
        at=now,
        energy_kwh=np.zeros(count),
        power_kw=np.zeros(count),
        connected=np.ones(count, dtype=np.bool_),
        usable=np.ones(count, dtype=np.bool_),
        measured_at_us=np.zeros(count, dtype=np.int64),
    )
    power_kw = np.linspace(-5.0, 5.0, count)
    orders = SetpointColumns(
        run_id=f"run-{runs - 1}",
        epoch=epoch,
        valid_from=now,
        valid_until=now + timedelta(minutes=15),
        origin=Origin.OPTIMIZER,
        reason="bench",
        slot=np.arange(count),
        sequence=np.ones(count, dtype=np.int64),
        power_kw=power_kw,
        min_kw=power_kw,
        max_kw=power_kw,
    )
    few = replace(state, **{name: getattr(state, name)[:1] for name in _COLUMNS})
    for number in range(runs):
        last = number == runs - 1
        at = now - timedelta(minutes=15) * (runs - number)
        run = RunSummary(
            run_id=f"run-{number}",
            cycle_start=at,
            started_at=at,
            finished_at=at,
            trigger="bench",
            rung=Rung.OPTIMAL,
            reason="",
            forecast_id=None,
            input_sha256="",
            objective=1.0,
            lower_bound=1.0,
            gap=0.0,
            setpoints=count if last else 0,
            seconds_solve=0.0,
            killed=False,
            epoch=epoch,
        )
        await store.save_run(run, plan=None, state=state if last else few, setpoints=orders if last else None)
    return orders


_COLUMNS = ("energy_kwh", "power_kw", "connected", "usable", "measured_at_us")


async def report(gateway: Gateway, rng: np.random.Generator) -> None:
    """Let assets report for ever, by turns, each once in the report period."""
    count = len(gateway.live)
    share = max(1, int(count * TICK_S / REPORT_PERIOD_S))
    first = 0
    while True:
        slot = np.arange(first, first + share) % count
        first = (first + share) % count
        now_us = time.time_ns() // 1000
        gateway.live.update(
            ReadingColumns(
                slot=slot,
                measured_at_us=np.full(share, now_us),
                received_at_us=np.full(share, now_us),
                soc=rng.random(share),
                power_kw=rng.normal(size=share),
                connected=np.ones(share, dtype=np.bool_),
                quality=np.zeros(share, dtype=np.int64),
                clock_ahead_ms=np.zeros(share, dtype=np.int64),
            )
        )
        await asyncio.sleep(TICK_S)


async def run(folder: Path, assets: int, feeders: int, runs: int) -> None:
    """Serve until standard input ends."""
    clock, fleet = WallClock(), spread(assets, feeders)
    url = f"sqlite:///{folder / 'queries.sqlite'}"
    await upgrade(url)
    store = open_store(url, clock_now=clock.now)
    orders = await fill(store, fleet, clock, runs)
    gateway = Gateway(fleet=fleet, store=store, clock=clock, epoch=1)
    gateway.book.give(orders, clock.now())
    credentials = ServerCredentials(
        authority=(folder / "authority.pem").read_bytes(),
        certificate=(folder / "server.pem").read_bytes(),
        private_key=(folder / "server.key").read_bytes(),
    )
    operator = OperatorServicer(fleet=fleet, store=store, live=gateway.live, book=gateway.book, clock=clock)
    server = await start_server(credentials=credentials, gateway=gateway, operator_servicer=operator)
    freeze_garbage()
    reporting = asyncio.create_task(report(gateway, np.random.default_rng(0)))
    sys.stdout.write(json.dumps({"port": server.port}) + "\n")
    sys.stdout.flush()
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    while line := await reader.readline():
        sys.stdout.write(json.dumps({"cpu_s": time.process_time(), "asked": line.decode().strip()}) + "\n")
        sys.stdout.flush()
    reporting.cancel()
    await server.stop(1.0)
    await store.close()


if __name__ == "__main__":
    uvloop.run(run(Path(sys.argv[1]), *map(int, sys.argv[2:])))
