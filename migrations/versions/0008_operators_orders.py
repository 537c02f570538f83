"""Overrides and stops of operators; what a run was for, and of which portfolio.

Revision ID: 0008_operators_orders
Revises: 0007_cycle_records
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0008_operators_orders"
down_revision = "0007_cycle_records"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _extend_run()
    _create_override_order()
    _create_override_end_and_cost()
    _create_stops()


def downgrade() -> None:
    for name in ("stop_report", "stop_order", "override_cost", "override_end", "override_order"):
        op.drop_table(name)
    op.drop_index("ix_run_started_at_us", "run")
    with op.batch_alter_table("run") as batch:
        batch.drop_column("portfolio")
        batch.drop_column("kind")


def _extend_run() -> None:
    for name, length, default, comment in (
        ("kind", 16, "dispatch", "dispatch, override, dry_run, what_if"),
        ("portfolio", 64, "", "whose assets it ordered; empty: everybody's"),
    ):
        op.add_column(
            "run",
            sa.Column(
                name,
                sa.String(length),
                nullable=False,
                server_default=sa.text(f"'{default}'"),
                comment=comment,
            ),
        )
    op.create_index("ix_run_started_at_us", "run", ["started_at_us"])


def _create_override_order() -> None:
    op.create_table(
        "override_order",
        _key("override_number", "order of making; of two for an asset the higher one counts"),
        _column("override_id", sa.String(64), "identity of the request that made it"),
        _column("kind", sa.String(16), "power, envelope, hold"),
        _column("asset_ids", sa.Text(), "assets that were named, JSON"),
        _column("feeder_id", sa.String(64), "feeder that was named; empty: none"),
        _column("author", sa.Text(), "operator"),
        _column("reason", sa.Text(), "in the operator's words"),
        _column("created_at_us", sa.BigInteger(), "us UTC"),
        _column("valid_until_us", sa.BigInteger(), "us UTC"),
        _column("powers", sa.LargeBinary(), "slots and kW, see codec.py"),
        sa.PrimaryKeyConstraint("override_number", name="pk_override_order"),
        sa.UniqueConstraint("override_id", name="uq_override_order_override_id"),
        comment="overrides; superseded by later ones, never changed",
    )
    op.create_index("ix_override_order_valid_until_us", "override_order", ["valid_until_us"])


def _create_override_end_and_cost() -> None:
    op.create_table(
        "override_end",
        _key("override_number", "override", count=False),
        _column("cleared_at_us", sa.BigInteger(), "us UTC"),
        _column("author", sa.Text(), "operator"),
        _column("reason", sa.Text(), "in the operator's words"),
        sa.PrimaryKeyConstraint("override_number", name="pk_override_end"),
        _override("override_end"),
        comment="overrides that were ended before their time",
    )
    op.create_table(
        "override_cost",
        _key("override_number", "override", count=False),
        _column("cost", sa.Double(), "money, plan with it less plan without it"),
        _column("least", sa.Double(), "money, proven: it costs no less", nullable=True),
        _column("most", sa.Double(), "money, proven: it costs no more", nullable=True),
        _column("computed_at_us", sa.BigInteger(), "us UTC"),
        sa.PrimaryKeyConstraint("override_number", name="pk_override_cost"),
        _override("override_cost"),
        comment="what overrides were found to cost when they were made",
    )


def _create_stops() -> None:
    op.create_table(
        "stop_order",
        _key("stop_number", "order of writing"),
        _column("request_id", sa.String(64), "identity of the request"),
        _column("action", sa.String(16), "stop, release"),
        _column("operator", sa.Text(), "who"),
        _column("reason", sa.Text(), "in the operator's words"),
        _column("at_us", sa.BigInteger(), "us UTC, when it was written to the journal"),
        _column("asset_ids", sa.Text(), "assets that were named, JSON"),
        _column("feeder_id", sa.String(64), "feeder that was named; empty: none"),
        sa.PrimaryKeyConstraint("stop_number", name="pk_stop_order"),
        sa.UniqueConstraint("request_id", name="uq_stop_order_request_id"),
        comment="stops and releases, merged from the journal on disk",
    )
    op.create_table(
        "stop_report",
        _key("stop_number", "stop", count=False),
        _column("told", sa.Integer(), "assets whose node was told at once"),
        _column("away", sa.Integer(), "assets whose node was away"),
        _column("confirmed", sa.Integer(), "assets whose node said that an order was ended"),
        _column("p50_s", sa.Double(), "s of the plant, from the call to that word", nullable=True),
        _column("p99_s", sa.Double(), "s of the plant", nullable=True),
        _column("last_s", sa.Double(), "s of the plant", nullable=True),
        sa.PrimaryKeyConstraint("stop_number", name="pk_stop_report"),
        sa.ForeignKeyConstraint(
            ["stop_number"], ["stop_order.stop_number"], name="fk_stop_report_stop_number_stop_order"
        ),
        comment="how long stops took",
    )


def _override(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["override_number"],
        ["override_order.override_number"],
        name=f"fk_{table}_override_number_override_order",
    )


def _key(name: str, comment: str, *, count: bool = True) -> sa.Column[Any]:
    return sa.Column(name, NUMBER, autoincrement=count, nullable=False, comment=comment)


def _column(name: str, kind: Any, comment: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=nullable, comment=comment)
