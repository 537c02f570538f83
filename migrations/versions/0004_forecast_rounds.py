"""What forecasts were mixed from, what came of them, and fitted forecasters.

Revision ID: 0004_forecast_rounds
Revises: 0003_readings_by_day
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004_forecast_rounds"
down_revision = "0003_readings_by_day"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "forecast_round",
        _key("round_number", "UTC days since 1970-01-01", count=False),
        _column("opened_at_us", sa.BigInteger(), "us UTC"),
        _column("share", sa.Double(), "of the mix in the forecast of this day; the rest is the baseline"),
        _column("weights", sa.Text(), "of each forecaster within the mix, JSON"),
        sa.PrimaryKeyConstraint("round_number", name="pk_forecast_round"),
        comment="days that were forecast, with the weights fixed before they began",
    )
    op.create_table(
        "forecast_outcome",
        _key("round_number", "day", count=False),
        _column("learned_at_us", sa.BigInteger(), "us UTC"),
        _column("loss", sa.Double(), "of the forecast, mean share of the scale"),
        _column("baseline_loss", sa.Double(), "of the frozen baseline"),
        _column("expert_losses", sa.Text(), "of each forecaster, JSON"),
        _column("excess", sa.Double(), "sum of loss above the baseline's since the first day"),
        _column("bound", sa.Double(), "what that sum can never exceed"),
        _column("state", sa.Text(), "what has been learned, JSON"),
        sa.ForeignKeyConstraint(
            ["round_number"],
            ["forecast_round.round_number"],
            name="fk_forecast_outcome_round_number_forecast_round",
        ),
        sa.PrimaryKeyConstraint("round_number", name="pk_forecast_outcome"),
        comment="what forecast days came to, and what was learned from them",
    )
    op.create_table(
        "forecaster_pause",
        _key("pause_number", "order of writing"),
        _column("forecaster", sa.Text(), "name"),
        _column("paused", sa.Boolean(), "False takes it up again"),
        _column("at_us", sa.BigInteger(), "us UTC"),
        _column("reason", sa.Text(), "in the operator's words"),
        sa.PrimaryKeyConstraint("pause_number", name="pk_forecaster_pause"),
        comment="what operators decided about forecasters; the newest row of each counts",
    )
    op.create_table(
        "forecast_model",
        _key("version", "order of writing"),
        _column("trained_at_us", sa.BigInteger(), "us UTC, end of what it has seen"),
        _column("summary", sa.Text(), "what it was fitted on and how well, JSON"),
        _column("content", sa.LargeBinary(), "coefficients and trees, see codec.py"),
        sa.PrimaryKeyConstraint("version", name="pk_forecast_model"),
        comment="versions of the fitted forecasters",
    )


def downgrade() -> None:
    for name in ("forecast_model", "forecaster_pause", "forecast_outcome", "forecast_round"):
        op.drop_table(name)


def _key(name: str, comment: str, *, count: bool = True) -> sa.Column[Any]:
    return sa.Column(name, NUMBER, autoincrement=count, nullable=False, comment=comment)


def _column(name: str, kind: Any, comment: str) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, comment=comment)
