"""What people put in force instead of the configuration, and took back.

Revision ID: 0015_promotions
Revises: 0014_shadows
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0015_promotions"
down_revision = "0014_shadows"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "promotion",
        sa.Column("promotion_number", NUMBER, autoincrement=True, nullable=False, comment="order of writing"),
        _column("promotion_id", sa.Text(), "identity of the promotion"),
        _column("kind", sa.String(16), "promoted, or reverted to what was in force before"),
        _column("shadow_id", sa.Text(), "shadow that it was"),
        _column("overlay", sa.Text(), "what holds from then on instead of the configuration, JSON"),
        _column("at_us", sa.BigInteger(), "us UTC"),
        _column("people", sa.Text(), "who approved it, or took it back, JSON"),
        _column("reason", sa.Text(), "in their words"),
        sa.Column("approval_id", sa.Text(), nullable=True, comment="approval that it carries out"),
        sa.Column("request_id", sa.Text(), nullable=True, comment="of taking back, done once"),
        _column("epoch", sa.BigInteger(), "fencing token of the writer"),
        sa.PrimaryKeyConstraint("promotion_number", name="pk_promotion"),
        sa.UniqueConstraint("promotion_id", name="uq_promotion_promotion_id"),
        sa.UniqueConstraint("approval_id", name="uq_promotion_approval_id"),
        sa.UniqueConstraint("request_id", name="uq_promotion_request_id"),
        comment="shadows that people put in force, and what they took back; only ever added",
    )


def downgrade() -> None:
    op.drop_table("promotion")


def _column(name: str, kind: Any, comment: str) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, comment=comment)
