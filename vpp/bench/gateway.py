"""What is measured of the gateway, row by row; server and load in processes of their own.

Everything runs over mutual TLS with one connection for each node. A row says what was asked, what was
measured, the CPU time of both sides and of the whole machine, and how busy it was with other things.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import func, select

from vpp.adapters.rpc import limits
from vpp.adapters.storage import tables
from vpp.adapters.storage.database import SQLITE, Database
from vpp.bench.processes import Child, Row, Watch, issue_nodes, running

MEMORY: Final = "memory"
ROWS_OF_A_MESSAGE: Final = 1_000
CATCHING_UP_S: Final = 120.0  # how long a row waits for what is not durable yet
_LOOKS: Final = 10  # at the memory, during a long row
# Of the service, beside what nodes see: until the call returns, a stop then is in all sockets; until gRPC
# has said so of the last stream.
_SERVICE: Final = ("call", "call_cpu", "written", "written_cpu")
Say = Callable[[str], None]
Wanted = Callable[..., bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is measured."""

    nodes: int = 10_000
    gateways: int = 100
    assets_per_gateway: int = 1_000
    readings_per_s: float = 10_000
    sustained_per_s: float = 2_000
    columns_per_s: float = 1_000_000  # samples, 1,000 in a message
    durable_per_s: float | None = None  # by default what is asked of the kind of database
    seconds: float = 20.0
    rounds: int = 3  # of reconnects
    connection_age_s: float = limits.MAX_STREAM_AGE_S  # after which the service ends a connection


def measure(size: Size, rows: set[str], url: str, say: Say) -> Iterator[Row]:
    """Measure the chosen rows, all when empty: those of `vpp.cli.bench_gateway.ROWS`.

    `url` is an empty database for the rows that need one, `sqlite` for a file of the measurement's own, or
    `memory`, and these rows are left out. `sustained` needs a database of its own and is never implied.
    """

    def wanted(*names: str) -> bool:
        return not rows or bool(rows & set(names))

    with tempfile.TemporaryDirectory(prefix="vpp-bench-") as name:
        folder = Path(name)
        say(f"issuing {size.nodes} certificates")
        issue_nodes(folder, max(size.nodes, size.gateways))
        if wanted("connect", "singles", "orders", "reconnect"):
            yield from _with_nodes(folder, size, wanted, say)
        if wanted("columns", "fanout"):
            yield from _with_gateways(folder, size, MEMORY, wanted, say)
        if url != MEMORY and wanted("durable", "fanout"):
            yield from _with_gateways(folder, size, _database(url, folder, "gateways"), wanted, say)
        if url != MEMORY and "sustained" in rows:
            yield _sustained(folder, size, _database(url, folder, "nodes"), say)


def _database(url: str, folder: Path, name: str) -> str:
    return f"sqlite:///{folder / name}.sqlite" if url == SQLITE else url


def _with_nodes(folder: Path, size: Size, wanted: Wanted, say: Say) -> Iterator[Row]:
    age_s = size.connection_age_s
    with running(folder, size.nodes, 1, MEMORY, connection_age_s=age_s) as (server, load):
        say(f"connecting {size.nodes} nodes")
        yield _connected(server, load, size)
        if wanted("singles", "orders"):
            say(f"{size.readings_per_s:,.0f} single readings a second")
            yield from _singles(server, load, size, orders=wanted("orders"))
        if wanted("reconnect"):
            yield _reconnects(server, load, size, say)


def _connect(load: Child, nodes: int, assets: int, at_once: int) -> dict[str, float]:
    answer = load.ask(do="connect", first=0, last=nodes - 1, assets=assets, at_once=at_once)
    if answer["failed"]:
        raise RuntimeError(f"{answer['failed']} of {nodes} nodes cannot connect: {answer['why'][0]}")
    return answer


def _connected(server: Child, load: Child, size: Size) -> Row:
    empty_mb = server.ask(do="figures")["resident_mb"]
    watch = Watch(server, load)
    answer = load.ask(do="connect", first=0, last=size.nodes - 1, assets=1, at_once=128)
    resident_mb = watch.look()["resident_mb"]
    return watch.row(
        "connect",
        f"{size.nodes} nodes, none failed; at most 60 kB each",
        {
            "failed_nodes": answer["failed"],
            "tried_again": answer["again"],
            "seconds": answer["wall_s"],
            "kb_per_stream": 1e3 * (resident_mb - empty_mb) / size.nodes,
            "server_resident_mb": resident_mb,
        },
    )


def _singles(server: Child, load: Child, size: Size, *, orders: bool) -> Iterator[Row]:
    watch = Watch(server, load)
    answer = load.ask(do="singles", per_s=size.readings_per_s, seconds=size.seconds)
    figures = watch.look()
    yield watch.row(
        "singles",
        f"{size.readings_per_s:,.0f}/s on {size.nodes} streams, p99 at most 20 ms into live state",
        {
            "sent": answer["sent"],
            "arrived_per_s": figures["rows"] / figures["wall_s"],
            "live_p50_ms": figures["live_p50_ms"],
            "live_p99_ms": figures["live_p99_ms"],
            "server_cpu_us_each": 1e6 * figures["cpu_s"] / max(1, figures["rows"]),
        }
        | _breaks(load),
    )
    if not orders:
        return
    for kind, limit in (("setpoints", "1 s"), ("stop", "500 ms")):
        yield _orders_under_load(server, load, size, kind, limit)


def _orders_under_load(server: Child, load: Child, size: Size, kind: str, limit: str) -> Row:
    load.ask(do="latencies")
    watch = Watch(server, load)
    load.tell(do="singles", per_s=size.readings_per_s, seconds=8.0)
    time.sleep(3.0)
    called = server.ask(do=kind)
    load.answer()
    time.sleep(1.0)
    got = load.ask(do="latencies")[kind]
    figures = watch.look()
    return watch.row(
        f"{kind} under load",
        f"to {size.nodes} streams at {size.readings_per_s:,.0f} readings/s, p99 at most {limit}",
        {key: got.get(key, float("nan")) for key in ("count", "p50_ms", "p99_ms", "max_ms")}
        | {f"{name}_ms": 1e3 * called[f"{name}_s"] for name in _SERVICE if f"{name}_s" in called}
        | {"dropped": figures["slow_consumer_drops"]},
    )


def _reconnects(server: Child, load: Child, size: Size, say: Say) -> Row:
    seconds: list[float] = []
    failed, memory_mb = 0, {}
    watch = Watch(server, load)
    for number in range(1, size.rounds + 1):
        say(f"reconnect, round {number} of {size.rounds}")
        load.ask(do="disconnect")
        answer = load.ask(do="connect", first=0, last=size.nodes - 1, assets=1, at_once=128)
        seconds.append(answer["wall_s"])
        failed += int(answer["failed"])
        memory_mb[f"resident_{number}_mb"] = watch.look()["resident_mb"]
    return watch.row(
        "reconnect",
        f"{size.nodes} nodes within 60 s, none failed, no growth over {size.rounds} rounds",
        {"worst_s": max(seconds), "median_s": sorted(seconds)[len(seconds) // 2], "failed_nodes": failed}
        | memory_mb,
    )


def _sustained(folder: Path, size: Size, url: str, say: Say) -> Row:
    """Measure whether memory stays flat and nothing is lost, however often connections come to their age."""
    per_s, looks = size.sustained_per_s, []
    with running(folder, size.nodes, 1, url, connection_age_s=size.connection_age_s) as (server, load):
        say(f"connecting {size.nodes} nodes")
        _connect(load, size.nodes, 1, 128)
        load.ask(do="breaks")
        watch = Watch(server, load)
        load.tell(do="singles", per_s=per_s, seconds=size.seconds)
        for look in range(1, _LOOKS + 1):
            time.sleep(size.seconds / _LOOKS)
            looks.append(watch.look()["resident_mb"])
            say(f"{look} of {_LOOKS}: {looks[-1]:.0f} MB, {watch.totals['rows']:,} readings")
        sent = load.answer()["sent"]
        told = _until_told(watch, load, size.nodes)
        return watch.row(
            f"sustained in {url.split(':', 1)[0]}",
            f"{per_s:,.0f} single readings/s for {size.seconds:.0f} s: all stored once, flat memory",
            {
                "sent": sent,
                "stored": (stored := asyncio.run(_stored_readings(url))),
                "missing": sent - stored,
                "nodes_told": told,
                "live_p99_ms": watch.worst_p99_ms,
                "resident_at_20%_mb": looks[len(looks) // 5],
                "resident_last_mb": looks[-1],
            }
            | _breaks(load),
        )


def _until_told(watch: Watch, load: Child, nodes: int) -> int:
    """Wait, for a bounded time, until every node was told that its last reading is durable."""
    began_s = time.monotonic()
    while (told := int(load.ask(do="stored")["nodes"])) < nodes:
        if time.monotonic() > began_s + CATCHING_UP_S:
            break
        time.sleep(0.25)
        watch.look()
    return told


def _breaks(load: Child) -> dict[str, float]:
    found = load.ask(do="breaks")
    return {name: found[name] for name in ("ended", "came_back", "resent", "lost")}


async def _stored_readings(url: str) -> int:
    """Return how many readings the database holds."""
    database = Database(url)
    try:
        async with database.reading() as connection:
            return int(await connection.scalar(select(func.count()).select_from(tables.reading)) or 0)
    finally:
        await database.close()


def _with_gateways(folder: Path, size: Size, url: str, wanted: Wanted, say: Say) -> Iterator[Row]:
    each, assets = size.assets_per_gateway, size.gateways * size.assets_per_gateway
    age_s = size.connection_age_s
    with running(folder, size.gateways, each, url, connection_age_s=age_s) as (server, load):
        _connect(load, size.gateways, each, 32)
        kind = url.split(":", 1)[0]
        if wanted("columns") and url == MEMORY:
            say(f"{size.columns_per_s:,.0f} samples a second in columns of {ROWS_OF_A_MESSAGE:,}")
            yield _columns(server, load, size, "columns", size.columns_per_s)
        if wanted("durable") and url != MEMORY:
            per_s = size.durable_per_s or (50_000 if kind == SQLITE else 200_000)
            say(f"{per_s:,.0f} samples a second into {kind}")
            yield _columns(server, load, size, f"durable in {kind}", per_s, url)
        if wanted("fanout"):
            say(f"orders to {assets} assets behind {size.gateways} gateways")
            limit = "50 ms from memory" if url == MEMORY else f"600 ms with the order stored in {kind}"
            yield _fanout(server, load, assets, limit, stored=url != MEMORY)


def _columns(server: Child, load: Child, size: Size, name: str, per_s: float, url: str = MEMORY) -> Row:
    watch = Watch(server, load)
    answer = load.ask(
        do="columns", per_s=per_s / ROWS_OF_A_MESSAGE, rows=ROWS_OF_A_MESSAGE, seconds=size.seconds
    )
    watch.look()
    busy_mb = watch.look()["resident_mb"]
    began_s, sent = time.monotonic(), answer["sent"] * ROWS_OF_A_MESSAGE
    while min(watch.totals["rows"], watch.totals["stored_rows"]) < sent:
        if time.monotonic() > began_s + CATCHING_UP_S:
            break
        time.sleep(0.25)
        watch.look()
    caught_up_s = time.monotonic() - began_s
    told = _until_told(watch, load, size.gateways)
    figures: dict[str, float] = {
        "sent_per_s": sent / answer["wall_s"],
        "arrived_rows": watch.totals["rows"],
        "caught_up_s": caught_up_s,
        "nodes_told": told,
        "live_p99_ms": watch.worst_p99_ms,
        "resident_mb": busy_mb,
    }
    if url != MEMORY:
        figures["missing_rows"] = sent - asyncio.run(_stored_readings(url))
    row = watch.row(
        name,
        f"{per_s:,.0f} samples/s for {size.seconds:.0f} s, "
        + ("at most 0.4 of a core" if url == MEMORY else "all stored once"),
        figures | _breaks(load),
    )
    row.figures["server_cpu_s_per_million"] = 1e6 * row.server_cpu_s / max(1, watch.totals["rows"])
    return row


def _fanout(server: Child, load: Child, assets: int, limit: str, *, stored: bool) -> Row:
    """Measure from the call to the last node that has its orders; the median of five."""
    worst: list[float] = []
    calls: list[float] = []
    stores: list[float] = []
    rows: list[float] = []
    watch = Watch(server, load)
    for _ in range(5):
        load.ask(do="latencies")
        called = server.ask(do="setpoints", stored=stored)
        time.sleep(1.0)
        got = load.ask(do="latencies")["setpoints"]
        calls.append(1e3 * called["call_s"])
        stores.append(1e3 * called["stored_s"])
        worst.append(got.get("max_ms", float("nan")) + stores[-1])
        if stored:  # before the next orders, so that these do not wait for the rows of the last
            rows.append(1e3 * server.ask(do="rows")["rows_s"])
    return watch.row(
        "fan-out" + (" with the durable order" if stored else ""),
        f"{assets} assets, at most {limit}",
        {
            "median_ms": sorted(worst)[2],
            "worst_ms": max(worst),
            "call_ms": sorted(calls)[2],
            "stored_ms": sorted(stores)[2],
        }
        | ({"rows_ms": sorted(rows)[2]} if stored else {}),
    )
