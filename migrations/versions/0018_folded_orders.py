"""Orders of a large run as one object, until their rows are written.

Revision ID: 0018_folded_orders
Revises: 0017_orders_two_indexes
"""

import sqlalchemy as sa
from alembic import op

revision = "0018_folded_orders"
down_revision = "0017_orders_two_indexes"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "folded_orders",
        sa.Column("run_number", NUMBER, autoincrement=False, nullable=False, comment="run"),
        sa.Column(
            "content",
            sa.LargeBinary(),
            nullable=False,
            comment="columns of its orders, see folded_orders.py",
        ),
        sa.Column("content_sha256", sa.String(64), nullable=False, comment="hash of the content"),
        sa.PrimaryKeyConstraint("run_number", name="pk_folded_orders"),
        sa.ForeignKeyConstraint(["run_number"], ["run.run_number"], name="fk_folded_orders_run_number_run"),
        comment="orders of large runs whose rows in setpoint are still to be written; usually empty",
    )


def downgrade() -> None:
    left = op.get_bind().scalar(sa.text("SELECT count(*) FROM folded_orders"))
    if left:
        raise ValueError(
            f"folded_orders: got {left} runs whose orders have no rows yet, expected none; "
            "start the service of this version once and stop it, then try again"
        )
    op.drop_table("folded_orders")
