"""Says in words what is wrong: configuration, address, certificates, database, fleet, prices, model."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from vpp.adapters.storage import open_identities
from vpp.adapters.storage.archive import ReadingArchive
from vpp.adapters.storage.migrate import pending
from vpp.adapters.tokens import read_keys
from vpp.domain.errors import InvalidValueError
from vpp.ports import ReadingDays, ReasoningModelError, Store, StoreError
from vpp.ports.access import TokenError
from vpp.service.certificates import describe_problem
from vpp.service.clock_and_store import make_clock, make_store
from vpp.service.cycle_picture import PRICE_MEMORY
from vpp.service.errors import ServiceError
from vpp.service.expiry import look_at_nodes
from vpp.service.forecasting_parts import make_model
from vpp.service.identity import load_authority, wall_now
from vpp.service.settings import Settings, SettingsError, load_settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One look at one thing; the sentence says what to do when it is not good."""

    subject: str
    good: bool
    sentence: str


async def examine(config: Path) -> AsyncIterator[Finding]:
    """Yield what was found, in the order in which a start would meet it."""
    try:
        settings = load_settings(config)
    except SettingsError as error:
        for problem in error.problems:
            yield Finding(subject="configuration", good=False, sentence=problem)
        return
    yield Finding(subject="configuration", good=True, sentence=f"{config} is complete")
    yield _address(settings)
    for finding in [*_certificates(settings), *_enrolment(settings), _people(settings)]:
        yield finding
    async for finding in _database(settings, config):
        yield finding
    yield await _model(settings)


def _address(settings: Settings, subject: str = "address", setting: str = "grpc.address") -> Finding:
    section, _, name = setting.partition(".")
    address: str = getattr(getattr(settings, section), name)
    host, _, port = address.rpartition(":")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(port)))
        except OSError as error:
            problem = f"{address} cannot be listened on: {error.strerror}"
            remedy = f"stop what uses it (a service that runs does), or set {setting}"
            return Finding(subject=subject, good=False, sentence=f"{problem}; {remedy}")
    return Finding(subject=subject, good=True, sentence=f"{address} is free")


def _enrolment(settings: Settings) -> list[Finding]:
    """Look at the authority that issues certificates, and at the listener of enrolments."""
    try:
        authority = load_authority(settings)
    except (ServiceError, InvalidValueError, OSError, ValueError) as error:
        return [Finding(subject="enrolment", good=False, sentence=str(error))]
    if authority is None:
        sentence = "switched off; no certificates are issued or renewed"
        return [Finding(subject="enrolment", good=True, sentence=sentence)]
    key = settings.enrolment.key
    if key is not None and key.stat().st_mode & 0o077:
        sentence = f"{key} can be read by others; run `chmod 600 {key}`"
        return [Finding(subject="enrolment", good=False, sentence=sentence)]
    end = authority.certificate.not_valid_after_utc
    findings = [Finding(subject="enrolment", good=True, sentence=f"the authority signs until {end:%Y-%m-%d}")]
    if settings.enrolment.address:
        findings.append(_address(settings, "enrolment", "enrolment.address"))
    return findings


def _people(settings: Settings) -> Finding:
    """Say whether people need tokens; without them every operator's certificate may do everything."""
    keys = settings.access.keys
    if keys is not None:
        try:
            count = len(read_keys(keys).keys)
        except TokenError as error:
            return Finding(subject="access.keys", good=False, sentence=str(error))
        sentence = f"people show tokens; {keys} holds {count} public keys"
        return Finding(subject="access.keys", good=True, sentence=sentence)
    host = settings.grpc.address.rpartition(":")[0].strip("[]")
    if host in {"localhost", "127.0.0.1", "::1"}:
        sentence = "off: an operator's certificate may do everything, from this machine only"
        return Finding(subject="access.keys", good=True, sentence=sentence)
    sentence = (
        f"off, and {settings.grpc.address} is open to others: every operator's certificate may do "
        "everything; set access.keys (docs/access.md)"
    )
    return Finding(subject="access.keys", good=False, sentence=sentence)


async def _node_certificates(settings: Settings) -> Finding:
    """Say whose issued certificates are over or were not renewed in time."""
    register = open_identities(settings.database.url)
    try:
        count, problem = await look_at_nodes(register, now=wall_now())
    finally:
        await register.close()
    sentence = problem or f"{count} issued and in time"
    return Finding(subject="node certificates", good=not problem, sentence=sentence)


def _certificates(settings: Settings) -> list[Finding]:
    findings = []
    for name in ("authority", "certificate"):
        path = getattr(settings.grpc, name)
        problem = describe_problem(path)
        findings.append(
            Finding(subject=f"grpc.{name}", good=not problem, sentence=problem or f"{path} can be used")
        )
    return findings


async def _database(settings: Settings, config: Path) -> AsyncIterator[Finding]:
    url = settings.database.url
    try:
        behind = await pending(url)
        if behind:
            sentence = f"behind by {', '.join(behind)}; run `vpp migrate --config {config}`"
            yield Finding(subject="database", good=False, sentence=sentence)
            return
        yield Finding(subject="database", good=True, sentence="reachable, and its tables are current")
        yield await _node_certificates(settings)
        store = make_store(settings, make_clock(settings))
        try:
            fleet = await store.load_fleet()
            prices = await _prices(store, settings)
            days = await store.reading_days()
        finally:
            await store.close()
    except StoreError as error:
        yield Finding(subject="database", good=False, sentence=str(error))
        return
    yield _readings(settings, days)
    yield await asyncio.to_thread(_archive, settings)
    if len(fleet) == 0:
        sentence = f"no assets; run `vpp import DIRECTORY --config {config}`"
        yield Finding(subject="fleet", good=False, sentence=sentence)
    else:
        sentence = f"{len(fleet)} assets on {len(fleet.feeders)} feeders"
        yield Finding(subject="fleet", good=True, sentence=sentence)
        yield prices


def _readings(settings: Settings, days: ReadingDays) -> Finding:
    """Say whether readings have a place today and tomorrow, and how old the oldest are."""
    keep = settings.telemetry.keep_days
    oldest = f"the oldest of {days.oldest}" if days.oldest else "there are none yet"
    if days.overdue:
        sentence = (
            f"{len(days.overdue)} days older than telemetry.keep_days = {keep} are still in the database, "
            f"{oldest}; run `vpp archive run` and read what it says"
        )
        return Finding(subject="readings", good=False, sentence=sentence)
    ahead = "" if days.ahead is None else f", {days.ahead} days are made ahead"
    sentence = f"kept for {keep} days, {oldest}{ahead}"
    return Finding(subject="readings", good=True, sentence=sentence)


def _archive(settings: Settings) -> Finding:
    """Say whether closed days can be archived, and whether the newest file is whole."""
    folder = settings.telemetry.archive
    if folder is None:
        sentence = f"off: readings are gone after {settings.telemetry.keep_days} days"
        return Finding(subject="archive", good=True, sentence=sentence)
    parent = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not os.access(parent, os.W_OK):
        sentence = f"{parent} cannot be written to; set telemetry.archive to a folder that can"
        return Finding(subject="archive", good=False, sentence=sentence)
    archive = ReadingArchive(folder)
    try:
        entries = archive.days()
        problem = archive.problem(entries[-1]) if entries else ""
    except StoreError as error:
        return Finding(subject="archive", good=False, sentence=str(error))
    if problem:
        return Finding(subject="archive", good=False, sentence=f"{problem}; restore it from a copy")
    sentence = f"{folder} holds {len(entries)} days" if entries else f"{folder} holds no day yet"
    return Finding(subject="archive", good=True, sentence=sentence)


async def _prices(store: Store, settings: Settings) -> Finding:
    """Say how far prices are known, by the plant's clock."""
    now, policy = make_clock(settings).now(), settings.policy.to_policy()
    end = now + policy.interval * policy.horizon_intervals
    points = await store.prices_between(start=now - PRICE_MEMORY, end=end, known_at=now)
    if not points:
        found = f"none is known by {now:%Y-%m-%d %H:%M} UTC of plant time, nor in the days before"
        remedy = "import some, since nothing is ordered without"
        return Finding(subject="prices", good=False, sentence=f"{found}; {remedy}")
    last = max(point.end for point in points)
    return Finding(
        subject="prices",
        good=True,
        sentence=f"known until {last:%Y-%m-%d %H:%M} UTC; then older ones stand in",
    )


async def _model(settings: Settings) -> Finding:
    model = make_model(settings)
    if model is None:
        return Finding(
            subject="model", good=True, sentence="switched off; the statistical baseline is in force"
        )
    schema: dict[str, object] = {
        "type": "object",
        "properties": {"ready": {"type": "boolean"}},
        "required": ["ready"],
        "additionalProperties": False,
    }
    try:
        question = 'Answer with the JSON object {"ready": true}.'
        async with asyncio.timeout(settings.model.deadline_s):
            await model.ask(system="You answer in JSON.", user=question, schema=schema, sample=0)
    except (ReasoningModelError, TimeoutError) as error:
        sentence = str(error) or f"no answer within {settings.model.deadline_s:g} s"
        return Finding(subject="model", good=False, sentence=f"{sentence}; the baseline would stay in force")
    return Finding(subject="model", good=True, sentence=f"{settings.model.name} at {model.endpoint} answers")
