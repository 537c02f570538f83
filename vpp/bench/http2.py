"""One gRPC stream on a connection of its own: HTTP/2 (RFC 9113) as far as a load generator needs it.

gRPC's own client costs several times what a node's messages cost the server, and would measure itself.
This one encodes its few headers by hand, ignores the headers that come back, and keeps to the windows
of the server.
"""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from collections.abc import Callable
from typing import Final

_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RESET, _SETTINGS, _PING, _WINDOW = 0, 1, 3, 4, 6, 8
_ACK, _END_STREAM, _END_HEADERS = 1, 1, 4
_INITIAL_WINDOW: Final = 65_535
_LARGEST_WINDOW: Final = 2**31 - 1
_MAX_FRAME: Final = 16_384
_SETTING_INITIAL_WINDOW: Final = 4


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def _header(name: bytes, value: bytes) -> bytes:
    """Return a header field that no table remembers (RFC 7541, 6.2.2); texts shorter than 127."""
    return bytes((0, len(name))) + name + bytes((len(value),)) + value


def _opening(path: str) -> bytes:
    headers = b"".join(
        _header(name, value)
        for name, value in (
            (b":method", b"POST"),
            (b":scheme", b"https"),
            (b":path", path.encode("ascii")),
            (b":authority", b"localhost"),
            (b"content-type", b"application/grpc"),
            (b"te", b"trailers"),
        )
    )
    settings = struct.pack(">HI", _SETTING_INITIAL_WINDOW, _LARGEST_WINDOW)
    return (
        _PREFACE
        + _frame(_SETTINGS, 0, 0, settings)
        + _frame(_WINDOW, 0, 0, struct.pack(">I", _LARGEST_WINDOW - _INITIAL_WINDOW))
        + _frame(_HEADERS, _END_HEADERS, 1, headers)
    )


class Stream(asyncio.Protocol):
    """A bidirectional call; `on_message` is given each message of the server, as bytes.

    `on_end` is told once that it is over: by the server's last headers, a reset, or a lost connection.
    A server that lets a connection go away (GOAWAY) serves its stream on until one of these.
    """

    def __init__(
        self, path: str, on_message: Callable[[bytes], None], on_end: Callable[[], None] = lambda: None
    ) -> None:
        self._path, self._on_message, self._on_end = path, on_message, on_end
        self._transport: asyncio.Transport | None = None
        self._received, self._body = bytearray(), bytearray()
        self._window = {0: _INITIAL_WINDOW, 1: _INITIAL_WINDOW}
        self._waiting: deque[bytes] = deque()
        self._settled = False
        self.ended = asyncio.Event()

    # asyncio.Protocol ---------------------------------------------------------------------------
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")
        self._transport = transport  # type: ignore[assignment]
        assert self._transport is not None
        self._transport.write(_opening(self._path))

    def connection_lost(self, exc: Exception | None) -> None:
        self._end()

    def _end(self) -> None:
        if not self.ended.is_set():
            self.ended.set()
            self.close()
            self._on_end()

    def data_received(self, data: bytes) -> None:
        self._received += data
        start = 0
        while len(self._received) - start >= 9:
            length = int.from_bytes(self._received[start : start + 3], "big")
            end = start + 9 + length
            if len(self._received) < end:
                break
            kind, flags = self._received[start + 3], self._received[start + 4]
            self._take(kind, flags, bytes(self._received[start + 5 : start + 9]), start + 9, end)
            start = end
        del self._received[:start]

    # sending ------------------------------------------------------------------------------------
    @property
    def waiting(self) -> int:
        """Return how many pieces wait for the server's window."""
        return len(self._waiting)

    def send(self, message: bytes) -> None:
        """Send a message, in frames of legal size, as soon as the server's windows allow."""
        if self.ended.is_set():
            return
        body = struct.pack(">BI", 0, len(message)) + message
        pieces = [body[at : at + _MAX_FRAME] for at in range(0, len(body), _MAX_FRAME)]
        self._waiting.extend(pieces)
        self._flush()

    def close(self) -> None:
        """End the connection at once, as a node does whose power fails."""
        self._waiting.clear()
        if self._transport is not None:
            self._transport.abort()

    def _flush(self) -> None:
        assert self._transport is not None
        while self._waiting and min(self._window.values()) >= len(self._waiting[0]):
            piece = self._waiting.popleft()
            for stream in self._window:
                self._window[stream] -= len(piece)
            self._transport.write(_frame(_DATA, 0, 1, piece))

    # receiving ----------------------------------------------------------------------------------
    def _take(self, kind: int, flags: int, stream: bytes, begin: int, end: int) -> None:
        if kind == _DATA:
            self._body += self._received[begin:end]
            self._deliver()
        elif kind == _WINDOW:
            number = int.from_bytes(stream, "big") & _LARGEST_WINDOW
            self._window[min(number, 1)] += int.from_bytes(self._received[begin:end], "big")
            self._flush()
        elif kind == _SETTINGS and not flags & _ACK:
            self._settle(bytes(self._received[begin:end]))
        elif kind == _PING and not flags & _ACK:
            self._write(_frame(_PING, _ACK, 0, bytes(self._received[begin:end])))
        elif kind == _RESET or (kind == _HEADERS and flags & _END_STREAM):
            self._end()

    def _settle(self, payload: bytes) -> None:
        for number, value in struct.iter_unpack(">HI", payload):
            if number == _SETTING_INITIAL_WINDOW and not self._settled:
                self._window[1] += value - _INITIAL_WINDOW
                self._settled = True
        self._write(_frame(_SETTINGS, _ACK, 0, b""))
        self._flush()

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def _deliver(self) -> None:
        while len(self._body) >= 5:
            end = 5 + int.from_bytes(self._body[1:5], "big")
            if len(self._body) < end:
                return
            message = bytes(self._body[5:end])
            del self._body[:end]
            self._on_message(message)
