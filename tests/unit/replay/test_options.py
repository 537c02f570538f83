"""What may be asked of a replay: part of it, other settings, other forecasts; wrong ones are named."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from tests.fakes_reasoning import ScriptedModel, answer, item
from tests.scenarios import HOUR, START, write_scenario
from vpp.domain.errors import InvalidValueError
from vpp.ports import ReasoningModelError
from vpp.replay.asked_model import asked_model
from vpp.replay.changes import changed, read_changes
from vpp.replay.outputs import decision_line
from vpp.replay.period import between, parse_time
from vpp.replay.recorded_model import read_recorded_model
from vpp.replay.run import Replay, ReplayOptions
from vpp.replay.scenario import Scenario
from vpp.replay.scenario_files import read_scenario
from vpp.replay.whole import Asked, replay_folder
from vpp.service.files import FileError


@pytest.fixture
def scenario(tmp_path: Path) -> Scenario:
    return read_scenario(write_scenario(tmp_path / "scenario"))


def test_settings_are_changed_from_a_file_and_one_by_one(scenario: Scenario, tmp_path: Path):
    file = tmp_path / "service.toml"
    file.write_text("[policy]\npeak_price_per_kw = 0.9\nreading_max_age_s = 7200\n[grpc]\naddress = 'a:1'\n")
    changes = read_changes(file, ["peak_price_per_kw=0.7", "policy.accepted_gap=0.01", "currency=SEK"])
    policy = changed(scenario, changes).header.policy()
    assert policy.peak_price_per_kw == 0.7
    assert policy.reading_max_age == timedelta(hours=2)
    assert policy.accepted_gap == 0.01
    assert policy.currency == "SEK"
    assert policy.horizon_intervals == scenario.header.horizon_intervals
    assert scenario.header.policy().peak_price_per_kw == 0.5


@pytest.mark.parametrize(
    ("assignment", "said"),
    [
        ("peak_price_per_kw", "got 'peak_price_per_kw', expected key=value"),
        ("peak_prize_per_kw=1", "got 'peak_prize_per_kw', expected one of accepted_gap, "),
        (
            "peak_price_per_kw=-1",
            "peak_price_per_kw: got -1, expected Input should be greater than or equal to 0",
        ),
        ("peak_price_per_kw=dear", "peak_price_per_kw: got 'dear'"),
        ("accepted_gap=0", "accepted_gap: got 0.0, expected above 0 and at most 1"),
        ("replan_share=often", "replan_share"),
        ("interval_minutes=5", "left as the scenario has it"),
        ("unmet_energy_penalty_per_kwh=30", "less than feeder_penalty_per_kwh"),
    ],
)
def test_a_wrong_setting_is_named_with_what_was_expected(scenario: Scenario, assignment: str, said: str):
    with pytest.raises(InvalidValueError) as refused:
        changed(scenario, read_changes(None, [assignment]))
    assert said in str(refused.value)


def test_a_part_of_a_scenario_knows_the_whole_past(scenario: Scenario):
    part = between(scenario, START + 5 * HOUR, START + 8 * HOUR)
    assert part.header.grid().start == START + 5 * HOUR
    assert part.header.grid().count == 3
    assert part.load is scenario.load
    assert between(scenario, START + 20 * HOUR, None).sessions == ()
    assert len(part.sessions) == 1


@pytest.mark.parametrize(
    ("start", "end", "field"),
    [
        (START - HOUR, None, "from"),
        (START + HOUR / 2, None, "from"),
        (None, START + 30 * HOUR, "to"),
        (START + 3 * HOUR, START + 3 * HOUR, "to"),
    ],
)
def test_a_time_outside_the_scenario_is_refused(scenario: Scenario, start, end, field: str):
    with pytest.raises(InvalidValueError, match=f"^{field}: "):
        between(scenario, start, end)


def test_times_are_read_as_days_and_with_an_offset():
    assert parse_time("from", "2024-03-05") == START
    assert parse_time("from", "2024-03-05T02:00:00+02:00") == START
    with pytest.raises(InvalidValueError, match="with an offset"):
        parse_time("from", "2024-03-05T02:00:00")
    with pytest.raises(InvalidValueError, match="from: got 'tomorrow'"):
        parse_time("from", "tomorrow")


async def replayed(scenario: Scenario, **options: object) -> Replay:
    replay = Replay(
        scenario=scenario,
        options=ReplayOptions(**options),
        on_run=lambda run, _plan, setpoints: decision_line(run, setpoints),
    )
    await replay.run()
    return replay


async def test_the_account_of_live_operation_learns_in_a_replay(tmp_path: Path):
    folder = write_scenario(tmp_path / "scenario")
    text = (folder / "scenario.toml").read_text().replace("days = 1\n", "days = 2\n")
    (folder / "scenario.toml").write_text(text.replace("horizon_intervals = 24", "horizon_intervals = 4"))
    replay = await replayed(read_scenario(folder), forecaster="aggregated")
    account = replay.forecasts.account
    rounds = await account.rounds(newest=10)
    assert [one.settled for one in rounds] == [True, False, False]  # over; under way; reached by a forecast
    assert rounds[0].loss == pytest.approx(rounds[0].baseline_loss)  # only the baseline speaks
    assert (await account.newest_state())["aggregation"]["experts"][0] == "baseline"
    assert replay.store.forecasts[-1].parts.names == ("baseline", "model")


QUESTION = "system\nuser\n\nSchema: {}"


async def test_recorded_replies_answer_the_questions_they_were_given_to(tmp_path: Path):
    call = {"model": "m", "endpoint": "e", "prompt": QUESTION, "replies": ["one", "two"], "reasoning": "so"}
    (tmp_path / "model_calls.jsonl").write_text(json.dumps(call) + "\n")
    model = read_recorded_model(tmp_path)
    said = [await model.ask(system="system", user="user", schema={}, sample=sample) for sample in (0, 1)]
    assert [reply.content for reply in said] == ["one", "two"]
    with pytest.raises(ReasoningModelError, match="no reply to this question"):
        await model.ask(system="system", user="other", schema={}, sample=0)
    with pytest.raises(ReasoningModelError, match="2 replies"):
        await model.ask(system="system", user="user", schema={}, sample=2)


def test_missing_and_broken_recordings_are_named(tmp_path: Path):
    with pytest.raises(FileError, match=r"model_calls\.jsonl: there is no such file"):
        read_recorded_model(tmp_path)
    (tmp_path / "model_calls.jsonl").write_text('{"model": "m"}\n')
    with pytest.raises(FileError, match=r"model_calls\.jsonl, line 1"):
        read_recorded_model(tmp_path)


async def test_what_a_model_said_in_a_replay_is_left_behind_and_replayed_without_it(tmp_path: Path):
    folder = write_scenario(tmp_path / "scenario", header="model.samples = 1\n")
    remark = {"id": "heat", "text": "a heat wave", "available_at": START.isoformat()}
    remark |= {"valid_from": (START + HOUR).isoformat(), "valid_until": (START + 9 * HOUR).isoformat()}
    (folder / "context.jsonl").write_text(json.dumps(remark) + "\n")
    model = ScriptedModel([answer(item()), "no answer at all"])

    async def replay(name: str, options: ReplayOptions) -> dict:
        asked = Asked(end=START + 3 * HOUR)
        out = tmp_path / name
        return await replay_folder(folder, out, options, regret=False, progress=lambda *_: None, asked=asked)

    figures = await replay("live", ReplayOptions(forecaster="aggregated", model=model))
    assert figures["model"]["calls"] >= 1
    (tmp_path / "live" / "model_calls.jsonl").rename(folder / "model_calls.jsonl")
    again = await replay("again", ReplayOptions(forecaster="recorded"))
    assert again["model"]["calls"] == figures["model"]["calls"]
    digests = [(tmp_path / name / "decision_log.sha256").read_text() for name in ("live", "again")]
    assert digests[0] == digests[1]


@pytest.mark.parametrize(("name", "forecaster"), [("other", "aggregated"), ("local", "baseline")])
async def test_another_model_or_forecasts_that_ask_none_are_refused(name: str, forecaster: str):
    with pytest.raises(InvalidValueError, match="model"):
        async with asked_model(name, forecaster):
            pass
