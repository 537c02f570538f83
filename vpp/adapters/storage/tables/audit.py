"""Tables of the audit chain."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, LargeBinary, String, Table, Text

from vpp.adapters.storage.tables.columns import NUMBER, column, metadata

audit_record = Table(
    "audit_record",
    metadata,
    Column("record_number", NUMBER, primary_key=True, autoincrement=False, comment="1, 2, 3 … without a gap"),
    column("at_us", BigInteger(), "us UTC"),
    column("kind", String(32), "what happened"),
    column("subject", Text(), "id of what it is about"),
    column("actor", Text(), "who did it"),
    column("payload_sha256", String(64), "of the payload"),
    column("payload", Text(), "canonical JSON; what may have to be forgotten is encrypted"),
    column("chain_sha256", String(64), "of the record before and of this one, see vpp.domain.audit"),
    Index(None, "kind", "record_number"),
    Index(None, "subject", "record_number"),
    comment="what happened, each record bound to all before it by its hash",
)

audit_key = Table(
    "audit_key",
    metadata,
    Column("key_id", String(16), primary_key=True, comment="hexadecimal, stands in sealed texts"),
    column("about", Text(), "whose words it seals; empty once destroyed"),
    column("secret", LargeBinary(), "AES-256 key; empty once destroyed"),
    column("made_at_us", BigInteger(), "us UTC"),
    column("destroyed_at_us", BigInteger(), "us UTC", nullable=True),
    Index(None, "about"),
    comment="keys of sealed texts; outside the chain, so that they can be destroyed",
)
