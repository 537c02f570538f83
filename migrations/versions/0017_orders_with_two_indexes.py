"""Orders with two indexes instead of three: by run and asset, and by the number an asset knows.

Revision ID: 0017_orders_two_indexes
Revises: 0016_schedules
"""

from alembic import op

revision = "0017_orders_two_indexes"
down_revision = "0016_schedules"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_setpoint_run_number_slot", table_name="setpoint")
    _key("run_number", "slot")


def downgrade() -> None:
    _key("slot", "run_number")
    op.create_index("ix_setpoint_run_number_slot", "setpoint", ["run_number", "slot"])


def _key(*columns: str) -> None:
    with op.batch_alter_table("setpoint") as batch:
        batch.drop_constraint("pk_setpoint", type_="primary")
        batch.create_primary_key("pk_setpoint", list(columns))
