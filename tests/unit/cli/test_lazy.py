"""Commands are imported when they are called, and listed by lines that say what they say themselves."""

from __future__ import annotations

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from vpp.cli.lazy import Place, load
from vpp.cli.main import BENCH, COMMANDS, FORECAST, app

HEAVY = ("numpy", "pandas", "sqlalchemy", "grpc", "numba", "optimizer", "vpp.service")


@pytest.mark.parametrize("table", [COMMANDS, BENCH, FORECAST], ids=["vpp", "bench", "forecast"])
def test_each_line_is_the_first_sentence_of_its_command(table: dict[str, Place]) -> None:
    said = {name: load(name, place).get_short_help_str(1_000) for name, place in table.items()}
    assert said == {name: place.line for name, place in table.items()}


def test_listing_the_commands_imports_none_of_them() -> None:
    program = (
        "import sys\nfrom typer.testing import CliRunner\nfrom vpp.cli.main import app\n"
        "result = CliRunner().invoke(app, ['--help'])\nassert result.exit_code == 0, result.output\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_name_that_is_nearly_one_is_answered_with_it() -> None:
    result = CliRunner().invoke(app, ["bench", "optimiser"])
    assert result.exit_code == 2
    assert "Did you mean 'optimizer'?" in result.output


def test_a_command_of_a_group_is_called_through_both() -> None:
    result = CliRunner().invoke(app, ["forecast", "backtest", "--help"])
    assert result.exit_code == 0
    assert result.output.startswith("Usage: vpp forecast backtest")


def test_a_group_of_one_command_stays_a_group() -> None:
    result = CliRunner().invoke(app, ["signals", "list", "--help"])
    assert result.exit_code == 0, result.output
