"""Tables of identity."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, String, Table, Text, UniqueConstraint

from vpp.adapters.storage.tables.columns import IDENTIFIER, NUMBER, column, metadata, number

identity_event = Table(
    "identity_event",
    metadata,
    number("event_number", "order of writing; what was admitted after a revocation has a higher one"),
    column("at_us", BigInteger(), "us UTC, of the wall"),
    column("kind", String(32), "token_created, enrolled, enrolment_refused, renewed, revoked"),
    column("node_id", Text(), "whom it is about; empty when nobody can be told"),
    column("actor", Text(), "who did it"),
    column("detail", Text(), "in words; never a secret"),
    comment="audit of who was let in and who was shut out",
)

enrolment_token = Table(
    "enrolment_token",
    metadata,
    Column("token_id", String(16), primary_key=True, comment="public half of the token"),
    column("event_number", NUMBER, "its row in the audit", ForeignKey("identity_event.event_number")),
    column("secret_sha256", String(64), "hash of the secret half"),
    column("node_id", IDENTIFIER, "node that it lets in"),
    column("asset_ids", Text(), "assets that the operator expects of the node, JSON"),
    column("created_at_us", BigInteger(), "us UTC, of the wall"),
    column("created_by", Text(), "operator"),
    column("expires_at_us", BigInteger(), "us UTC, of the wall"),
    Index(None, "expires_at_us"),
    comment="one-time permissions; spent when a certificate names one",
)

certificate = Table(
    "certificate",
    metadata,
    Column("serial", String(40), primary_key=True, comment="hexadecimal"),
    column("event_number", NUMBER, "its row in the audit", ForeignKey("identity_event.event_number")),
    column("admitted_by", NUMBER, "event of the token it goes back to, 0 for one made by hand"),
    column("node_id", IDENTIFIER, "node that it names"),
    column("public_key_sha256", String(64), "hash of the public key, DER"),
    column("chain_pem", Text(), "answer to the token, empty for a renewal"),
    column("issued_at_us", BigInteger(), "us UTC, of the wall"),
    column("not_after_us", BigInteger(), "us UTC, of the wall"),
    column("token_id", String(16), "token spent", ForeignKey("enrolment_token.token_id"), nullable=True),
    column("previous_serial", String(40), "certificate that it renews", nullable=True),
    UniqueConstraint("token_id"),
    Index(None, "node_id", "event_number"),
    Index(None, "previous_serial"),
    comment="certificates that the service issued; a token is spent once",
)

revocation = Table(
    "revocation",
    metadata,
    Column(
        "event_number",
        NUMBER,
        ForeignKey("identity_event.event_number"),
        primary_key=True,
        autoincrement=False,
        comment="its row in the audit: when, by whom, why",
    ),
    column("node_id", IDENTIFIER, "node with all it had then", nullable=True),
    column("serial", String(40), "or one certificate, hexadecimal", nullable=True),
    Index(None, "node_id"),
    comment="who is refused",
)

token_revocation = Table(
    "token_revocation",
    metadata,
    Column(
        "event_number",
        NUMBER,
        ForeignKey("identity_event.event_number"),
        primary_key=True,
        autoincrement=False,
        comment="its row in the audit: when, by whom, why",
    ),
    column("token_id", IDENTIFIER, "one token, by its jti", nullable=True),
    column("person", IDENTIFIER, "or all that a person was given until then", nullable=True),
    comment="tokens of people that are refused",
)
