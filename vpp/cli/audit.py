"""`vpp audit` and `vpp erase`: the chain of records, and what may be forgotten of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress

from vpp.cli.options import DEFAULT_CONFIG, Config
from vpp.domain.errors import InvalidValueError

if TYPE_CHECKING:
    from vpp.domain.audit import AuditRecord
    from vpp.domain.audit_check import AuditVerdict
    from vpp.ports import Page
    from vpp.ports.audit import Progress as ProgressFunction

_SHOWN_PAYLOAD = 300  # characters

app = typer.Typer(
    help="The chain of records: what happened, in which order, and whether anything was changed since.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
console = Console(highlight=False, soft_wrap=True, markup=False)


@app.command("verify")
def verify_command(
    anchor: Annotated[
        list[str] | None,
        typer.Option(help="NUMBER:HASH or HASH from the log or an export; tells whether the end was cut."),
    ] = None,
    deep: Annotated[
        bool, typer.Option("--deep", help="Compare also plans, snapshots, forecasts, orders and archives.")
    ] = False,
    first: Annotated[int, typer.Option("--from", min=0, help="Only from this record on.")] = 0,
    last: Annotated[int, typer.Option("--to", min=0, help="Only up to this record.")] = 0,
    processes: Annotated[
        int, typer.Option(min=1, max=8, help="For a long chain; with --deep one is used.")
    ] = 2,
    file: Annotated[
        Path | None, typer.Option(help="Check an export instead of the database; needs no settings.")
    ] = None,
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Check every record against its hash and the hash before it; exit code 1 when one does not fit.

    Of a part, begun by `--from`, the hash of the record before it is taken as given.

    Example: vpp audit verify --deep --from 4000 --anchor 4711:9f86…0a08
    """
    if last and last < first:
        raise InvalidValueError("to", last, f"a record from {first} on, or nothing for the end")
    if file is not None and (first or last):
        raise InvalidValueError("from", first, "nothing beside --file: an export is checked as a whole")
    with _progress("records") as progress:
        if file is None:
            asked = {"first": first, "last": last, "deep": deep, "processes": processes}
            verdict = asyncio.run(_verify(config, tuple(anchor or ()), progress, **asked))
        else:
            from vpp.adapters.storage.audit_file import verify_file  # noqa: PLC0415 - keeps --help fast

            verdict = verify_file(file, anchors=tuple(anchor or ()), progress=progress)
    _show(verdict, deep=deep, anchors=len(anchor or ()))
    if not verdict.whole:
        raise typer.Exit(1)


def _show(verdict: AuditVerdict, *, deep: bool, anchors: int) -> None:
    for fault in verdict.faults:
        console.print(str(fault))
    if verdict.fault_count > len(verdict.faults):
        console.print(f"and {verdict.fault_count - len(verdict.faults)} more")
    compared = f", {verdict.things:,} of the things they are about compared" if deep else ""
    kept = f" ({verdict.anchors} of the anchors given and of the file's own found)" if anchors else ""
    console.print(f"{verdict.records:,} records from number {verdict.first}{compared}{kept}")
    console.print(f"head {verdict.head}")
    console.print(
        "the chain is whole" if verdict.whole else f"NOT whole: {verdict.fault_count} faults, the first above"
    )


async def _verify(
    config: Path, anchors: tuple[str, ...], progress: ProgressFunction, **asked: Any
) -> AuditVerdict:
    from vpp.adapters.storage import open_audit  # noqa: PLC0415
    from vpp.service.settings import load_settings  # noqa: PLC0415

    settings = load_settings(config)
    chain = open_audit(settings.database.url)
    try:
        return await chain.verify(
            anchors=anchors, archive=settings.telemetry.archive, progress=progress, **asked
        )
    finally:
        await chain.close()


@app.command("list")
def list_command(
    kind: Annotated[str, typer.Option(help="Only this kind, such as run, stop or identity.")] = "",
    subject: Annotated[str, typer.Option(help="Only about this id.")] = "",
    start: Annotated[str, typer.Option(help="From this time, such as 2026-11-20T00:00Z.")] = "",
    end: Annotated[str, typer.Option(help="Before this time.")] = "",
    page_size: Annotated[int, typer.Option(min=1, max=1000, help="At most this many.")] = 50,
    page_token: Annotated[str, typer.Option(help="Where the page before ended.")] = "",
    whole: Annotated[bool, typer.Option("--whole", help="Payloads in full.")] = False,
    config: Config = DEFAULT_CONFIG,
) -> None:
    """List records, newest first; sealed words are opened where their key is still there.

    Example: vpp audit list --kind run --page-size 20
    """
    page = asyncio.run(_list(config, (kind, subject, start, end), page_size, page_token))
    from vpp.domain.readings import from_microseconds  # noqa: PLC0415

    for record in page.items:
        payload = record.payload
        if not whole and len(payload) > _SHOWN_PAYLOAD:
            payload = payload[:_SHOWN_PAYLOAD] + " …"
        at = from_microseconds(record.at_us)
        console.print(
            f"{record.number:>8}  {at:%Y-%m-%d %H:%M:%S} UTC  {record.kind:<16} {record.subject or '-'}  "
            f"by {record.actor}: {payload}"
        )
    if page.next_token:
        console.print(f"more: --page-token {page.next_token}")


async def _list(
    config: Path, chosen: tuple[str, str, str, str], page_size: int, page_token: str
) -> Page[AuditRecord]:
    from vpp.adapters.storage import open_audit  # noqa: PLC0415
    from vpp.ports import AuditFilter  # noqa: PLC0415
    from vpp.service.settings import load_settings  # noqa: PLC0415

    kind, subject, start, end = chosen
    wanted = AuditFilter(kind=kind, subject=subject, start=_time("start", start), end=_time("end", end))
    chain = open_audit(load_settings(config).database.url)
    try:
        return await chain.records(wanted, page_size=page_size, page_token=page_token)
    finally:
        await chain.close()


@app.command("export")
def export_command(
    out: Annotated[Path, typer.Option(help="File to write, JSON lines.")],
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Write the chain to a file that can be checked without this database, also with other tools.

    Example: vpp audit export --out audit.jsonl
    """
    with _progress("records") as progress:
        head = asyncio.run(_export(config, out, progress))
    console.print(f"{out}: up to record {head}; keep this line elsewhere, it is an anchor")


async def _export(config: Path, out: Path, progress: ProgressFunction) -> object:
    from vpp.adapters.storage import open_audit  # noqa: PLC0415
    from vpp.service.settings import load_settings  # noqa: PLC0415

    chain = open_audit(load_settings(config).database.url)
    try:
        return await chain.export(out, progress=progress)
    finally:
        await chain.close()


def erase_command(
    subject: Annotated[str, typer.Argument(help="asset:ID, node:ID, remark:ID, operator:ID or request:ID.")],
    reason: Annotated[str, typer.Option(help="Why, for the chain. Do not repeat the words to be erased.")],
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Make what was sealed about a subject unreadable for good; the chain stays valid.

    Example: vpp erase remark:e17 --reason "asked for by the customer, ticket 12"
    """
    console.print(asyncio.run(_erase(config, subject, reason)))


async def _erase(config: Path, subject: str, reason: str) -> str:
    from vpp.adapters.storage import open_audit  # noqa: PLC0415
    from vpp.service.identity import operating_user, wall_now  # noqa: PLC0415
    from vpp.service.settings import load_settings  # noqa: PLC0415

    chain = open_audit(load_settings(config).database.url)
    try:
        done = await chain.erase(subject, reason=reason, actor=operating_user(), now=wall_now())
    finally:
        await chain.close()
    return (
        f"{done.about}: {done.keys} keys destroyed, words removed from {done.live_rows} live rows; "
        "copies of the database keep them until they are erased, too"
    )


def _time(field: str, text: str) -> datetime | None:
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise InvalidValueError(field, text, "a time with its zone, such as 2026-11-20T00:00Z")
    return at


@contextmanager
def _progress(words: str) -> Iterator[ProgressFunction]:
    screen = Console(stderr=True)
    with Progress(console=screen, transient=True, disable=not screen.is_terminal) as progress:
        task = progress.add_task(words, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
