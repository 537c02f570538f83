"""The load process: `python -m vpp.bench.load FOLDER PORT`, commands and answers as JSON lines.

{"do": "connect", "first": 0, "last": 9999, "assets": 1, "at_once": 64}
{"do": "singles", "per_s": 10000, "seconds": 20}    one reading in each message, nodes in turn
{"do": "columns", "per_s": 1000, "rows": 1000, "seconds": 20}
{"do": "latencies"}    of setpoints and stops since the last question, milliseconds
{"do": "stored"}       how many nodes were told that their last reading is durable
{"do": "disconnect"}
"""

from __future__ import annotations

import asyncio
import json
import resource
import ssl
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import uvloop

from vpp.bench.http2 import Stream
from vpp.rpcgen import fleet_pb2 as pb

_PATH = "/vpp.v1.FleetService/Session"
_TICK_S = 0.002
ATTEMPTS = 5  # of a node to connect


@dataclass(slots=True)
class Node:
    """One node: its stream, the slots it speaks for, how far it has counted."""

    number: int
    stream: Stream | None = None
    slots: list[int] = field(default_factory=list)
    welcomed: asyncio.Event = field(default_factory=asyncio.Event)
    sent_number: int = 0
    stored_number: int = 0


class Load:
    """Many nodes in one process."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder, self._port = folder, port
        self._nodes: list[Node] = []
        self._latencies_ms: dict[str, list[float]] = {"setpoints": [], "stop": []}

    async def do(self, command: dict[str, Any]) -> dict[str, Any]:
        """Carry out one command; the answer carries the process' own CPU time."""
        began_s, cpu_s = time.perf_counter(), time.process_time()
        name = command.pop("do")
        answer: dict[str, Any] = await getattr(self, f"do_{name}")(**command)
        return answer | {
            "wall_s": time.perf_counter() - began_s,
            "cpu_s": time.process_time() - cpu_s,
        }

    async def do_connect(self, first: int, last: int, assets: int, at_once: int) -> dict[str, Any]:
        if not self._nodes:
            self._nodes = [Node(number) for number in range(first, last + 1)]
        turn = asyncio.Semaphore(at_once)
        failed: list[str] = []
        again = 0

        async def connect(node: Node) -> None:
            nonlocal again
            async with turn:
                for attempt in range(1, ATTEMPTS + 1):
                    try:
                        async with asyncio.timeout(60):
                            await self._connect(node, assets)
                    except (OSError, TimeoutError, ssl.SSLError) as error:
                        again += 1
                        if attempt == ATTEMPTS:
                            failed.append(repr(error))
                        await asyncio.sleep(0.2 * attempt)
                    else:
                        return

        await asyncio.gather(*(connect(node) for node in self._nodes))
        return {"nodes": len(self._nodes), "failed": len(failed), "again": again, "why": failed[:3]}

    async def _connect(self, node: Node, assets: int) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self._folder / "authority.pem")
        context.load_cert_chain(self._folder / f"node-{node.number}.pem", self._folder / "nodes.key")
        context.set_alpn_protocols(["h2"])
        node.welcomed.clear()
        stream = Stream(_PATH, lambda message: self._take(node, message))
        loop = asyncio.get_running_loop()
        await loop.create_connection(
            lambda: stream, "127.0.0.1", self._port, ssl=context, server_hostname="localhost"
        )
        node.stream = stream
        first = node.number * assets
        names = [f"asset-{number}" for number in range(first, first + assets)]
        hello = pb.Hello(protocol_version=2, min_protocol_version=1, asset_ids=names, buffer_id="bench")
        stream.send(pb.NodeMessage(hello=hello).SerializeToString())
        waiting = [asyncio.create_task(node.welcomed.wait()), asyncio.create_task(stream.ended.wait())]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        if not node.welcomed.is_set():
            stream.close()
            raise ConnectionError("the stream ended before the Welcome")

    def _take(self, node: Node, raw: bytes) -> None:
        now_s = time.time()
        message = pb.ServerMessage.FromString(raw)
        kind = message.WhichOneof("message")
        if kind == "welcome":
            node.slots = [terms.slot for terms in message.welcome.assets]
            node.welcomed.set()
        elif kind in {"setpoints", "stop"}:
            sent_at = getattr(message, kind).sent_at
            sent_s = sent_at.seconds + sent_at.nanos / 1e9
            self._latencies_ms[kind].append(1e3 * (now_s - sent_s))
        elif kind == "readings_stored":
            node.stored_number = message.readings_stored.reading_number
        elif kind == "ping" and node.stream is not None:
            pong = pb.Pong(ping_sent_at=message.ping.sent_at)
            node.stream.send(pb.NodeMessage(pong=pong).SerializeToString())

    async def _paced(self, per_s: float, seconds: float, say: Any) -> int:
        """Call `say(node)` for the nodes in turn, `per_s` times a second; what is late is caught up."""
        began_s, done, count = time.perf_counter(), 0, len(self._nodes)
        while (passed_s := time.perf_counter() - began_s) < seconds:
            due = min(int(passed_s * per_s), done + count)
            while done < due:
                say(self._nodes[done % count])
                done += 1
            await asyncio.sleep(_TICK_S)
        return done

    async def do_singles(self, per_s: float, seconds: float) -> dict[str, Any]:
        reading = pb.Reading(soc=0.5, power_kw=1.0, connected=True)
        message = pb.NodeMessage()

        def say(node: Node) -> None:
            if node.stream is None:
                return
            node.sent_number += 1
            reading.slot, reading.reading_number = node.slots[0], node.sent_number
            # A battery that works: a value that never changes would be taken for a frozen one.
            reading.soc = 0.5 + 0.0005 * abs(50 - node.sent_number % 100)
            reading.power_kw = -1.0 - 0.01 * (node.sent_number % 10)
            now_ns = time.time_ns()
            reading.measured_at.seconds = now_ns // 1_000_000_000
            reading.measured_at.nanos = now_ns % 1_000_000_000
            message.reading.CopyFrom(reading)
            node.stream.send(message.SerializeToString())

        return {"sent": await self._paced(per_s, seconds, say)}

    async def do_columns(self, per_s: float, rows: int, seconds: float) -> dict[str, Any]:
        zeros = [0] * rows
        batch = pb.ReadingBatch(
            offset_ms=zeros, soc=[0.5] * rows, power_kw=[1.0] * rows, connected=[True] * rows
        )
        columns = {
            node.number: [node.slots[row % len(node.slots)] for row in range(rows)] for node in self._nodes
        }
        moving = [[0.5 + 0.0005 * abs(50 - step)] * rows for step in range(100)]
        # One measurement for each asset in a message; several at one time where a node has fewer assets.
        for node in self._nodes[:1]:
            batch.offset_ms[:] = [row // len(node.slots) for row in range(rows)]

        def say(node: Node) -> None:
            if node.stream is None or node.stream.waiting > 64:
                return
            node.sent_number += 1
            batch.slot[:] = columns[node.number]
            batch.soc[:] = moving[node.sent_number % len(moving)]
            batch.reading_number = node.sent_number
            batch.base_time.FromMicroseconds(time.time_ns() // 1000)
            node.stream.send(pb.NodeMessage(reading_batch=batch).SerializeToString())

        before = sum(node.sent_number for node in self._nodes)
        await self._paced(per_s, seconds, say)
        return {"sent": sum(node.sent_number for node in self._nodes) - before}

    async def do_latencies(self) -> dict[str, Any]:
        answer: dict[str, Any] = {}
        for kind, values in self._latencies_ms.items():
            answer[kind] = {"count": len(values)}
            if values:
                p50, p99, most = np.percentile(values, [50, 99, 100])
                answer[kind] |= {"p50_ms": float(p50), "p99_ms": float(p99), "max_ms": float(most)}
            values.clear()
        return answer

    async def do_stored(self) -> dict[str, Any]:
        return {"nodes": sum(node.stored_number == node.sent_number > 0 for node in self._nodes)}

    async def do_disconnect(self) -> dict[str, Any]:
        for node in self._nodes:
            if node.stream is not None:
                node.stream.close()
                node.stream = None
        await asyncio.sleep(0.1)
        return {}


async def run(folder: Path, port: int) -> None:
    """Carry out commands from standard input until it ends."""
    load = Load(folder, port)
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        answer = await load.do(json.loads(line))
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def raise_file_limit() -> None:
    """Allow as many open files as the machine does: each connection is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


if __name__ == "__main__":
    raise_file_limit()
    uvloop.run(run(Path(sys.argv[1]), int(sys.argv[2])))
