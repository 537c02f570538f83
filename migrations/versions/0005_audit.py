"""The audit chain and the keys of its sealed texts.

Revision ID: 0005_audit
Revises: 0004_forecast_rounds
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005_audit"
down_revision = "0004_forecast_rounds"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "audit_record",
        sa.Column(
            "record_number", NUMBER, autoincrement=False, nullable=False, comment="1, 2, 3 … without a gap"
        ),
        _column("at_us", sa.BigInteger(), "us UTC"),
        _column("kind", sa.String(32), "what happened"),
        _column("subject", sa.Text(), "id of what it is about"),
        _column("actor", sa.Text(), "who did it"),
        _column("payload_sha256", sa.String(64), "of the payload"),
        _column("payload", sa.Text(), "canonical JSON; what may have to be forgotten is encrypted"),
        _column("chain_sha256", sa.String(64), "of the record before and of this one, see vpp.domain.audit"),
        sa.PrimaryKeyConstraint("record_number", name="pk_audit_record"),
        comment="what happened, each record bound to all before it by its hash",
    )
    op.create_index("ix_audit_record_kind_record_number", "audit_record", ["kind", "record_number"])
    op.create_index("ix_audit_record_subject_record_number", "audit_record", ["subject", "record_number"])
    op.create_table(
        "audit_key",
        _column("key_id", sa.String(16), "hexadecimal, stands in sealed texts"),
        _column("about", sa.Text(), "whose words it seals; empty once destroyed"),
        _column("secret", sa.LargeBinary(), "AES-256 key; empty once destroyed"),
        _column("made_at_us", sa.BigInteger(), "us UTC"),
        sa.Column("destroyed_at_us", sa.BigInteger(), nullable=True, comment="us UTC"),
        sa.PrimaryKeyConstraint("key_id", name="pk_audit_key"),
        comment="keys of sealed texts; outside the chain, so that they can be destroyed",
    )
    op.create_index("ix_audit_key_about", "audit_key", ["about"])


def downgrade() -> None:
    for name in ("audit_key", "audit_record"):
        op.drop_table(name)


def _column(name: str, kind: Any, comment: str) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, comment=comment)
