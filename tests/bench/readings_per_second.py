"""Measure durable readings per second through the Store, on SQLite and on PostgreSQL.

Run from the repository: `.venv/bin/python -m tests.bench.readings_per_second`. Every call returns
after the database has synced its log to disk; batches run one after the other, as the gateway's
writer sends them.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from tests.postgresql import running_postgresql
from vpp.adapters.storage import migrate, open_store
from vpp.domain.assets import Asset, AssetKind, Feeder, Fleet
from vpp.domain.readings import ReadingColumns, to_microseconds
from vpp.ports import Store

START = datetime(2020, 5, 20, tzinfo=UTC)
ASSETS = 1000
READINGS_OF_A_CASE = 240_000


def fleet() -> Fleet:
    feeder = Feeder(feeder_id="feeder", import_limit_kw=1e6, export_limit_kw=1e6)
    return Fleet(
        assets=tuple(
            Asset(
                asset_id=f"asset-{slot}",
                node_id="node",
                feeder_id="feeder",
                kind=AssetKind.HOME_BATTERY,
                capacity_kwh=10.0,
                energy_min_kwh=0.0,
                energy_max_kwh=10.0,
                max_charge_kw=5.0,
                max_discharge_kw=5.0,
            )
            for slot in range(ASSETS)
        ),
        feeders=(feeder,),
    )


def batch(number: int, seconds: int) -> ReadingColumns:
    """Return one reading per asset and second, at random moments within it, in a batch of its own."""
    generator = np.random.default_rng(number)
    count = ASSETS * seconds
    second = np.repeat(np.arange(seconds), ASSETS) + number * seconds
    at_us = to_microseconds(START) + second * 1_000_000 + generator.integers(0, 1_000_000, count)
    return ReadingColumns(
        slot=np.tile(np.arange(ASSETS), seconds),
        measured_at_us=at_us,
        received_at_us=at_us + 50_000,
        soc=generator.random(count),
        power_kw=generator.normal(size=count),
        connected=np.ones(count, dtype=np.bool_),
        quality=np.zeros(count, dtype=np.int64),
    )


async def measure(store: Store, *, seconds: int, first: int) -> str:
    """Return a line with the rate and the time of a call, for batches of `seconds` per asset."""
    calls = READINGS_OF_A_CASE // (ASSETS * seconds)
    batches = [batch(first + number, seconds) for number in range(calls)]
    durations_s = []
    for one in batches:
        began = time.perf_counter()
        await store.append_readings(one)
        durations_s.append(time.perf_counter() - began)
    rate = READINGS_OF_A_CASE / sum(durations_s)
    median_ms, worst_ms = 1e3 * float(np.median(durations_s)), 1e3 * max(durations_s)
    return (
        f"{ASSETS * seconds:>7,} readings a call: {rate:>9,.0f} readings/s, "
        f"a call takes {median_ms:.1f} ms (worst {worst_ms:.1f})"
    )


async def measure_all(name: str, url: str) -> None:
    await migrate.upgrade(url)
    store = open_store(url, clock_now=lambda: START)
    try:
        await store.save_fleet(fleet())
        for case, seconds in enumerate((1, 10, 60)):
            line = await measure(store, seconds=seconds, first=case * 1_000_000)
            print(f"{name:<11}{line}")  # noqa: T201
    finally:
        await store.close()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure_all("SQLite", f"sqlite:///{Path(folder) / 'bench.sqlite'}"))
    with running_postgresql(survives_power_failure=True) as server:
        asyncio.run(measure_all("PostgreSQL", asyncio.run(server.create_database("bench"))))
    loads = ", ".join(f"{load:.1f}" for load in os.getloadavg())
    print(f"load average {loads} on {os.cpu_count()} cores")  # noqa: T201


if __name__ == "__main__":
    main()
