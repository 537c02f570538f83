"""What people approve, what happened to it, and versions in force.

Revision ID: 0009_approvals
Revises: 0008_operators_orders
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0009_approvals"
down_revision = "0008_operators_orders"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "approval",
        _key("approval_number", "order of writing"),
        _column("approval_id", sa.Text(), "identity of the approval"),
        _column("subject", sa.String(32), "plan or promotion"),
        _column("run_id", sa.Text(), "run that asked; empty for a promotion"),
        _column("requested_at_us", sa.BigInteger(), "us UTC"),
        _column("expires_at_us", sa.BigInteger(), "us UTC, when it times out"),
        _column("requester", sa.Text(), "who may not approve"),
        _column("persons", sa.Integer(), "distinct persons needed"),
        _column("epoch", sa.BigInteger(), "fencing token of the writer"),
        _column("content", sa.LargeBinary(), "reasons, verdict, powers now, see approval_documents.py"),
        sa.PrimaryKeyConstraint("approval_number", name="pk_approval"),
        sa.UniqueConstraint("approval_id", name="uq_approval_approval_id"),
        comment="what was put before people, as it was asked",
    )
    op.create_table(
        "approval_plan",
        _column("approval_number", NUMBER, "approval"),
        _column("position", sa.Integer(), "0 is what is asked; the others are the next rungs"),
        _column("rung", sa.String(32), "rung of the ladder"),
        _column("need", sa.Text(), "rules, reasons, persons, time-out in s, JSON"),
        _column("schedule", sa.LargeBinary(), "grid, assets, matrices in kW and kWh, see codec.py"),
        sa.ForeignKeyConstraint(
            ["approval_number"],
            ["approval.approval_number"],
            name="fk_approval_plan_approval_number_approval",
        ),
        sa.PrimaryKeyConstraint("approval_number", "position", name="pk_approval_plan"),
        comment="verified plans that wait for people; none of them was sent",
    )
    _events()
    op.create_table(
        "component_version",
        _key("version_number", "order of writing"),
        _column("component", sa.String(32), "model, forecaster, policy"),
        _column("fingerprint", sa.String(64), "SHA-256 of its settings"),
        _column("since_us", sa.BigInteger(), "us UTC, from when it is in force"),
        _column("settings", sa.Text(), "JSON"),
        sa.PrimaryKeyConstraint("version_number", name="pk_component_version"),
        comment="what plans rested on, from when; the first days of a version are counted from here",
    )
    op.create_index(
        "ix_component_version_component_version_number",
        "component_version",
        ["component", "version_number"],
    )


def _events() -> None:
    op.create_table(
        "approval_event",
        _key("event_number", "order of writing"),
        _column("approval_id", sa.Text(), "approval"),
        _column("kind", sa.String(32), "requested, alarm, approved_by, rejected_by, or how it ended"),
        _column("at_us", sa.BigInteger(), "us UTC"),
        _column("person", sa.Text(), "who said so; empty for the service"),
        sa.Column("request_id", sa.Text(), nullable=True, comment="of a person's word, said once"),
        sa.Column("run_id", sa.Text(), nullable=True, comment="run that carried it out"),
        _column("detail", sa.Text(), "in words"),
        sa.ForeignKeyConstraint(
            ["approval_id"], ["approval.approval_id"], name="fk_approval_event_approval_id_approval"
        ),
        sa.PrimaryKeyConstraint("event_number", name="pk_approval_event"),
        sa.UniqueConstraint("request_id", name="uq_approval_event_request_id"),
        sa.UniqueConstraint("run_id", name="uq_approval_event_run_id"),
        comment="what happened to approvals, only ever added",
    )
    op.create_index("ix_approval_event_approval_id", "approval_event", ["approval_id"])


def downgrade() -> None:
    for name in ("component_version", "approval_event", "approval_plan", "approval"):
        op.drop_table(name)


def _key(name: str, comment: str) -> sa.Column[Any]:
    return sa.Column(name, NUMBER, autoincrement=True, nullable=False, comment=comment)


def _column(name: str, kind: Any, comment: str) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, comment=comment)
