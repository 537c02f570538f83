"""docs/replay.md names every setting, every file and every figure there is."""

from __future__ import annotations

from pathlib import Path

from vpp.replay.report.catalogue import FIGURES, figure_of, without_control
from vpp.replay.scenario import ScenarioHeader

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "replay.md").read_text(encoding="utf-8")


def test_every_figure_is_explained_in_one_line():
    listed = [line for line in PAGE.split("## Figures")[1].splitlines() if line.startswith("| `")]
    assert listed == [f"| `{figure.name}` | {figure.unit} | {figure.meaning} |" for figure in FIGURES]


def test_every_setting_of_a_scenario_is_explained():
    names = set(ScenarioHeader.model_fields) - {"policy_table", "reasoning"}
    assert [name for name in sorted(names) if f"`{name}`" not in PAGE] == []


def test_figures_without_control_are_found_under_the_name_of_the_figure():
    for name, without in (
        ("peak_kw", "peak_without_control_kw"),
        ("cost", "cost_without_control"),
        ("cost_parts.energy", "cost_parts_without_control.energy"),
        ("capacity_left_percent", "capacity_left_percent_without_control"),
    ):
        assert without in without_control(name)
        assert figure_of(without) is figure_of(name) is not None
