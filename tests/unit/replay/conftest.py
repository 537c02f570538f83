"""One replay for all tests that look at what a replay leaves behind."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.scenarios import write_scenario
from vpp.replay.run import ReplayOptions
from vpp.replay.whole import replay_folder


@pytest.fixture(scope="session")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished replay, not to be written to."""
    folder = tmp_path_factory.mktemp("replayed")
    scenario = write_scenario(folder / "three-assets", header="standby_kw = 0.02\n")
    options = ReplayOptions(forecaster="baseline")
    work = replay_folder(scenario, folder / "out", options, regret=True, progress=lambda *_: None)
    asyncio.run(work)
    return folder / "out"
