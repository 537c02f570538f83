"""Tables of consent."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, ForeignKey, Index, Integer, Table, Text

from vpp.adapters.storage.tables.columns import column, metadata, number

consent = Table(
    "consent",
    metadata,
    number("consent_number", "order of writing; the highest of an asset counts"),
    column("slot", Integer(), "asset", ForeignKey("asset.slot")),
    column("granted", Boolean(), "may its readings be exported for training"),
    column("at_us", BigInteger(), "us UTC, of the wall"),
    column("by", Text(), "who entered it"),
    column("reason", Text(), "where the household's word is kept"),
    Index(None, "slot", "consent_number"),
    comment="consent to exports for training, and its withdrawal; only ever added",
)
