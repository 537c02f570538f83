"""Says in words what is wrong: configuration, address, certificates, database, fleet, prices, model."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from vpp.adapters.storage import open_store
from vpp.adapters.storage.migrate import pending
from vpp.ports import ReasoningModelError, Store, StoreError
from vpp.service.bootstrap import make_clock, make_model
from vpp.service.certificates import describe_problem
from vpp.service.loop import PRICE_MEMORY
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
    for finding in _certificates(settings):
        yield finding
    async for finding in _database(settings, config):
        yield finding
    yield await _model(settings)


def _address(settings: Settings) -> Finding:
    host, _, port = settings.grpc.address.rpartition(":")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(port)))
        except OSError as error:
            problem = f"{settings.grpc.address} cannot be listened on: {error.strerror}"
            remedy = "stop what uses it (a service that runs does), or set grpc.address"
            return Finding(subject="address", good=False, sentence=f"{problem}; {remedy}")
    return Finding(subject="address", good=True, sentence=f"{settings.grpc.address} is free")


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
        store = open_store(url, clock_now=make_clock(settings).now)
        try:
            fleet = await store.load_fleet()
            prices = await _prices(store, settings)
        finally:
            await store.close()
    except StoreError as error:
        yield Finding(subject="database", good=False, sentence=str(error))
        return
    if len(fleet) == 0:
        sentence = f"no assets; run `vpp import DIRECTORY --config {config}`"
        yield Finding(subject="fleet", good=False, sentence=sentence)
    else:
        sentence = f"{len(fleet)} assets on {len(fleet.feeders)} feeders"
        yield Finding(subject="fleet", good=True, sentence=sentence)
        yield prices


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
