"""Find a run by what set it off.

Revision ID: 0011_run_cause
Revises: 0010_consent
"""

from alembic import op

revision = "0011_run_cause"
down_revision = "0010_consent"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_run_cause_run_number", "run", ["cause", "run_number"])


def downgrade() -> None:
    op.drop_index("ix_run_cause_run_number", "run")
