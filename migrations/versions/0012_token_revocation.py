"""Tokens of people that are refused.

Revision ID: 0012_token_revocation
Revises: 0011_run_cause
"""

import sqlalchemy as sa
from alembic import op

revision = "0012_token_revocation"
down_revision = "0011_run_cause"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "token_revocation",
        sa.Column(
            "event_number",
            NUMBER,
            autoincrement=False,
            nullable=False,
            comment="its row in the audit: when, by whom, why",
        ),
        sa.Column("token_id", sa.String(64), nullable=True, comment="one token, by its jti"),
        sa.Column(
            "person", sa.String(64), nullable=True, comment="or all that a person was given until then"
        ),
        sa.ForeignKeyConstraint(
            ["event_number"],
            ["identity_event.event_number"],
            name="fk_token_revocation_event_number_identity_event",
        ),
        sa.PrimaryKeyConstraint("event_number", name="pk_token_revocation"),
        comment="tokens of people that are refused",
    )


def downgrade() -> None:
    op.drop_table("token_revocation")
