"""A replay that was stopped and resumed leaves the bytes of one that was not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.scenarios import write_scenario
from vpp.replay.checkpoint import CHECKPOINT, ReplayStoppedError
from vpp.replay.run import ReplayOptions
from vpp.replay.whole import Asked, replay_folder
from vpp.service.files import FileError

FILES = (
    "decision_log.jsonl",
    "decision_log.sha256",
    "cycles.parquet",
    "setpoints.parquet",
    "kpis.json",
    "feeders.parquet",
    "forecasts.parquet",
)
HEADER = "power_noise_kw = 0.1\nsilent_share = 0.5\n"


def after(intervals: int) -> Callable[[], bool]:
    """Say stop after so many intervals."""
    looks = iter(range(1, 10_000))
    return lambda: next(looks) >= intervals


async def replay(folder: Path, out: Path, **changes) -> None:
    values = {
        "options": ReplayOptions(forecaster="aggregated", seed=5),
        "regret": True,
        "progress": lambda _what, _done, _all: None,
        "asked": Asked(changes={"horizon_intervals": 6}),
    }
    await replay_folder(folder, out, **(values | changes))


@pytest.mark.parametrize("stops", [(7,), (2, 3, 30)], ids=["once", "thrice, the last with foresight"])
async def test_a_resumed_replay_leaves_the_same_bytes(tmp_path: Path, stops: tuple[int, ...]):
    folder = write_scenario(tmp_path / "scenario", header=HEADER)
    await replay(folder, tmp_path / "whole")
    for number, intervals in enumerate(stops):
        with pytest.raises(ReplayStoppedError, match="--resume"):
            await replay(folder, tmp_path / "parts", resume=number > 0, asked_to_stop=after(intervals))
        with (tmp_path / "parts" / "decision_log.jsonl").open("a") as log:
            log.write("what a crash left behind")
    await replay(folder, tmp_path / "parts", resume=True)
    for name in FILES:
        assert (tmp_path / "parts" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
    assert {path.name for path in (tmp_path / "parts").iterdir()} == {
        path.name for path in (tmp_path / "whole").iterdir()
    }


async def test_a_checkpoint_of_another_replay_is_refused(tmp_path: Path):
    folder = write_scenario(tmp_path / "scenario")
    out = tmp_path / "out"
    with pytest.raises(FileError, match="there is no checkpoint; begin without --resume"):
        await replay(folder, out, resume=True)
    with pytest.raises(ReplayStoppedError):
        await replay(folder, out, asked_to_stop=after(1))
    with pytest.raises(FileError, match="of another scenario or of other options"):
        await replay(folder, out, resume=True, options=ReplayOptions(forecaster="none"))
    (out / CHECKPOINT).write_bytes(b"torn")
    with pytest.raises(FileError, match="cannot be read"):
        await replay(folder, out, resume=True)
