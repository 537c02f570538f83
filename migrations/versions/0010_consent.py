"""Consent to exports for training.

Revision ID: 0010_consent
Revises: 0009_approvals
"""

import sqlalchemy as sa
from alembic import op

revision = "0010_consent"
down_revision = "0009_approvals"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "consent",
        sa.Column(
            "consent_number",
            NUMBER,
            autoincrement=True,
            nullable=False,
            comment="order of writing; the highest of an asset counts",
        ),
        sa.Column("slot", sa.Integer(), nullable=False, comment="asset"),
        sa.Column(
            "granted", sa.Boolean(), nullable=False, comment="may its readings be exported for training"
        ),
        sa.Column("at_us", sa.BigInteger(), nullable=False, comment="us UTC, of the wall"),
        sa.Column("by", sa.Text(), nullable=False, comment="who entered it"),
        sa.Column("reason", sa.Text(), nullable=False, comment="where the household's word is kept"),
        sa.ForeignKeyConstraint(["slot"], ["asset.slot"], name="fk_consent_slot_asset"),
        sa.PrimaryKeyConstraint("consent_number", name="pk_consent"),
        comment="consent to exports for training, and its withdrawal; only ever added",
    )
    op.create_index("ix_consent_slot_consent_number", "consent", ["slot", "consent_number"])


def downgrade() -> None:
    op.drop_table("consent")
