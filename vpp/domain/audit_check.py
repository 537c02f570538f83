"""Checks a chain record by record, wherever the records come from: a database or an export.

A field that was changed shows at its record: the payload by its own hash, everything else by the chain's.
Where a chain hash itself was changed the next record tells: it was bound to the one that was there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from vpp.domain.audit import ORIGIN, AuditFault, AuditHead
from vpp.domain.errors import InvalidValueError

MAX_FAULTS: Final = 100  # more are counted, not kept
# number, at_us, kind, subject, actor, payload_sha256, payload, chain_sha256; texts as UTF-8
RawRecord = tuple[int, int, bytes, bytes, bytes, bytes, bytes, bytes]
_FIELDS: Final = "at_us, kind, subject, actor or the record before"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditVerdict:
    """What a verification came to."""

    records: int
    first: int  # number of the first record there is; 0 without any
    head: AuditHead
    faults: tuple[AuditFault, ...]
    fault_count: int
    anchors: int = 0  # of those given, found in the chain
    things: int = 0  # rows of other tables that were compared (`--deep`)

    @property
    def whole(self) -> bool:
        return not self.fault_count


@dataclass(slots=True)
class ChainCheck:
    """Takes records in the order of their numbers; `start` is what the first of them follows."""

    start: AuditHead = field(default_factory=lambda: AuditHead(0, ORIGIN))
    anchors: Sequence[str] = ()
    records: int = 0
    faults: list[AuditFault] = field(default_factory=list)
    fault_count: int = 0
    found_anchors: int = 0
    _previous: bytes = b""
    _expected: int = 1
    _doubted: tuple[int, bytes, bytes] | None = None  # number, hash recomputed, hash stored
    _numbered: dict[int, str] = field(default_factory=dict)
    _unnumbered: set[bytes] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._previous, self._expected = self.start.chain_sha256.encode(), self.start.number + 1
        for anchor in self.anchors:
            number, chain = parse_anchor(anchor)
            if number:
                self._numbered[number] = chain
            else:
                self._unnumbered.add(chain.encode())

    def take(self, rows: Iterable[RawRecord]) -> None:
        """Check the next records."""
        sha256 = hashlib.sha256
        for row in rows:
            number, at_us, kind, subject, actor, payload_sha256, payload, chain = row
            try:
                head = b"\n%d\n%d\n%b\n%b\n%b\n%b" % (number, at_us, kind, subject, actor, payload_sha256)
                wrong = sha256(payload).hexdigest().encode() != payload_sha256 or head.count(b"\n") != 6
                computed = sha256(self._previous + head).hexdigest().encode()
            except TypeError:  # a column of another type than was stored
                head, computed, wrong, chain = b"", b"", True, b""
            if wrong or computed != chain or number != self._expected or self._doubted:
                self._look_closer(row, head, computed)
            self._previous, self._expected = chain, number + 1
            self.records += 1
            if self._numbered or self._unnumbered:
                self._compare_anchor(number, chain)

    @property
    def fits(self) -> bool:
        """Whether nothing was found so far; whether the end was cut off is left to the anchors."""
        return not self.fault_count and self._doubted is None

    @property
    def missing_anchors(self) -> frozenset[str]:
        """Which of the anchors have not come yet."""
        numbered = {f"{number}:{chain}" for number, chain in self._numbered.items()}
        return frozenset(numbered | {mark.decode() for mark in self._unnumbered})

    def finish(self, *, things: int = 0) -> AuditVerdict:
        """Return the verdict over all that was taken."""
        self._settle_doubt(changed_chain=False)
        for number, chain in sorted(self._numbered.items()):
            last = self._expected - 1
            found = "no such record: the end was cut off" if number > last else "a record that was cut off"
            self.fault(number, "chain_sha256", f"{chain} (the anchor)", found)
        for mark in sorted(self._unnumbered):
            words = "no record with it: the end was cut off or the chain rewritten"
            self.fault(0, "chain_sha256", f"{mark.decode()} (the anchor)", words)
        return AuditVerdict(
            records=self.records,
            first=self.start.number + 1 if self.records else 0,
            head=AuditHead(self._expected - 1, _shown(self._previous)),
            faults=tuple(self.faults),
            fault_count=self.fault_count,
            anchors=self.found_anchors,
            things=things,
        )

    def fault(self, number: int, name: str, expected: str, found: str) -> None:
        """Count a fault, and keep it where there are not too many yet."""
        self.fault_count += 1
        if len(self.faults) < MAX_FAULTS:
            self.faults.append(AuditFault(number, name, expected, found))

    def _look_closer(self, row: RawRecord, head: bytes, computed: bytes) -> None:
        """Say what is wrong with a record; `head` is what is hashed after the hash before, if anything."""
        number, *_, payload_sha256, payload, chain = row
        if not head:
            self._settle_doubt(changed_chain=False)
            self.fault(number, "type of a column", "a number or a text", "another type")
            return
        if number != self._expected:
            self._settle_doubt(changed_chain=False)
            missing = f"{self._expected}" if number > self._expected else f"at least {self._expected}"
            self.fault(self._expected, "record_number", missing, str(number))
        elif computed != chain and self._doubted is not None and _bind(self._doubted[1], head) == chain:
            self._settle_doubt(changed_chain=True)
        else:
            self._settle_doubt(changed_chain=False)
            if computed != chain:
                self._doubted = (number, computed, chain)
        payload_hash = hashlib.sha256(payload).hexdigest().encode()
        if payload_hash != payload_sha256:
            if self._doubted and self._doubted[0] == number and _bind_with(self, head, payload_hash) == chain:
                self._doubted = None
                self.fault(number, "payload_sha256", _shown(payload_hash), _shown(payload_sha256))
            else:
                self.fault(
                    number, "payload", f"SHA-256 {_shown(payload_sha256)}", f"SHA-256 {_shown(payload_hash)}"
                )
        if head.count(b"\n") != 6:
            self.fault(number, "kind, subject or actor", "one line", "a line break")

    def _settle_doubt(self, *, changed_chain: bool) -> None:
        if self._doubted is None:
            return
        number, computed, stored = self._doubted
        self._doubted = None
        name = "chain_sha256" if changed_chain else f"{_FIELDS} (chain_sha256 does not fit)"
        self.fault(number, name, _shown(computed), _shown(stored))

    def _compare_anchor(self, number: int, chain: bytes) -> None:
        if number in self._numbered:
            wanted = self._numbered.pop(number)
            if wanted.encode() == chain:
                self.found_anchors += 1
            else:
                self.fault(number, "chain_sha256", f"{wanted} (the anchor)", _shown(chain))
        if chain in self._unnumbered:
            self._unnumbered.discard(chain)
            self.found_anchors += 1


def parse_anchor(text: str) -> tuple[int, str]:
    """Return number (0 where none is given) and hash of `NUMBER:HASH` or `HASH`."""
    before, _, chain = text.strip().rpartition(":")
    well_formed = len(chain) == 64 and set(chain) <= set("0123456789abcdef")
    if not well_formed or not (before == "" or (before.isdigit() and before.isascii() and int(before) > 0)):
        raise InvalidValueError("anchor", text, "NUMBER:HASH or HASH, as the log of the service has it")
    return int(before or 0), chain


def _bind(previous: bytes, head: bytes) -> bytes:
    return hashlib.sha256(previous + head).hexdigest().encode()


def _bind_with(check: ChainCheck, head: bytes, payload_hash: bytes) -> bytes:
    """Return the chain hash that a record would have with another payload_sha256."""
    return _bind(check._previous, head.rpartition(b"\n")[0] + b"\n" + payload_hash)  # noqa: SLF001 - same file


def _shown(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode("utf-8", "replace")
