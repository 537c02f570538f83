"""Enrolment tokens, issued certificates, revocations and their audit.

Revision ID: 0002_identity
Revises: 0001
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002_identity"
down_revision = "0001"
branch_labels = None
depends_on = None

# SQLite counts up by itself only in a column of the very type INTEGER.
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _create_identity_event()
    _create_enrolment_token()
    _create_certificate()
    _create_revocation()


def downgrade() -> None:
    for name in ("revocation", "certificate", "enrolment_token", "identity_event"):
        op.drop_table(name)


def _column(name: str, kind: Any, comment: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=nullable, comment=comment)


def _event_key(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["event_number"], ["identity_event.event_number"], name=f"fk_{table}_event_number_identity_event"
    )


def _create_identity_event() -> None:
    op.create_table(
        "identity_event",
        sa.Column(
            "event_number",
            NUMBER,
            autoincrement=True,
            nullable=False,
            comment="order of writing; what was admitted after a revocation has a higher one",
        ),
        _column("at_us", sa.BigInteger(), "us UTC, of the wall"),
        _column("kind", sa.String(32), "token_created, enrolled, enrolment_refused, renewed, revoked"),
        _column("node_id", sa.Text(), "whom it is about; empty when nobody can be told"),
        _column("actor", sa.Text(), "who did it"),
        _column("detail", sa.Text(), "in words; never a secret"),
        sa.PrimaryKeyConstraint("event_number", name="pk_identity_event"),
        comment="audit of who was let in and who was shut out",
    )


def _create_enrolment_token() -> None:
    op.create_table(
        "enrolment_token",
        _column("token_id", sa.String(16), "public half of the token"),
        _column("event_number", NUMBER, "its row in the audit"),
        _column("secret_sha256", sa.String(64), "hash of the secret half"),
        _column("node_id", sa.String(64), "node that it lets in"),
        _column("asset_ids", sa.Text(), "assets that the operator expects of the node, JSON"),
        _column("created_at_us", sa.BigInteger(), "us UTC, of the wall"),
        _column("created_by", sa.Text(), "operator"),
        _column("expires_at_us", sa.BigInteger(), "us UTC, of the wall"),
        sa.PrimaryKeyConstraint("token_id", name="pk_enrolment_token"),
        _event_key("enrolment_token"),
        comment="one-time permissions; spent when a certificate names one",
    )
    op.create_index("ix_enrolment_token_expires_at_us", "enrolment_token", ["expires_at_us"])


def _create_certificate() -> None:
    op.create_table(
        "certificate",
        _column("serial", sa.String(40), "hexadecimal"),
        _column("event_number", NUMBER, "its row in the audit"),
        _column("admitted_by", NUMBER, "event of the token it goes back to, 0 for one made by hand"),
        _column("node_id", sa.String(64), "node that it names"),
        _column("public_key_sha256", sa.String(64), "hash of the public key, DER"),
        _column("chain_pem", sa.Text(), "answer to the token, empty for a renewal"),
        _column("issued_at_us", sa.BigInteger(), "us UTC, of the wall"),
        _column("not_after_us", sa.BigInteger(), "us UTC, of the wall"),
        _column("token_id", sa.String(16), "token spent", nullable=True),
        _column("previous_serial", sa.String(40), "certificate that it renews", nullable=True),
        sa.PrimaryKeyConstraint("serial", name="pk_certificate"),
        sa.UniqueConstraint("token_id", name="uq_certificate_token_id"),
        sa.ForeignKeyConstraint(
            ["token_id"], ["enrolment_token.token_id"], name="fk_certificate_token_id_enrolment_token"
        ),
        _event_key("certificate"),
        comment="certificates that the service issued; a token is spent once",
    )
    op.create_index("ix_certificate_node_id_event_number", "certificate", ["node_id", "event_number"])
    op.create_index("ix_certificate_previous_serial", "certificate", ["previous_serial"])


def _create_revocation() -> None:
    op.create_table(
        "revocation",
        sa.Column(
            "event_number",
            NUMBER,
            autoincrement=False,
            nullable=False,
            comment="its row in the audit: when, by whom, why",
        ),
        _column("node_id", sa.String(64), "node with all it had then", nullable=True),
        _column("serial", sa.String(40), "or one certificate, hexadecimal", nullable=True),
        sa.PrimaryKeyConstraint("event_number", name="pk_revocation"),
        _event_key("revocation"),
        comment="who is refused",
    )
    op.create_index("ix_revocation_node_id", "revocation", ["node_id"])
