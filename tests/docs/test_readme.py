"""The README's commands and programs do what they say."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A folder that looks like the repository to the README's relative paths."""
    folder = tmp_path_factory.mktemp("readme")
    for name in ("config", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def test_console_blocks_run_in_order_in_one_shell(checkout):
    commands = [
        line.removeprefix("$ ")
        for block in blocks("console")
        for line in block.splitlines()
        if line.startswith("$ ")
    ]
    assert len(commands) >= 6
    result = subprocess.run(
        ["/bin/sh", "-ex", "-c", "\n".join(commands)],
        cwd=checkout,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, f"{result.stdout}\n{result.stderr}"


def test_python_blocks_run(checkout, monkeypatch):
    monkeypatch.chdir(checkout)
    programs = blocks("python")
    assert programs
    for program in programs:
        exec(compile(program, "README.md", "exec"), {})


def test_every_file_that_the_documents_name_is_there():
    for document in (ROOT / "README.md", ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md"):
        text = document.read_text(encoding="utf-8")
        for name in re.findall(r"`((?:config|docs|tests|protos|migrations)/[\w./-]+)`", text):
            assert (ROOT / name).exists(), f"{document.name} names {name}"
