"""The command line: help with an example, one sentence and exit code 2 for what a user can mend."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer.main
import typer.testing
from typer.testing import CliRunner

from tests.plants import START, make_plant, write_portfolio
from vpp.cli.errors import EXPECTED_ERRORS
from vpp.cli.main import app

ROOT = Path(__file__).resolve().parents[3]


def vpp(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "vpp.cli", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "COLUMNS": "200", **environment},
    )


def prepared(*arguments: str) -> None:
    """Run a command that sets something up, in this process: starting one takes seconds."""
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output


def config(folder: Path, text: str = "") -> str:
    path = folder / "vpp.toml"
    path.write_text(f'[database]\nurl = "sqlite:///{folder}/vpp.sqlite"\n{text}')
    return str(path)


def every_command(group, *words):
    """Yield the words of every command, those of groups as well."""
    for name in group.list_commands(None):
        command = group.get_command(None, name)
        if hasattr(command, "list_commands"):
            yield from every_command(command, *words, name)
        else:
            yield (*words, name)


@pytest.fixture(scope="module")
def built():
    """The commands, built once: it takes a quarter of a second, and there are ninety."""
    return typer.main.get_command(app)


@pytest.mark.parametrize("words", list(every_command(typer.main.get_command(app))), ids=" ".join)
def test_every_command_has_help_with_an_example(words, built, monkeypatch):
    monkeypatch.setattr(typer.testing, "_get_command", lambda _app: built)
    result = CliRunner().invoke(app, [*words, "--help"])
    assert result.exit_code == 0
    assert f"Example: vpp {' '.join(words)}" in " ".join(result.stdout.split())


def test_a_wrong_setting_is_one_sentence(tmp_path):
    result = vpp("serve", "--config", config(tmp_path, "[policy]\nlead_s = -1\n"), cwd=tmp_path)
    assert result.returncode == 2
    assert "policy.lead" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_database_behind_in_migrations_says_what_to_run(tmp_path):
    path = config(tmp_path)
    result = vpp("serve", "--config", path, cwd=tmp_path)
    assert result.returncode == 2
    assert f"run `vpp migrate --config {path}`" in result.stderr.replace("\n", " ")


def test_a_port_in_use_is_one_sentence(tmp_path):
    plant = make_plant(tmp_path, f"sqlite:///{tmp_path}/vpp.sqlite")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        grpc = "\n".join(
            f'{name} = "{plant.certificates / file}"'
            for name, file in (
                ("certificate", "server.pem"),
                ("key", "server.key"),
                ("authority", "authority.pem"),
            )
        )
        path = config(tmp_path, f'[grpc]\naddress = "{address}"\n{grpc}\n')
        prepared("migrate", "--config", path)
        prepared("import", str(tmp_path / "scenario"), "--config", path)
        result = vpp("serve", "--config", path, cwd=tmp_path)
    assert result.returncode == 2
    assert f"cannot listen on {address}" in result.stderr


def test_a_wrong_file_is_named_with_its_line(tmp_path):
    folder = write_portfolio(tmp_path / "portfolio")
    path = config(tmp_path)
    prepared("migrate", "--config", path)
    assets = folder / "assets.csv"
    assets.write_text(assets.read_text().replace("zero,0.4", "sleep,0.4"))
    result = vpp("import", str(folder), "--config", path, cwd=tmp_path)
    assert result.returncode == 2
    assert "line 4: 'sleep' is not a valid DefaultControl" in result.stderr.replace("\n", " ")


def test_the_doctor_finds_everything_that_is_wrong(tmp_path):
    path = config(
        tmp_path, '[model]\nenabled = true\nbase_url = "http://127.0.0.1:9/v1"\napi_key_variable = ""\n'
    )
    result = vpp("doctor", "--config", path, cwd=tmp_path)
    found = " ".join(result.stdout.split())
    assert result.returncode == 1
    assert "WRONG grpc.certificate" in found
    assert "create it with `vpp certificates`" in found
    assert "WRONG database: behind by" in found
    assert "WRONG model: http://127.0.0.1:9/v1 cannot be reached; the baseline would stay in force" in found


def ready_plant(folder: Path, clock: str) -> subprocess.CompletedProcess[str]:
    """Set a plant up as a user does, and ask the doctor."""
    plant = make_plant(folder, f"sqlite:///{folder}/vpp.sqlite")
    grpc = "\n".join(
        f'{name} = "{plant.certificates / file}"'
        for name, file in (
            ("certificate", "server.pem"),
            ("key", "server.key"),
            ("authority", "authority.pem"),
        )
    )
    path = config(folder, f'[grpc]\naddress = "{plant.address}"\n{grpc}\n{clock}')
    prepared("migrate", "--config", path)
    prepared("import", str(folder / "scenario"), "--config", path)
    return vpp("doctor", "--config", path, cwd=folder)


def test_the_doctor_is_content_with_a_plant_that_is_ready(tmp_path):
    clock = f"[clock]\norigin_plant = {START.isoformat()}\norigin_wall = {time.time()}\n"
    result = ready_plant(tmp_path, clock)
    assert result.returncode == 0, result.stdout
    assert "WRONG" not in result.stdout
    assert "4 assets on 2 feeders" in result.stdout
    assert "prices: known until 2020-05-21 10:" in result.stdout


def test_the_doctor_misses_prices_when_those_there_are_of_another_year(tmp_path):
    result = ready_plant(tmp_path, clock="")
    assert result.returncode == 1
    assert "WRONG  prices: none is known" in result.stdout


@pytest.mark.parametrize("command", [["cycle"], ["trail", "battery-1"]], ids=["cycle", "trail"])
def test_a_service_that_is_not_there_is_one_sentence(tmp_path, command):
    plant = make_plant(tmp_path, f"sqlite:///{tmp_path}/vpp.sqlite")
    call = [*command, "--address", plant.address]
    missing = CliRunner().invoke(app, [*call, "--certificates", str(tmp_path / "elsewhere")])
    silent = vpp(*call, "--certificates", str(plant.certificates), cwd=tmp_path)
    assert isinstance(missing.exception, EXPECTED_ERRORS)
    assert "authority.pem: there is no such file; `vpp certificates` creates it" in str(missing.exception)
    assert silent.returncode == 2
    assert f"no service can be reached at {plant.address}; start it with `vpp serve`" in silent.stderr
    assert "Traceback" not in silent.stderr
