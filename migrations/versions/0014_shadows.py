"""What shadows planned beside live cycles, and what came of it.

Revision ID: 0014_shadows
Revises: 0013_orders_without_keys
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0014_shadows"
down_revision = "0013_orders_without_keys"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "shadow_cycle",
        _key("cycle_number", "order of writing"),
        _column("shadow_id", sa.Text(), "name of the shadow"),
        _column("change_sha256", sa.String(64), "of what is other in it"),
        _column("run_id", sa.Text(), "live cycle whose inputs it had"),
        _column("cycle_start_us", sa.BigInteger(), "us UTC, start of the first planned interval"),
        _column("planned_at_us", sa.BigInteger(), "us UTC"),
        _column("figures", sa.Text(), "of both sides: rung, money, kWh, kW, s, JSON"),
        _column("powers", sa.LargeBinary(), "kW of the first interval of both sides, see codec.py"),
        sa.PrimaryKeyConstraint("cycle_number", name="pk_shadow_cycle"),
        sa.UniqueConstraint(
            "shadow_id", "change_sha256", "run_id", name="uq_shadow_cycle_shadow_id_change_sha256_run_id"
        ),
        comment="what shadows planned from the inputs of live cycles; nothing of it was sent",
    )
    op.create_index(
        "ix_shadow_cycle_shadow_id_change_sha256_cycle_start_us",
        "shadow_cycle",
        ["shadow_id", "change_sha256", "cycle_start_us"],
    )
    _of_a_cycle(
        "shadow_outcome",
        _column("settled_at_us", sa.BigInteger(), "us UTC"),
        _column("figures", sa.Text(), "of both sides: money, kWh, kW, JSON; null where it was never metered"),
        comment="what the first interval of a compared cycle came to by metering",
    )
    _of_a_cycle(
        "shadow_score",
        _column("scored_at_us", sa.BigInteger(), "us UTC"),
        _column("figures", sa.Text(), "sums of errors by source, kW, JSON; empty where it was never metered"),
        comment="how good the forecasts of a compared cycle were by metering",
    )
    _forecasts()


def _of_a_cycle(name: str, *columns: sa.Column[Any], comment: str) -> None:
    op.create_table(
        name,
        sa.Column("cycle_number", NUMBER, autoincrement=False, nullable=False, comment="compared cycle"),
        *columns,
        sa.ForeignKeyConstraint(
            ["cycle_number"], ["shadow_cycle.cycle_number"], name=f"fk_{name}_cycle_number_shadow_cycle"
        ),
        sa.PrimaryKeyConstraint("cycle_number", name=f"pk_{name}"),
        comment=comment,
    )


def _forecasts() -> None:
    op.create_table(
        "shadow_forecast",
        _key("forecast_number", "order of writing"),
        _column("shadow_id", sa.Text(), "name of the shadow"),
        _column("forecast_id", sa.Text(), "identity of the forecast"),
        _column("available_at_us", sa.BigInteger(), "us UTC, from when it was known"),
        _column("source", sa.String(32), "baseline or adjusted"),
        _column("verdict", sa.String(32), "what became of the request to the model"),
        _column("reason", sa.Text(), "why the model was not followed, in words"),
        sa.Column("call_id", sa.Text(), nullable=True, comment="model call behind it"),
        _column("quantiles", sa.LargeBinary(), "feeders, grid and matrices in kW, see codec.py"),
        sa.ForeignKeyConstraint(
            ["call_id"], ["model_call.call_id"], name="fk_shadow_forecast_call_id_model_call"
        ),
        sa.PrimaryKeyConstraint("forecast_number", name="pk_shadow_forecast"),
        sa.UniqueConstraint("forecast_id", name="uq_shadow_forecast_forecast_id"),
        comment="forecasts of shadows' own models; no live cycle reads them",
    )
    op.create_index(
        "ix_shadow_forecast_shadow_id_available_at_us", "shadow_forecast", ["shadow_id", "available_at_us"]
    )


def downgrade() -> None:
    for name in ("shadow_forecast", "shadow_score", "shadow_outcome", "shadow_cycle"):
        op.drop_table(name)


def _key(name: str, comment: str) -> sa.Column[Any]:
    return sa.Column(name, NUMBER, autoincrement=True, nullable=False, comment=comment)


def _column(name: str, kind: Any, comment: str) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, comment=comment)
