"""What all tables share: the metadata with its names, and how a column is written."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, MetaData, String, text
from sqlalchemy.types import TypeEngine

# Constraints carry names on both databases, so that a later migration can find them.
metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    }
)

IDENTIFIER = String(64)
# SQLite counts up by itself only in a column of the very type INTEGER.
NUMBER = BigInteger().with_variant(Integer(), "sqlite")


def column(
    name: str,
    kind: TypeEngine[Any],
    comment: str,
    *references: ForeignKey,
    nullable: bool = False,
    default: str | None = None,
) -> Column[Any]:
    """Return a column; `default` is what rows from before the column hold."""
    return Column(
        name,
        kind,
        *references,
        nullable=nullable,
        comment=comment,
        server_default=None if default is None else text(f"'{default}'"),
    )


def number(name: str, comment: str) -> Column[Any]:
    """Return a primary key that counts up in the order of writing."""
    return Column(name, NUMBER, primary_key=True, autoincrement=True, comment=comment)
