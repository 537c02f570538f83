"""The load process: `python -m vpp.bench.load FOLDER PORT`, commands and answers as JSON lines.

{"do": "connect", "first": 0, "last": 9999, "assets": 1, "at_once": 64}
{"do": "singles", "per_s": 10000, "seconds": 20}    one reading in each message, nodes in turn
{"do": "columns", "per_s": 1000, "rows": 1000, "seconds": 20}
{"do": "latencies"}    of setpoints and stops since the last question, milliseconds
{"do": "stored"}       how many nodes were told that their last reading is durable
{"do": "breaks"}       since the last question: sessions that ended by themselves, and what was sent again
{"do": "spent"}        the CPU time of this process since its start
{"do": "disconnect"}

A node whose session ends by itself comes back as the product's node does: after a pause that doubles, with
jitter, and it sends again what was not acknowledged as durable.
"""

from __future__ import annotations

import asyncio
import json
import random
import resource
import ssl
import sys
import time
from pathlib import Path
from typing import Any, Final

import numpy as np
import uvloop

from vpp.bench.node import Node
from vpp.rpcgen import fleet_pb2 as pb

_TICK_S: Final = 0.002
ATTEMPTS: Final = 5  # of a node to connect for the first time
CONNECT_TIMEOUT_S: Final = 60.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0  # as the product's node waits before it comes back
MAX_KEPT_COLUMNS: Final = 200  # messages of a gateway that are not durable; it makes no more until they are
MAX_WAITING_PIECES: Final = 64


class Load:
    """Many nodes in one process."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder, self._port = folder, port
        self._nodes: list[Node] = []
        self._latencies_ms: dict[str, list[float]] = {"setpoints": [], "stop": []}
        self._breaks = {"ended": 0, "came_back": 0, "tried_again": 0}
        self._returns: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Semaphore(1)
        self._jitter = random.Random(1)  # noqa: S311 - pauses, no secrets

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
            numbers = range(first, last + 1)
            self._nodes = [
                Node(number, assets, on_message=self._take, on_end=self._come_back) for number in numbers
            ]
        self._turn = asyncio.Semaphore(at_once)
        failed: list[str] = []
        again = 0

        async def connect(node: Node) -> None:
            nonlocal again
            for attempt in range(1, ATTEMPTS + 1):
                try:
                    await self._connect(node)
                except (OSError, TimeoutError, ssl.SSLError) as error:
                    again += 1
                    if attempt == ATTEMPTS:
                        failed.append(repr(error))
                    await asyncio.sleep(0.2 * attempt)
                else:
                    return

        await asyncio.gather(*(connect(node) for node in self._nodes))
        return {"nodes": len(self._nodes), "failed": len(failed), "again": again, "why": failed[:3]}

    async def _connect(self, node: Node) -> None:
        async with self._turn, asyncio.timeout(CONNECT_TIMEOUT_S):
            await node.connect(self._folder, self._port)

    def _come_back(self, node: Node) -> None:
        """Let a node whose session ended by itself open another one."""
        self._breaks["ended"] += 1
        task = asyncio.get_running_loop().create_task(self._reconnect(node))
        self._returns.add(task)
        task.add_done_callback(self._returns.discard)

    async def _reconnect(self, node: Node) -> None:
        pause_s = FIRST_PAUSE_S
        while True:
            asked_s = self._jitter.uniform(0.0, node.asked_pause_s)
            await asyncio.sleep(max(asked_s, self._jitter.uniform(0.5, 1.0) * pause_s))
            try:
                await self._connect(node)
            except (OSError, TimeoutError, ssl.SSLError):
                self._breaks["tried_again"] += 1
                pause_s = min(2.0 * pause_s, LONGEST_PAUSE_S)
            else:
                self._breaks["came_back"] += 1
                return

    def _take(self, node: Node, message: pb.ServerMessage) -> None:
        now_s = time.time()
        kind = message.WhichOneof("message")
        if kind in self._latencies_ms:
            sent_at = getattr(message, kind).sent_at
            self._latencies_ms[kind].append(1e3 * (now_s - sent_at.seconds - sent_at.nanos / 1e9))

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
            if not node.slots:  # it has never been welcomed
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
            node.say(message.SerializeToString())

        before = sum(node.sent_number for node in self._nodes)
        await self._paced(per_s, seconds, say)
        return {"sent": sum(node.sent_number for node in self._nodes) - before}

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
            if node.waiting_pieces > MAX_WAITING_PIECES or len(node.kept) >= MAX_KEPT_COLUMNS:
                return
            node.sent_number += 1
            batch.slot[:] = columns[node.number]
            batch.soc[:] = moving[node.sent_number % len(moving)]
            batch.reading_number = node.sent_number
            batch.base_time.FromMicroseconds(time.time_ns() // 1000)
            node.say(pb.NodeMessage(reading_batch=batch).SerializeToString())

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

    async def do_spent(self) -> dict[str, Any]:
        return {"total_cpu_s": time.process_time()}

    async def do_breaks(self) -> dict[str, Any]:
        answer = dict(self._breaks)
        for name in self._breaks:
            self._breaks[name] = 0
        for name in ("resent", "lost"):
            answer[name] = sum(getattr(node, name) for node in self._nodes)
            for node in self._nodes:
                setattr(node, name, 0)
        return answer | {"connected": sum(node.connected for node in self._nodes)}

    async def do_disconnect(self) -> dict[str, Any]:
        for task in self._returns:
            task.cancel()
        for node in self._nodes:
            node.disconnect()
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
