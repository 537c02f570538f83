"""What is measured of the gateway, row by row; server and load in processes of their own.

Everything runs over mutual TLS with one connection for each node. A row says what was asked, what was
measured, the CPU time of both sides, and how busy the machine was with other things.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from vpp.service.certificates import create_authority, issue_server

MEMORY = "memory"
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is measured."""

    nodes: int = 10_000
    gateways: int = 100
    assets_per_gateway: int = 1_000
    readings_per_s: float = 10_000
    columns_per_s: float = 1_000_000  # samples, 1,000 in a message
    durable_per_s: float = 200_000
    seconds: float = 20.0
    rounds: int = 3  # of reconnects


@dataclass(slots=True, kw_only=True)
class Row:
    """One measurement; `figures` by name with their unit last."""

    name: str
    asked: str
    figures: dict[str, float] = field(default_factory=dict)
    server_cpu_s: float = 0.0
    load_cpu_s: float = 0.0
    wall_s: float = 0.0
    load_average: float = 0.0

    def row(self) -> dict[str, object]:
        return asdict(self)


class Child:
    """A process that takes commands and gives answers as JSON lines."""

    def __init__(self, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def tell(self, **command: Any) -> None:
        """Send a command; its answer is read by `answer`."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """Wait for the next answer."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"a process of the measurement ended with {self._process.wait()}")
        found: dict[str, Any] = json.loads(line)
        return found

    def ask(self, **command: Any) -> dict[str, Any]:
        self.tell(**command)
        return self.answer()

    def end(self) -> None:
        """Close its input and wait; a process that does not end is killed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


def issue_nodes(folder: Path, nodes: int) -> None:
    """Write an authority, a server and one certificate for each node; the nodes share one key."""
    create_authority(folder)
    issue_server(folder, ["localhost", "127.0.0.1"])
    authority = x509.load_pem_x509_certificate((folder / "authority.pem").read_bytes())
    signer = serialization.load_pem_private_key((folder / "authority.key").read_bytes(), password=None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "nodes.key").write_bytes(private)
    begin = datetime.now(UTC) - timedelta(hours=1)
    for number in range(nodes):
        name = x509.UniformResourceIdentifier(f"urn:vpp:node:node-{number}")
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"node-{number}")]))
            .issuer_name(authority.subject)
            .public_key(key.public_key())
            .serial_number(number + 1)
            .not_valid_before(begin)
            .not_valid_after(begin + timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([name]), critical=False)
            .sign(signer, hashes.SHA256())
        )
        pem = certificate.public_bytes(serialization.Encoding.PEM)
        (folder / f"node-{number}.pem").write_bytes(pem)


@contextmanager
def _running(folder: Path, nodes: int, assets: int, url: str) -> Iterator[tuple[Child, Child]]:
    server = Child("vpp.bench.server", str(folder), str(nodes), str(assets), url)
    try:
        port = server.answer()["port"]
        load = Child("vpp.bench.load", str(folder), str(port))
        try:
            yield server, load
        finally:
            load.end()
    finally:
        server.end()


def measure(size: Size, rows: set[str], url: str, say: Say) -> Iterator[Row]:
    """Measure the chosen rows, all when empty: those of `vpp.cli.bench_gateway.ROWS`.

    `url` is a database for the rows that need one, or `memory`, and these are left out.
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
            yield from _with_gateways(folder, size, url, wanted, say)


def _with_nodes(folder: Path, size: Size, wanted: Callable[..., bool], say: Say) -> Iterator[Row]:
    with _running(folder, size.nodes, 1, MEMORY) as (server, load):
        before = server.ask(do="figures")
        say(f"connecting {size.nodes} nodes")
        yield _connected(server, load, size, before["resident_mb"])
        if wanted("singles", "orders"):
            say(f"{size.readings_per_s:,.0f} single readings a second")
            yield from _singles(server, load, size, orders=wanted("orders"))
        if wanted("reconnect"):
            yield _reconnects(server, load, size, say)


def _connected(server: Child, load: Child, size: Size, empty_mb: float) -> Row:
    answer = load.ask(do="connect", first=0, last=size.nodes - 1, assets=1, at_once=128)
    figures = server.ask(do="figures")
    return Row(
        name="connect",
        asked=f"{size.nodes} nodes, none failed; at most 60 kB each",
        figures={
            "failed_nodes": answer["failed"],
            "tried_again": answer["again"],
            "seconds": answer["wall_s"],
            "kb_per_stream": 1e3 * (figures["resident_mb"] - empty_mb) / size.nodes,
            "server_resident_mb": figures["resident_mb"],
        },
        **_costs(figures, answer),
    )


def _singles(server: Child, load: Child, size: Size, *, orders: bool) -> Iterator[Row]:
    server.ask(do="figures")
    load.tell(do="singles", per_s=size.readings_per_s, seconds=size.seconds)
    answer = load.answer()
    figures = server.ask(do="figures")
    yield Row(
        name="singles",
        asked=f"{size.readings_per_s:,.0f}/s on {size.nodes} streams, p99 at most 20 ms into live state",
        figures={
            "sent": answer["sent"],
            "arrived_per_s": figures["rows"] / figures["wall_s"],
            "live_p50_ms": figures["live_p50_ms"],
            "live_p99_ms": figures["live_p99_ms"],
        },
        **_costs(figures, answer),
    )
    if not orders:
        return
    load.ask(do="latencies")
    for kind, limit in (("setpoints", "1 s"), ("stop", "500 ms")):
        server.ask(do="figures")
        load.tell(do="singles", per_s=size.readings_per_s, seconds=8.0)
        time.sleep(3.0)
        called = server.ask(do=kind)
        answer = load.answer()
        time.sleep(1.0)
        got = load.ask(do="latencies")[kind]
        figures = server.ask(do="figures")
        yield Row(
            name=f"{kind} under load",
            asked=f"to {size.nodes} streams at {size.readings_per_s:,.0f} readings/s, p99 at most {limit}",
            figures={key: got.get(key, float("nan")) for key in ("count", "p50_ms", "p99_ms", "max_ms")}
            | {"call_ms": 1e3 * called["call_s"], "dropped": figures["slow_consumer_drops"]},
            **_costs(figures, answer),
        )


def _reconnects(server: Child, load: Child, size: Size, say: Say) -> Row:
    seconds, failed, memory_mb = [], 0, []
    server.ask(do="figures")
    load_cpu_s = 0.0
    for number in range(size.rounds):
        say(f"reconnect, round {number + 1} of {size.rounds}")
        load.ask(do="disconnect")
        answer = load.ask(do="connect", first=0, last=size.nodes - 1, assets=1, at_once=128)
        seconds.append(answer["wall_s"])
        failed += answer["failed"]
        load_cpu_s += answer["cpu_s"]
        memory_mb.append(server.ask(do="figures")["resident_mb"])
    return Row(
        name="reconnect",
        asked=f"{size.nodes} nodes within 60 s, none failed, no growth over {size.rounds} rounds",
        figures={
            "worst_s": max(seconds),
            "failed_nodes": failed,
            "resident_first_mb": memory_mb[0],
            "resident_last_mb": memory_mb[-1],
        },
        load_cpu_s=load_cpu_s,
        wall_s=sum(seconds),
        load_average=os.getloadavg()[0],
    )


def _with_gateways(
    folder: Path, size: Size, url: str, wanted: Callable[..., bool], say: Say
) -> Iterator[Row]:
    assets = size.gateways * size.assets_per_gateway
    with _running(folder, size.gateways, size.assets_per_gateway, url) as (server, load):
        load.ask(do="connect", first=0, last=size.gateways - 1, assets=size.assets_per_gateway, at_once=32)
        kind = url.split(":", 1)[0]
        if wanted("columns") and url == MEMORY:
            say(f"{size.columns_per_s:,.0f} samples a second in columns of 1,000")
            yield _columns(server, load, size.columns_per_s, size.seconds, "columns", "at most 0.4 of a core")
        if wanted("durable") and url != MEMORY:
            say(f"{size.durable_per_s:,.0f} samples a second into {kind}")
            yield _columns(server, load, size.durable_per_s, size.seconds, f"durable in {kind}", "all stored")
        if wanted("fanout"):
            say(f"orders to {assets} assets behind {size.gateways} gateways")
            limit = "50 ms from memory" if url == MEMORY else f"600 ms with the order stored in {kind}"
            yield _fanout(server, load, assets, limit, stored=url != MEMORY)


def _columns(server: Child, load: Child, per_s: float, seconds: float, name: str, limit: str) -> Row:
    rows = 1_000
    server.ask(do="figures")
    answer = load.ask(do="columns", per_s=per_s / rows, rows=rows, seconds=seconds)
    figures = server.ask(do="figures")
    arrived, stored = figures["rows"], figures["stored_rows"]
    began_s = time.monotonic()
    sent = answer["sent"] * rows
    while (arrived < sent or stored < sent) and time.monotonic() < began_s + 60.0:
        time.sleep(0.25)
        more = server.ask(do="figures")
        arrived, stored = arrived + more["rows"], stored + more["stored_rows"]
        figures["cpu_s"] += more["cpu_s"]
    time.sleep(0.5)
    return Row(
        name=name,
        asked=f"{per_s:,.0f} samples/s for {seconds:.0f} s, {limit}",
        figures={
            "sent_per_s": sent / answer["wall_s"],
            "arrived_rows": arrived,
            "stored_rows": stored,
            "missing_rows": sent - stored,
            "caught_up_s": time.monotonic() - began_s,
            "nodes_told": load.ask(do="stored")["nodes"],
            "live_p99_ms": figures["live_p99_ms"],
            "server_cpu_s_per_million": 1e6 * figures["cpu_s"] / max(arrived, 1),
            "throttled": figures["throttled"],
            "resident_mb": figures["resident_mb"],
        },
        **_costs(figures, answer),
    )


def _fanout(server: Child, load: Child, assets: int, limit: str, *, stored: bool) -> Row:
    worst: list[float] = []
    calls: list[float] = []
    for _ in range(5):
        load.ask(do="latencies")
        called = server.ask(do="setpoints", stored=stored)
        time.sleep(1.0)
        got = load.ask(do="latencies")["setpoints"]
        calls.append(1e3 * called["call_s"])
        worst.append(got.get("max_ms", float("nan")) + 1e3 * called["stored_s"])
    figures = server.ask(do="figures")
    return Row(
        name="fan-out" + (" with the durable order" if stored else ""),
        asked=f"{assets} assets, at most {limit}",
        figures={"median_ms": sorted(worst)[2], "worst_ms": max(worst), "call_ms": sorted(calls)[2]},
        server_cpu_s=figures["cpu_s"],
        wall_s=figures["wall_s"],
        load_average=os.getloadavg()[0],
    )


def _costs(figures: dict[str, Any], answer: dict[str, Any]) -> dict[str, float]:
    return {
        "server_cpu_s": figures["cpu_s"],
        "load_cpu_s": answer["cpu_s"],
        "wall_s": answer["wall_s"],
        "load_average": os.getloadavg()[0],
    }
