"""Tables of what operators signal."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, Table, Text

from vpp.adapters.storage.tables.columns import column, metadata, number

signal_request = Table(
    "signal_request",
    metadata,
    Column("request_id", Text(), primary_key=True, comment="identity of the call"),
    column("author", Text(), "who called"),
    column("received_at_us", BigInteger(), "us UTC"),
    column("content_sha256", Text(), "of what it said, hexadecimal"),
    comment="calls that announced signals; the same one again changes nothing",
)

signal = Table(
    "signal",
    metadata,
    number("signal_number", "order of writing"),
    column("signal_id", Text(), "identity of the signal"),
    column("request_id", Text(), "call it came with", ForeignKey("signal_request.request_id")),
    column("kind", Text(), "price, envelope, event, reserve, maintenance, opt_out"),
    column("valid_from_us", BigInteger(), "us UTC"),
    column("valid_until_us", BigInteger(), "us UTC"),
    column("primacy", Integer(), "0 to 255; of two that overlap the lower holds"),
    column("author", Text(), "who announced it"),
    column("available_at_us", BigInteger(), "us UTC, from when it was known"),
    column("withdrawn", Boolean(), "whether it ends the signal"),
    column("content", Text(), "what it says, JSON"),
    Index(None, "signal_id", "available_at_us"),
    Index(None, "valid_until_us"),
    Index(None, "request_id"),
    comment="announcements of signals; the last announced of a signal_id counts",
)
