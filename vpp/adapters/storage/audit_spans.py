"""Checks spans of a long chain side by side, in processes of their own.

```
  1 ────────► 50,000 ────────► 100,000 ────────► …     each span starts from the stored hash before it,
  process A    process B         process A              which the span before has checked
```

This only tells whether everything fits. Where something does not, the records are taken one after the
other, to name the row and the field.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Final

from vpp.adapters.storage.audit_stream import hash_of, raw_pages
from vpp.adapters.storage.database import Database
from vpp.domain.audit import AuditHead
from vpp.domain.audit_check import AuditVerdict, ChainCheck
from vpp.ports.audit import Progress

SPAN: Final = 50_000  # records
LEAST_RECORDS: Final = 4 * SPAN  # fewer are checked before a process has loaded what it needs
MAX_PROCESSES: Final = 8


@dataclass(frozen=True, slots=True)
class _Span:
    records: int
    fits: bool
    missing_anchors: frozenset[str]


def verdict_by_spans(
    url: str,
    start: AuditHead,
    head: AuditHead,
    *,
    anchors: Sequence[str],
    processes: int,
    progress: Progress | None,
    span: int = SPAN,
) -> AuditVerdict | None:
    """Return the verdict where every record fits and every anchor is there, else None; blocks.

    `head` is the last record to check, with its stored hash.
    """
    firsts = range(start.number + 1, head.number + 1, span)
    total, done, missing = head.number - start.number, 0, ChainCheck(start, anchors).missing_anchors
    with ProcessPoolExecutor(min(processes, MAX_PROCESSES), mp_context=get_context("spawn")) as pool:
        work = []
        for first in firsts:
            known = start.chain_sha256 if first == start.number + 1 else ""
            last = min(first + span - 1, head.number)
            work.append(pool.submit(check_span, url, first, last, known, tuple(anchors)))
        for finished in as_completed(work):
            result = finished.result()
            if not result.fits:
                pool.shutdown(wait=False, cancel_futures=True)
                return None
            done, missing = done + result.records, missing & result.missing_anchors
            if progress is not None:
                progress(done, total)
    if done != total or missing:
        return None
    return AuditVerdict(
        records=done,
        first=start.number + 1,
        head=head,
        faults=(),
        fault_count=0,
        anchors=len(ChainCheck(start, anchors).missing_anchors),
    )


def check_span(url: str, first: int, last: int, start_sha256: str, anchors: tuple[str, ...]) -> _Span:
    """Check the records `first` to `last`; an empty `start_sha256` is looked up."""
    return asyncio.run(_check_span(url, first, last, start_sha256, anchors))


async def _check_span(url: str, first: int, last: int, start_sha256: str, anchors: tuple[str, ...]) -> _Span:
    database = Database(url)
    try:
        async with database.reading() as connection:
            before = start_sha256 or await hash_of(connection, first - 1)
            check = ChainCheck(AuditHead(first - 1, before), anchors)
            async for rows in raw_pages(connection, first, last):
                check.take(rows)
    finally:
        await database.close()
    return _Span(check.records, check.fits, check.missing_anchors)
