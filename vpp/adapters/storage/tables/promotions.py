"""Table of promotions."""

from __future__ import annotations

from sqlalchemy import BigInteger, String, Table, Text, UniqueConstraint

from vpp.adapters.storage.tables.columns import column, metadata, number

promotion = Table(
    "promotion",
    metadata,
    number("promotion_number", "order of writing"),
    column("promotion_id", Text(), "identity of the promotion"),
    column("kind", String(16), "promoted, or reverted to what was in force before"),
    column("shadow_id", Text(), "shadow that it was"),
    column("overlay", Text(), "what holds from then on instead of the configuration, JSON"),
    column("at_us", BigInteger(), "us UTC"),
    column("people", Text(), "who approved it, or took it back, JSON"),
    column("reason", Text(), "in their words"),
    column("approval_id", Text(), "approval that it carries out", nullable=True),
    column("request_id", Text(), "of taking back, done once", nullable=True),
    column("epoch", BigInteger(), "fencing token of the writer"),
    UniqueConstraint("promotion_id"),
    UniqueConstraint("approval_id"),
    UniqueConstraint("request_id"),
    comment="shadows that people put in force, and what they took back; only ever added",
)
