"""What operators' questions cost: a fleet in a process of its own, asked by the product's client."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from vpp.bench.processes import Child, Row
from vpp.client import Client, calls
from vpp.service.certificates import create_authority, issue_operator, issue_server

ASKED = "p99 50 ms"
Question = Callable[[Client, int], object]


def questions(assets: int, feeders: int, runs: int) -> dict[str, Question]:
    """Return what is asked, by name; each takes the client and a number that varies it."""

    def feeder(number: int) -> str:
        return f"feeder-{number % feeders}"

    def asset(number: int) -> str:
        return f"asset-{number * 7919 % assets}"

    listing = calls.runs.setpoints
    return {
        "sums by feeder": lambda client, _: client.fleet_summary(),
        "a page of 1,000 assets": lambda client, n: client.page(
            calls.fleet.assets(), page_size=1_000, page_token=str(n * 1_000 % assets)
        ),
        "a feeder's assets": lambda client, n: list(client.assets(feeder_id=feeder(n))),
        "a page of 50 runs": lambda client, _: client.page(calls.runs.runs(), page_size=50),
        "one run": lambda client, n: client.run(f"run-{n % runs}"),
        "the orders of an asset": lambda client, n: list(client.setpoints(asset_id=asset(n), limit=50)),
        "a page of 1,000 orders": lambda client, _: client.page(
            listing(run_id=f"run-{runs - 1}"), page_size=1_000
        ),
        "from an order to its reading": lambda client, n: client.trail(
            asset_id=asset(n), epoch=1, sequence=1
        ),
    }


def measure(
    *, assets: int, feeders: int, count: int, say: Callable[[str], None], runs: int = 2_976
) -> Iterator[Row]:
    """Yield a row for each question, asked `count` times in turn, and one for the stream.

    The database holds `runs` runs: a month of them by default.
    """
    with _server(assets, feeders, runs, say) as (client, server):
        for name, ask in questions(assets, feeders, runs).items():
            say(f"{name} …")
            yield _timed(name, ask, client, server, count)
        say("the stream of the fleet …")
        yield _watched(client, server, seconds=max(2.0, count / 10))


@contextmanager
def _server(
    assets: int, feeders: int, runs: int, say: Callable[[str], None]
) -> Iterator[tuple[Client, Child]]:
    with tempfile.TemporaryDirectory(prefix="vpp-bench-") as name:
        folder = Path(name)
        create_authority(folder)
        issue_server(folder, ["localhost", "127.0.0.1"])
        issue_operator(folder, "bench")
        say(f"{assets:,} assets and their orders …")
        server = Child("vpp.bench.queries_server", name, str(assets), str(feeders), str(runs))
        try:
            address = f"localhost:{server.answer()['port']}"
            with Client.connect(address, certificates=folder, name="bench") as client:
                yield client, server
        finally:
            server.end()


def _timed(name: str, ask: Question, client: Client, server: Child, count: int) -> Row:
    for number in range(5):
        ask(client, number)
    before_s = server.ask(do="cpu")["cpu_s"]
    times = np.zeros(count)
    began_s = time.perf_counter()
    for number in range(count):
        asked_s = time.perf_counter()
        ask(client, number)
        times[number] = time.perf_counter() - asked_s
    p50, p99 = 1e3 * np.percentile(times, [50, 99])
    return Row(
        name=name,
        asked=ASKED,
        figures={"p50_ms": float(p50), "p99_ms": float(p99)},
        server_cpu_s=server.ask(do="cpu")["cpu_s"] - before_s,
        wall_s=time.perf_counter() - began_s,
        load_average=os.getloadavg()[0],
    )


def _watched(client: Client, server: Child, seconds: float) -> Row:
    """Follow the fleet; a change is as old as the time from its measurement to its arrival."""
    before_s, began_s = server.ask(do="cpu")["cpu_s"], time.perf_counter()
    ages_ms: list[float] = []
    whole_s = 0.0
    for change in client.watch_fleet():
        if not change.asset_id:
            ages_ms += [1e3 * time.time() - measured for measured in change.measured_at_ms if measured]
        elif change.whole:
            whole_s = time.perf_counter() - began_s
        if time.perf_counter() - began_s >= seconds:
            break
    p50, p99 = np.percentile(ages_ms, [50, 99])
    return Row(
        name="the stream of the fleet",
        asked="updates at most 1 s behind",
        figures={"whole_s": whole_s, "p50_ms": float(p50), "p99_ms": float(p99), "worst_ms": max(ages_ms)},
        server_cpu_s=server.ask(do="cpu")["cpu_s"] - before_s,
        wall_s=time.perf_counter() - began_s,
        load_average=os.getloadavg()[0],
    )
