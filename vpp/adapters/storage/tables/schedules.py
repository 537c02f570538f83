"""Tables of what people say of schedules, and of firings."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Index, String, Table, Text, UniqueConstraint

from vpp.adapters.storage.tables.columns import column, metadata, number

schedule_word = Table(
    "schedule_word",
    metadata,
    number("word_number", "order of writing; the highest of a schedule counts"),
    column("schedule_id", String(64), "schedule of the configuration"),
    column("paused", Boolean(), "may it fire no more"),
    column("request_id", String(64), "of the call, said once"),
    column("author", Text(), "who said so"),
    column("reason", Text(), "in the author's words"),
    column("at_us", BigInteger(), "us UTC"),
    UniqueConstraint("request_id"),
    Index(None, "schedule_id", "word_number"),
    comment="pauses of schedules and their ends; only ever added",
)

schedule_firing = Table(
    "schedule_firing",
    metadata,
    number("firing_number", "order of writing"),
    column("schedule_id", String(64), "schedule of the configuration"),
    column("fired_at_us", BigInteger(), "us UTC"),
    column("run_id", Text(), "run that was made; empty where it failed"),
    column("failure", Text(), "why there is no run, in words"),
    Index(None, "schedule_id", "firing_number"),
    comment="when schedules fired, and what came of it",
)
