"""The processes of a measurement, their certificates, and what they and the machine spend."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
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


@dataclass(slots=True, kw_only=True)
class Row:
    """One measurement; `figures` by name with their unit last."""

    name: str
    asked: str
    figures: dict[str, float] = field(default_factory=dict)
    server_cpu_s: float = 0.0
    load_cpu_s: float = 0.0
    machine_cpu_s: float = 0.0  # of all processes, with the database and whatever else runs
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


class Watch:
    """Adds up what the server did, and what both sides and the machine spent, since it was made."""

    def __init__(self, server: Child, load: Child) -> None:
        self._server, self._load = server, load
        self.totals: Counter[str] = Counter()
        self.worst_p99_ms = 0.0
        server.ask(do="figures")
        self._load_cpu_s = float(load.ask(do="spent")["total_cpu_s"])

    def look(self) -> dict[str, Any]:
        """Return the server's figures since the last look."""
        figures = self._server.ask(do="figures")
        for name in ("rows", "stored_rows", "cpu_s", "machine_cpu_s", "wall_s"):
            self.totals[name] += figures[name]
        self.worst_p99_ms = max(self.worst_p99_ms, figures["live_p99_ms"])
        return figures

    def row(self, name: str, asked: str, figures: dict[str, float]) -> Row:
        """Return a row with all costs until now."""
        self.look()
        return Row(
            name=name,
            asked=asked,
            figures=figures,
            server_cpu_s=self.totals["cpu_s"],
            load_cpu_s=self._load.ask(do="spent")["total_cpu_s"] - self._load_cpu_s,
            machine_cpu_s=self.totals["machine_cpu_s"],
            wall_s=self.totals["wall_s"],
            load_average=os.getloadavg()[0],
        )


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
def running(
    folder: Path, nodes: int, assets: int, url: str, *, connection_age_s: float
) -> Iterator[tuple[Child, Child]]:
    """Run a server for `nodes` nodes of `assets` assets each, and a load; both end with the block."""
    arguments = [str(folder), str(nodes), str(assets), url, "0", str(connection_age_s)]
    server = Child("vpp.bench.server", *arguments)
    try:
        port = server.answer()["port"]
        load = Child("vpp.bench.load", str(folder), str(port))
        try:
            yield server, load
        finally:
            load.end()
    finally:
        server.end()
