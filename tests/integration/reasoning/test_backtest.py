"""The reasoning model in a backtest: a real HTTP endpoint, scripted answers, a small made series."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta

import pytest
from typer.testing import CliRunner

from tests.fakes_reasoning import answer, item
from tests.integration.reasoning.http_server import completion, endpoint
from tests.unit.forecasting.backtest.test_command import written
from tests.unit.forecasting.made_series import made_series
from vpp.cli.main import app

DAYS = 4
SERIES_DAYS = 40
LAST_MIDNIGHT = datetime.fromisoformat("2019-02-14T23:00+00:00")  # of the last day of 40, in Berlin
RAISING = completion(answer(item(start_block=2, end_block=9)))


def remark(day: int, *, text: str = "Street festival.", late: bool = False) -> str:
    """Return a context item for one of the last days, as a line; a late one comes after the issue."""
    midnight = LAST_MIDNIGHT - timedelta(days=DAYS - 1 - day)
    known = midnight - timedelta(hours=11 if late else 13)
    times = {
        "valid_from": midnight,
        "valid_until": midnight + timedelta(days=1),
        "available_at": known,
    }
    return json.dumps({"id": f"r{day}", "text": text} | {name: at.isoformat() for name, at in times.items()})


async def backtest(folder, base_url: str, remarks: list[str], **settings: object):
    """Run the command beside the endpoint; return what it printed as JSON, and the report."""
    load, _ = written(folder, made_series(SERIES_DAYS))
    (folder / "context.jsonl").write_text("\n".join(remarks))
    values = {"enabled": True, "base_url": base_url, "name": "m", "api_key_variable": ""}
    # The endpoint shares a busy processor with the fits of the backtest: no answer is late here.
    values |= {"response_format": "json_schema", "samples": 1, "timeout_s": 60.0, "deadline_s": 90.0}
    values |= {"price_per_million_completion": 100.0} | settings
    lines = [f"{name} = {json.dumps(value)}" for name, value in values.items()]
    (folder / "vpp.toml").write_text("\n".join(["[model]", *lines]))
    arguments = ["forecast", "backtest", str(load), "--models", "naive,similar-day,endpoint", "--json"]
    arguments += ["--context", str(folder / "context.jsonl"), "--config", str(folder / "vpp.toml")]
    arguments += ["--days", str(DAYS), "--regret-days", "0", "--out", str(folder / "out")]
    result = await asyncio.to_thread(CliRunner().invoke, app, arguments)
    assert result.exit_code == 0, repr(result.exception)
    return json.loads(result.stdout)["forecasters"], (folder / "out" / "report.html").read_text()


async def test_each_day_is_asked_with_what_was_known_and_every_answer_is_accounted_for(tmp_path):
    remarks = [
        remark(0, text="Festival of lights."),
        remark(1, text="Harvest."),
        remark(2, text="Comet.", late=True),
        remark(3, text="Marathon."),
    ]
    bad = completion(answer(item(multiplier_p90=9.0)))
    async with endpoint((200, RAISING), (200, bad), (200, bad), (200, RAISING)) as server:
        rows, page = await backtest(tmp_path, server.base_url, remarks)

    usage = rows["endpoint"]["usage"]
    assert usage["verdicts"] == {"accepted": 2, "refused": 1, "not_asked": 1}
    assert (usage["calls"], usage["replies"], len(server.bodies)) == (3, 4, 4)  # one answer was repaired
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["cached_tokens"]) == (40, 20, 16)
    assert usage["cost"] == pytest.approx(20 * 100.0 / 1e6)
    assert 0.0 < usage["longest_s"] < usage["deadline_s"] == 90.0
    refused, silent = usage["not_followed"]
    assert "refused: " in refused
    assert "multiplier_p90" in refused
    assert silent.endswith("not_asked: nothing is flagged")
    asked = [body["messages"][-1]["content"] for body in server.bodies]
    seen = [word for text in asked for word in ("lights", "Harvest", "Comet", "Marathon") if word in text]
    assert seen == ["lights", "Harvest", "Harvest", "Marathon"]
    assert rows["endpoint"]["mape_percent"] != rows["baseline"]["mape_percent"]
    chain = rows["aggregated with endpoint"]["chain"]
    assert chain["excess_loss"] <= chain["proven_bound"]
    assert "What the model was asked" in page
    assert "multiplier_p90" in page


async def test_a_dead_endpoint_ends_in_the_baseline_with_the_reason(tmp_path):
    async with endpoint((200, RAISING)) as server:
        gone = server.base_url

    rows, page = await backtest(tmp_path, gone, [remark(day) for day in range(DAYS)])

    usage = rows["endpoint"]["usage"]
    assert usage["verdicts"] == {"failed": DAYS}
    assert usage["replies"] == usage["cost"] == 0
    assert all("cannot be reached" in reason for reason in usage["not_followed"])
    assert "cannot be reached" in page
    assert rows["endpoint"]["mape_percent"] == rows["baseline"]["mape_percent"]
    alone = pytest.approx(rows["aggregated"]["mape_percent"], rel=1e-9)
    assert rows["aggregated with endpoint"]["mape_percent"] == alone
