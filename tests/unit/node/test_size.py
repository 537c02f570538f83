"""What a node's computer must hold: measured in a fresh environment, from the package index."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
MOST_MEGABYTES = 150


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_a_node_installs_within_its_size_and_runs(tmp_path):
    environment, source = tmp_path / "venv", tmp_path / "source"
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    copied = ["git", "-C", str(ROOT), "checkout-index", "--all", f"--prefix={source}/"]
    subprocess.run(copied, check=True)  # a build leaves files behind
    install = [environment / "bin/pip", "install", "--quiet", "--constraint", ROOT / "constraints.txt"]
    subprocess.run([*install, str(source)], check=True)
    packages = next((environment / "lib").glob("python*/site-packages"))
    files = [path for path in packages.rglob("*") if path.is_file() and not path.is_symlink()]
    megabytes = sum(path.stat().st_size for path in files) / 1e6
    names = {path.name for path in packages.iterdir()}
    sys.stdout.write(f"{megabytes:.0f} MB\n")
    assert megabytes <= MOST_MEGABYTES
    assert not names & {"pandas", "sqlalchemy", "pyomo", "highspy", "cryptography", "openai"}
    for command in ([], ["run"], ["enroll"]):
        shown = subprocess.run(
            [environment / "bin/vpp-node", *command, "--help"], check=True, capture_output=True, text=True
        )
        assert "Example: vpp-node" in shown.stdout
    made = (
        "import vpp.node.testing, vpp.node.journal; from vpp.node.keys import new_key_request as new; new()"
    )
    subprocess.run([environment / "bin/python", "-c", made], check=True)
