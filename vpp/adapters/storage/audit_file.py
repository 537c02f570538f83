"""The chain as a file of JSON lines, and its verification without any database.

The first line says what the file is, how it is checked, which record it follows and which is its last.
Every further line is one record; its payload stands there as the very text that was hashed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Any, Final

from vpp.domain.audit import AuditHead
from vpp.domain.audit_check import AuditVerdict, ChainCheck, RawRecord
from vpp.ports import StoreError
from vpp.ports.audit import Progress

FORMAT: Final = "vpp audit"
VERSION: Final = 1
_BATCH: Final = 10_000
_FIELDS: Final = (
    "number",
    "at_us",
    "kind",
    "subject",
    "actor",
    "payload_sha256",
    "payload",
    "chain_sha256",
)
_RULE: Final = """
payload_sha256 = SHA-256(payload)
chain_sha256 = SHA-256(seven lines joined by \\n: chain_sha256 of the record before, number, at_us, kind,
subject, actor, payload_sha256)
Hashes are lower-case hexadecimal, texts UTF-8; record 1 follows 64 zeros; `follows` is the record before.
at_us counts microseconds since 1970-01-01 UTC; sealed texts are KEY_ID:BASE64(nonce, AES-256-GCM).
"""


class AuditFile:
    """An export while it is written."""

    def __init__(self, file: IO[str]) -> None:
        self._file, self.records = file, 0

    @classmethod
    def create(cls, path: Path, follows: AuditHead, head: AuditHead) -> AuditFile:
        """Begin a file that will hold the records after `follows` up to `head`."""
        header = {
            "format": FORMAT,
            "version": VERSION,
            "rule": _RULE.strip().splitlines(),
            "follows": {"number": follows.number, "chain_sha256": follows.chain_sha256},
            "head": {"number": head.number, "chain_sha256": head.chain_sha256},
        }
        file = path.open("w", encoding="utf-8", newline="\n")
        file.write(json.dumps(header, ensure_ascii=False) + "\n")
        return cls(file)

    def write(self, rows: Sequence[RawRecord]) -> None:
        """Add records."""
        for row in rows:
            values = [item.decode("utf-8", "replace") if isinstance(item, bytes) else item for item in row]
            self._file.write(json.dumps(dict(zip(_FIELDS, values, strict=True)), ensure_ascii=False) + "\n")
        self.records += len(rows)

    def close(self) -> None:
        self._file.close()


def verify_file(path: Path, *, anchors: Sequence[str] = (), progress: Progress | None = None) -> AuditVerdict:
    """Check an export; raise StoreError where it is none. The head that its first line names is an anchor."""
    try:
        with path.open("rb") as file:
            header = _header(path, file.readline())
            follows, head = header["follows"], header["head"]
            own = [f"{head['number']}:{head['chain_sha256']}"] if head["number"] else []
            start = AuditHead(int(follows["number"]), str(follows["chain_sha256"]))
            check = ChainCheck(start, [*anchors, *own])
            lines = _records(file, check)
            while batch := list(islice(lines, _BATCH)):
                check.take(batch)
                if progress is not None:
                    progress(check.records, int(head["number"]) - start.number)
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}") from error
    return check.finish()


def _header(path: Path, line: bytes) -> dict[str, Any]:
    try:
        header: dict[str, Any] = json.loads(line)
        known = header["format"] == FORMAT and header["version"] == VERSION
        known = known and {"number", "chain_sha256"} <= set(header["head"]) & set(header["follows"])
    except (ValueError, KeyError, TypeError):
        known = False
    if not known:
        raise StoreError(f"{path} is no export of the audit chain: its first line is no header of version 1.")
    return header


def _records(file: IO[bytes], check: ChainCheck) -> Iterator[RawRecord]:
    for place, line in enumerate(file, 2):
        try:
            values = json.loads(line)
            number, at_us, *texts = (values[name] for name in _FIELDS)
            kind, subject, actor, payload_sha256, payload, chain = (text.encode() for text in texts)
        except (ValueError, KeyError, TypeError, AttributeError):
            check.fault(0, f"line {place}", "a record as JSON", "something else")
            continue
        yield number, at_us, kind, subject, actor, payload_sha256, payload, chain
