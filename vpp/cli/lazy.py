"""Commands that are imported when they are called: importing all of them takes three seconds."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, ClassVar, NamedTuple

import typer
from typer.core import TyperGroup


class Place(NamedTuple):
    """Where a command is, and the line that lists it."""

    where: str  # module:attribute; a function, or a typer.Typer of several commands
    line: str  # the first sentence of its help; a test holds the two together


class LazyGroup(TyperGroup):
    """Finds its commands in `table`, in the order of the table."""

    table: ClassVar[Mapping[str, Place]] = {}

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names, without importing anything."""
        return list(self.table)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import a command; None where there is none of this name."""
        place = self.table.get(cmd_name)
        return None if place is None else load(cmd_name, place)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the commands by their lines, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, place.line) for name, place in self.table.items()])

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find a command; a name that is nearly one is answered with those it may mean."""
        names: dict[str, Any] = dict.fromkeys(self.table)
        self.commands = names  # typer looks at the keys alone
        return super().resolve_command(ctx, args)


def lazy_app(help_text: str, table: Mapping[str, Place], *, name: str | None = None) -> typer.Typer:
    """Return a group of commands that are imported when they are called."""
    group = type("Group", (LazyGroup,), {"table": table})
    app = typer.Typer(
        name=name,
        help=help_text,
        cls=group,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    app.callback()(_nothing)
    return app


def _nothing() -> None:
    """Make typer see a group where it sees no commands yet."""


def load(name: str, place: Place) -> Any:
    """Import what a place names, as a command of click."""
    module, _, attribute = place.where.partition(":")
    found = getattr(import_module(module), attribute)
    if isinstance(found, typer.Typer):
        command = typer.main.get_group(found)
        command.name = name
        return command
    single = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    single.command(name)(found)
    return typer.main.get_command(single)
