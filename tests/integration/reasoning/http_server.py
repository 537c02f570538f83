"""A tiny real HTTP server that answers every request in one scripted way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


def completion(content: object, *, finish_reason: str = "stop", **message: object) -> bytes:
    """Return the body of a chat completion."""
    return json.dumps(
        {
            "id": "1",
            "object": "chat.completion",
            "created": 0,
            "model": "m",
            "choices": [
                {
                    "index": 0,
                    "finish_reason": finish_reason,
                    "message": {"role": "assistant", "content": content} | message,
                }
            ],
            "usage": {
                "prompt_tokens": 10,
                "completion_tokens": 5,
                "total_tokens": 15,
                "prompt_cache_hit_tokens": 4,
            },
        }
    ).encode()


@dataclass
class ScriptedEndpoint:
    """What the server answers, and what it was asked. The last (status, body) repeats."""

    script: list[tuple[int, bytes]]
    delay_s: float = 0.0
    base_url: str = ""
    bodies: list[dict] = field(default_factory=list)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                int(line.split(b":")[1])
                for line in head.lower().split(b"\r\n")
                if line.startswith(b"content-length")
            )
            self.bodies.append(json.loads(await reader.readexactly(length)))
            await asyncio.sleep(self.delay_s)
            status, body = self.script[min(len(self.bodies), len(self.script)) - 1]
            writer.write(
                b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nConnection: close\r\n" % status
                + b"Content-Length: %d\r\n\r\n" % len(body)
                + body
            )
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the client gave up, which some tests are about, or the test is over
        finally:
            writer.close()


@asynccontextmanager
async def endpoint(*script: tuple[int, bytes], delay_s: float = 0.0) -> AsyncIterator[ScriptedEndpoint]:
    """Run the server on loopback for the length of a test."""
    scripted = ScriptedEndpoint(script=list(script), delay_s=delay_s)
    server = await asyncio.start_server(scripted._serve, "127.0.0.1", 0)
    scripted.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield scripted
    finally:
        server.close()
