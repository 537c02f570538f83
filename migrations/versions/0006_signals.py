"""What operators signal.

Revision ID: 0006_signals
Revises: 0005_audit
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006_signals"
down_revision = "0005_audit"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INDEXES = (("signal_id", "available_at_us"), ("valid_until_us",), ("request_id",))


def upgrade() -> None:
    op.create_table(
        "signal_request",
        _column("request_id", sa.Text(), "identity of the call"),
        _column("author", sa.Text(), "who called"),
        _column("received_at_us", sa.BigInteger(), "us UTC"),
        _column("content_sha256", sa.Text(), "of what it said, hexadecimal"),
        sa.PrimaryKeyConstraint("request_id", name="pk_signal_request"),
        comment="calls that announced signals; the same one again changes nothing",
    )
    op.create_table(
        "signal",
        sa.Column("signal_number", NUMBER, autoincrement=True, nullable=False, comment="order of writing"),
        _column("signal_id", sa.Text(), "identity of the signal"),
        _column("request_id", sa.Text(), "call it came with"),
        _column("kind", sa.Text(), "price, envelope, event, reserve, maintenance, opt_out"),
        _column("valid_from_us", sa.BigInteger(), "us UTC"),
        _column("valid_until_us", sa.BigInteger(), "us UTC"),
        _column("primacy", sa.Integer(), "0 to 255; of two that overlap the lower holds"),
        _column("author", sa.Text(), "who announced it"),
        _column("available_at_us", sa.BigInteger(), "us UTC, from when it was known"),
        _column("withdrawn", sa.Boolean(), "whether it ends the signal"),
        _column("content", sa.Text(), "what it says, JSON"),
        sa.ForeignKeyConstraint(
            ["request_id"], ["signal_request.request_id"], name="fk_signal_request_id_signal_request"
        ),
        sa.PrimaryKeyConstraint("signal_number", name="pk_signal"),
        comment="announcements of signals; the last announced of a signal_id counts",
    )
    for columns in INDEXES:
        op.create_index(f"ix_signal_{'_'.join(columns)}", "signal", list(columns))


def downgrade() -> None:
    for name in ("signal", "signal_request"):
        op.drop_table(name)


def _column(name: str, kind: Any, comment: str) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, comment=comment)
