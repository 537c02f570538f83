"""Tables of what operators ordered: overrides, and stops as the journal on disk has them."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from vpp.adapters.storage.tables.columns import IDENTIFIER, NUMBER, column, metadata, number

override_order = Table(
    "override_order",
    metadata,
    number("override_number", "order of making; of two for an asset the higher one counts"),
    column("override_id", IDENTIFIER, "identity of the request that made it"),
    column("kind", String(16), "power, envelope, hold"),
    column("asset_ids", Text(), "assets that were named, JSON"),
    column("feeder_id", String(64), "feeder that was named; empty: none"),
    column("author", Text(), "operator"),
    column("reason", Text(), "in the operator's words"),
    column("created_at_us", BigInteger(), "us UTC"),
    column("valid_until_us", BigInteger(), "us UTC"),
    column("powers", LargeBinary(), "slots and kW, see codec.py"),
    UniqueConstraint("override_id"),
    Index(None, "valid_until_us"),
    comment="overrides; superseded by later ones, never changed",
)

override_end = Table(
    "override_end",
    metadata,
    Column(
        "override_number",
        NUMBER,
        ForeignKey("override_order.override_number"),
        primary_key=True,
        autoincrement=False,
        comment="override",
    ),
    column("cleared_at_us", BigInteger(), "us UTC"),
    column("author", Text(), "operator"),
    column("reason", Text(), "in the operator's words"),
    comment="overrides that were ended before their time",
)

override_cost = Table(
    "override_cost",
    metadata,
    Column(
        "override_number",
        NUMBER,
        ForeignKey("override_order.override_number"),
        primary_key=True,
        autoincrement=False,
        comment="override",
    ),
    column("cost", Double(), "money, plan with it less plan without it"),
    column("least", Double(), "money, proven: it costs no less", nullable=True),
    column("most", Double(), "money, proven: it costs no more", nullable=True),
    column("computed_at_us", BigInteger(), "us UTC"),
    comment="what overrides were found to cost when they were made",
)

stop_order = Table(
    "stop_order",
    metadata,
    number("stop_number", "order of writing"),
    column("request_id", IDENTIFIER, "identity of the request"),
    column("action", String(16), "stop, release"),
    column("operator", Text(), "who"),
    column("reason", Text(), "in the operator's words"),
    column("at_us", BigInteger(), "us UTC, when it was written to the journal"),
    column("asset_ids", Text(), "assets that were named, JSON"),
    column("feeder_id", String(64), "feeder that was named; empty: none"),
    UniqueConstraint("request_id"),
    comment="stops and releases, merged from the journal on disk",
)

stop_report = Table(
    "stop_report",
    metadata,
    Column(
        "stop_number",
        NUMBER,
        ForeignKey("stop_order.stop_number"),
        primary_key=True,
        autoincrement=False,
        comment="stop",
    ),
    column("told", Integer(), "assets whose node was told at once"),
    column("away", Integer(), "assets whose node was away"),
    column("confirmed", Integer(), "assets whose node said that an order was ended"),
    column("p50_s", Double(), "s of the plant, from the call to that word", nullable=True),
    column("p99_s", Double(), "s of the plant", nullable=True),
    column("last_s", Double(), "s of the plant", nullable=True),
    comment="how long stops took",
)
