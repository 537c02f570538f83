"""Pauses of schedules, and when schedules fired.

Revision ID: 0016_schedules
Revises: 0015_promotions
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0016_schedules"
down_revision = "0015_promotions"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "schedule_word",
        _key("word_number", "order of writing; the highest of a schedule counts"),
        _column("schedule_id", sa.String(64), "schedule of the configuration"),
        _column("paused", sa.Boolean(), "may it fire no more"),
        _column("request_id", sa.String(64), "of the call, said once"),
        _column("author", sa.Text(), "who said so"),
        _column("reason", sa.Text(), "in the author's words"),
        _column("at_us", sa.BigInteger(), "us UTC"),
        sa.PrimaryKeyConstraint("word_number", name="pk_schedule_word"),
        sa.UniqueConstraint("request_id", name="uq_schedule_word_request_id"),
        comment="pauses of schedules and their ends; only ever added",
    )
    op.create_index(
        "ix_schedule_word_schedule_id_word_number", "schedule_word", ["schedule_id", "word_number"]
    )
    op.create_table(
        "schedule_firing",
        _key("firing_number", "order of writing"),
        _column("schedule_id", sa.String(64), "schedule of the configuration"),
        _column("fired_at_us", sa.BigInteger(), "us UTC"),
        _column("run_id", sa.Text(), "run that was made; empty where it failed"),
        _column("failure", sa.Text(), "why there is no run, in words"),
        sa.PrimaryKeyConstraint("firing_number", name="pk_schedule_firing"),
        comment="when schedules fired, and what came of it",
    )
    op.create_index(
        "ix_schedule_firing_schedule_id_firing_number", "schedule_firing", ["schedule_id", "firing_number"]
    )


def downgrade() -> None:
    op.drop_table("schedule_firing")
    op.drop_table("schedule_word")


def _key(name: str, comment: str) -> sa.Column[Any]:
    return sa.Column(name, NUMBER, autoincrement=True, nullable=False, comment=comment)


def _column(name: str, kind: Any, comment: str) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, comment=comment)
