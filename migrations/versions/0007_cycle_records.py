"""What each cycle knew, so that it can be replayed bit by bit.

Revision ID: 0007_cycle_records
Revises: 0006_signals
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007_cycle_records"
down_revision = "0006_signals"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "fleet_register",
        _column("fleet_sha256", sa.String(64), "hash of the content"),
        _column("content", sa.LargeBinary(), "assets and feeders in slot order, see values.py"),
        sa.PrimaryKeyConstraint("fleet_sha256", name="pk_fleet_register"),
        comment="the fleets that cycles were decided for, each once",
    )
    op.create_table(
        "cycle_record",
        sa.Column("run_number", NUMBER, autoincrement=False, nullable=False, comment="run"),
        _column("fleet_sha256", sa.String(64), "fleet"),
        _column("content", sa.LargeBinary(), "what the cycle knew and what came of its solve, see values.py"),
        sa.ForeignKeyConstraint(["run_number"], ["run.run_number"], name="fk_cycle_record_run_number_run"),
        sa.ForeignKeyConstraint(
            ["fleet_sha256"],
            ["fleet_register.fleet_sha256"],
            name="fk_cycle_record_fleet_sha256_fleet_register",
        ),
        sa.PrimaryKeyConstraint("run_number", name="pk_cycle_record"),
        comment="what a replay of each run needs beside its plan, forecast and fleet; kept for a time",
    )


def downgrade() -> None:
    for name in ("cycle_record", "fleet_register"):
        op.drop_table(name)


def _column(name: str, kind: Any, comment: str) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, comment=comment)
