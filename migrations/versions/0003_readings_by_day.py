# ruff: noqa: S608 - all names are constants of this file
"""Readings by day: partitions in PostgreSQL, a place for misdated ones, and what is archived.

Revision ID: 0003_readings_by_day
Revises: 0002_identity
"""

import sqlalchemy as sa
from alembic import op

revision = "0003_readings_by_day"
down_revision = "0002_identity"
branch_labels = None
depends_on = None

DAY_US = 86_400_000_000
OLD = "measured_at_us, slot, received_at_us, soc, power_kw, connected, quality"
# A reading is at most eight days late and 30 s early; the time of any other is wrong.
RIGHT = "measured_at_us BETWEEN received_at_us - 691200000000 AND received_at_us + 30000000"


def upgrade() -> None:
    op.add_column(
        "latest_reading",
        _column("clock_ahead_ms", sa.SmallInteger(), "ms, how far the node's clock was ahead", default="0"),
    )
    _drop_default("latest_reading", "clock_ahead_ms")
    op.create_table(
        "misdated_reading",
        *_reading_columns(),
        sa.PrimaryKeyConstraint("measured_at_us", "slot", name="pk_misdated_reading"),
        comment="readings whose time cannot be right; they never steer",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "archived_day",
        _column("day", sa.Integer(), "UTC days since 1970-01-01"),
        _column("rows", sa.BigInteger(), "readings in the file"),
        _column("sha256", sa.Text(), "of the file"),
        _column("archived_at_us", sa.BigInteger(), "us UTC"),
        _column("dropped", sa.Boolean(), "are its readings gone from this database"),
        sa.PrimaryKeyConstraint("day", name="pk_archived_day"),
        comment="days whose readings lie in an archive file, written and checked",
    )
    op.rename_table("reading", "reading_before_days")
    if op.get_bind().dialect.name == "postgresql":
        _to_partitions()
    else:
        _to_new_table()
    op.execute(
        f"INSERT INTO misdated_reading ({OLD}, clock_ahead_ms) "
        f"SELECT {OLD}, 0 FROM reading_before_days WHERE NOT ({RIGHT})"
    )
    op.drop_table("reading_before_days")


def _to_partitions() -> None:
    op.execute("ALTER TABLE reading_before_days DROP CONSTRAINT pk_reading")
    op.execute("CREATE SCHEMA reading_days")
    op.create_table(
        "reading", *_reading_columns(), postgresql_partition_by="RANGE (measured_at_us)", comment=_COMMENT
    )
    op.execute(
        "CREATE TABLE reading_days.mark (one boolean PRIMARY KEY CHECK (one), batch bigint NOT NULL, "
        "newest_us bigint NOT NULL, unsaved_from_us bigint)"
    )
    days = op.get_bind().execute(
        sa.text(
            f"SELECT DISTINCT measured_at_us / {DAY_US}, "
            f"to_char(to_timestamp(measured_at_us / {DAY_US} * 86400) AT TIME ZONE 'UTC', 'YYYYMMDD') "
            f"FROM reading_before_days WHERE {RIGHT}"
        )
    )
    for day, name in days.all():
        op.execute(
            f"CREATE TABLE reading_days.reading_{name} PARTITION OF reading "
            f"FOR VALUES FROM ({day * DAY_US}) TO ({(day + 1) * DAY_US})"
        )
        op.execute(
            f"CREATE INDEX reading_{name}_by_time ON reading_days.reading_{name} "
            "USING brin (measured_at_us, received_at_us) WITH (pages_per_range = 32, autosummarize = on)"
        )
    op.execute(
        f"INSERT INTO reading ({OLD}, clock_ahead_ms) SELECT {OLD}, 0 FROM reading_before_days "
        f"WHERE {RIGHT} ORDER BY measured_at_us, slot"
    )
    op.execute(
        "INSERT INTO reading_days.mark SELECT true, 1, coalesce(max(measured_at_us), 0), NULL FROM reading"
    )


def _to_new_table() -> None:
    op.create_table(
        "reading",
        *_reading_columns(),
        sa.PrimaryKeyConstraint("measured_at_us", "slot", name="pk_reading"),
        comment=_COMMENT,
        sqlite_with_rowid=False,
    )
    op.execute(
        f"INSERT INTO reading ({OLD}, clock_ahead_ms) SELECT {OLD}, 0 FROM reading_before_days WHERE {RIGHT}"
    )


def downgrade() -> None:
    op.create_table(
        "reading_before_days",
        *(column for column in _reading_columns() if column.name != "clock_ahead_ms"),
        sa.PrimaryKeyConstraint("measured_at_us", "slot", name="pk_reading_before_days"),
        comment="telemetry as it came, the bad included",
        sqlite_with_rowid=False,
    )
    for table in ("reading", "misdated_reading"):
        op.execute(f"INSERT INTO reading_before_days ({OLD}) SELECT {OLD} FROM {table}")
        op.drop_table(table)
    op.drop_table("archived_day")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP SCHEMA reading_days CASCADE")
        op.execute("ALTER TABLE reading_before_days RENAME CONSTRAINT pk_reading_before_days TO pk_reading")
    op.rename_table("reading_before_days", "reading")
    op.drop_column("latest_reading", "clock_ahead_ms")


_COMMENT = "telemetry as it came, the bad included; in PostgreSQL one partition for each UTC day"


def _reading_columns() -> list[sa.Column]:
    """Return the columns, widest first: PostgreSQL aligns them, and a row then takes 76 bytes and not 84."""
    return [
        _column("measured_at_us", sa.BigInteger(), "us UTC, by the node's clock"),
        _column("received_at_us", sa.BigInteger(), "us UTC, by the service"),
        _column("soc", sa.Double(), "ratio 0..1; NULL where the device sent no finite number", nullable=True),
        _column("power_kw", sa.Double(), "kW, positive discharges into the grid; NULL as soc", nullable=True),
        _column("slot", sa.Integer(), "asset; no foreign key, it would cost more than the row"),
        _column("quality", sa.SmallInteger(), "flags, 0 is good; see vpp.domain.readings.Quality"),
        _column("clock_ahead_ms", sa.SmallInteger(), "ms, how far the node's clock was ahead"),
        _column("connected", sa.Boolean(), "is the device able to exchange power"),
    ]


def _drop_default(table: str, column: str) -> None:
    with op.batch_alter_table(table) as batch:
        batch.alter_column(column, server_default=None)


def _column(
    name: str, kind: sa.types.TypeEngine, comment: str, *, nullable: bool = False, default: str | None = None
) -> sa.Column:
    return sa.Column(name, kind, nullable=nullable, comment=comment, server_default=default)
