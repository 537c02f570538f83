"""A buffer of readings that survives the node's own restart: in bounded files, synced, oldest dropped first.

    readings-000000000001.log   one reading in a line, its CRC-32 in front
    readings-000000001001.log   the next file begins with reading 1001

Readings are on disk when `sync` returns; the agent calls it before it sends. A file goes when all of it
is durable at the service, or when there are too many.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import secrets
import zlib
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Final

from vpp.node import limits
from vpp.node.buffer import BufferedReading, ReadingBuffer
from vpp.node.device import FeederMeasurement, Measurement

_logger = logging.getLogger("vpp.node")
RESTART_GAP: Final = 10**9  # numbers that a restart leaves out, so that none is given twice
_KINDS: Final[dict[str, Any]] = {"m": Measurement, "f": FeederMeasurement}


class DiskBuffer(ReadingBuffer):
    """A ReadingBuffer in a folder of its own. Readings of an earlier run come first, under their numbers.

    At most `capacity` readings are kept and at most as many files as hold them; a line that was cut off by
    a crash ends its file, and what is behind it was never promised.
    """

    def __init__(
        self,
        directory: Path,
        capacity: int = limits.MAX_BUFFERED_READINGS,
        *,
        readings_per_file: int = limits.READINGS_PER_FILE,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        super().__init__(capacity, buffer_id=_buffer_id(directory))
        self._directory, self._per_file = directory, readings_per_file
        self._file: BinaryIO | None = None
        self._in_file = 0
        self._unsynced = False
        self.disk_errors = 0
        self._files: deque[tuple[int, Path]] = deque()  # number of the first reading, path; oldest first
        self._load()

    def append(self, source: str, reading: Measurement | FeederMeasurement) -> None:
        """Take in a reading and give it the next number; on disk after the next `sync`."""
        super().append(source, reading)
        try:
            self._write(self._readings[-1])
        except OSError as error:
            self._give_up_file(error)

    def _write(self, item: BufferedReading) -> None:
        if self._file is None or self._in_file >= self._per_file:
            self._open(item.number)
        assert self._file is not None
        self._file.write(_line(item))
        self._in_file += 1
        self._unsynced = True

    def sync(self) -> None:
        """Return when everything that was appended is on disk; where the disk fails, memory must do."""
        try:
            if self._file is not None and self._unsynced:
                self._file.flush()
                os.fsync(self._file.fileno())
                self._unsynced = False
        except OSError as error:
            self._give_up_file(error)

    def _give_up_file(self, error: OSError) -> None:
        """Note that the disk failed; the next reading tries a new file."""
        self.disk_errors += 1
        _logger.error("%s: readings are in memory alone: %s", self._directory, error)
        with contextlib.suppress(OSError):
            if self._file is not None:
                self._file.close()
        self._file, self._unsynced = None, False

    def forget_stored(self, number: int) -> None:
        """Forget the readings up to `number`: they are durable at the service."""
        super().forget_stored(number)
        self._tidy()

    def close(self) -> None:
        """Sync, and let go of the file."""
        self.sync()
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self, number: int) -> None:
        self.close()
        path = self._directory / f"readings-{number:012d}.log"
        self._file = path.open("wb")  # one of this name held no whole reading
        self._in_file = 0
        self._files = deque(entry for entry in self._files if entry[0] != number)
        self._files.append((number, path))
        self._tidy()

    def _tidy(self) -> None:
        """Remove the files of which nothing is held any more; the newest stays."""
        while len(self._files) > 1 and self._files[1][0] <= self.first_number:
            self._files.popleft()[1].unlink(missing_ok=True)

    def _load(self) -> None:
        found = self._directory.glob("readings-*.log")
        self._files.extend(sorted((int(path.stem.removeprefix("readings-")), path) for path in found))
        for first, path in self._files:
            self._last_number = max(self._last_number, first - 1)
            for item in _read(path):
                if len(self._readings) >= self._capacity:
                    self._readings.popleft()
                    self.dropped += 1
                self._readings.append(item)
                self._last_number = max(self._last_number, item.number)
        if self._files:  # some may have been sent from memory alone, while the disk failed
            self._last_number += RESTART_GAP
        self._tidy()


def _buffer_id(directory: Path) -> str:
    """Return the name of this numbering; a folder that was emptied gets a new one."""
    path = directory / "buffer-id"
    if path.exists() and (known := path.read_text(encoding="ascii").strip()):
        return known
    for left in directory.glob("readings-*.log"):  # whose numbers nobody knows any more
        left.unlink()
    fresh = secrets.token_hex(8)
    with path.open("w", encoding="ascii") as file:
        file.write(fresh)
        file.flush()
        os.fsync(file.fileno())
    return fresh


def _line(item: BufferedReading) -> bytes:
    kind = "f" if isinstance(item.reading, FeederMeasurement) else "m"
    values = {name: _plain(value) for name, value in asdict(item.reading).items()}
    body = json.dumps([item.number, item.source, kind, values], separators=(",", ":")).encode()
    return b"%08x %s\n" % (zlib.crc32(body), body)


def _plain(value: Any) -> Any:
    return {"at": value.isoformat()} if isinstance(value, datetime) else value


def _read(path: Path) -> Iterator[BufferedReading]:
    with path.open("rb") as file:
        for line in file:
            mark, _, body = line.rstrip(b"\n").partition(b" ")
            if not line.endswith(b"\n") or mark != b"%08x" % zlib.crc32(body):
                _logger.warning("%s: the rest was cut off or is spoilt, and is left out", path)
                return
            number, source, kind, values = json.loads(body)
            fields = {
                name: datetime.fromisoformat(value["at"]) if isinstance(value, dict) else value
                for name, value in values.items()
            }
            yield BufferedReading(number=number, source=source, reading=_KINDS[kind](**fields))
