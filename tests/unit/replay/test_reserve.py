"""Reserve of a scenario: read, known in its time, held by plans, and counted by what the devices could do."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import numpy as np
import pytest

from optimizer.problem import ProblemError
from tests.scenarios import START, write_scenario
from vpp.domain.intervals import IntervalGrid
from vpp.replay.known_limits import Announcements
from vpp.replay.report.folder import read_folder
from vpp.replay.reserve import ReserveMeter, read_reserve, room
from vpp.replay.run import ReplayOptions, simulated
from vpp.replay.scenario_files import read_scenario
from vpp.replay.whole import Asked, replay_folder

HEAD = "product_id,direction,start,end,price_per_kw_h,max_kw,sustain_minutes,available_at,withdrawn\n"
HOUR = timedelta(hours=1)


def row(product_id="p", direction="up", start=START, hours=4, price=0.01, most=30, known=-HOUR, gone=0):
    times = [at.isoformat() for at in (start, start + hours * HOUR, START + known)]
    return f"{product_id},{direction},{times[0]},{times[1]},{price},{most},60,{times[2]},{gone}"


def products(folder, *rows):
    (folder / "reserve.csv").write_text(HEAD + "\n".join(rows) + "\n")
    return read_reserve(folder)


def meter(folder, *rows, intervals=4):
    return ReserveMeter(
        products=products(folder, *rows), grid=IntervalGrid(start=START, length=HOUR, count=intervals)
    )


async def test_a_product_is_known_from_its_announcement_until_it_is_withdrawn(tmp_path):
    found = products(
        tmp_path,
        row(most=30, known=-2 * HOUR),
        row(most=40, known=-HOUR),
        row(most=40, known=2 * HOUR, gone=1),
    )
    source = Announcements(found, (), ())

    async def asked(known_at):
        known = await source.signals_between(start=START, end=START + HOUR, known_at=known_at)
        return [signal.content.up_kw for signal in known]

    assert await asked(START - 3 * HOUR) == []
    assert await asked(START - 2 * HOUR) == [30.0]
    assert await asked(START) == [40.0]
    assert await asked(START + 2 * HOUR) == []


def test_a_withdrawn_product_asked_until_then(tmp_path):
    found = meter(tmp_path, row(most=30), row(most=30, known=1.5 * HOUR, gone=1))
    assert found.asked_kw.tolist() == [[30.0, 15.0, 0.0, 0.0], [0.0] * 4]


@pytest.mark.parametrize(
    ("wrong", "column"),
    [
        pytest.param(row(direction="sideways"), "direction", id="direction"),
        pytest.param(row(hours=-1), "end", id="end before start"),
        pytest.param(row(most=0), "max_kw", id="nothing asked"),
    ],
)
def test_a_wrong_row_is_named(tmp_path, wrong, column):
    with pytest.raises(ProblemError, match=column):
        products(tmp_path, wrong)


def test_the_room_of_devices_is_what_the_plan_may_hold_by_the_rules_of_the_problem(tmp_path):
    scenario = read_scenario(write_scenario(tmp_path))
    devices = simulated(scenario, scenario.header.grid(), controlled=True, seed=0)
    power = np.array([-2.0, -7.0, 20.0])  # the battery charges, the car charges, the park discharges
    ends = np.array([[5.0, 20.0, 50.0], [6.9, 26.0, 29.0]])
    found = room(devices, power, ends, np.array([1.0, 0.5]))
    assert found[0] == pytest.approx([(5 - 1) * 0.95, 7.0, (29 - 5) * 0.95])  # the car charges less
    assert found[1] == pytest.approx([3.0, 4.0, 70.0])  # by power: rating less what is charged
    fuller = room(devices, power, np.array([[5.0, 20.0, 90.0], [9.5, 26.0, 99.0]]), np.array([1.0, 0.5]))
    assert fuller[1] == pytest.approx([0.5 / 0.95 / 0.5, 4.0, 1.0 / 0.95 / 0.5])  # by what still fits in


def test_what_is_held_beyond_the_devices_is_not_paid_and_the_best_price_comes_first(tmp_path):
    scenario = read_scenario(write_scenario(tmp_path))
    devices = simulated(scenario, scenario.header.grid(), controlled=True, seed=0)
    found = meter(tmp_path, row("low", price=0.01, most=30), row("high", price=0.03, most=10), intervals=4)
    shares = np.array([3.0, 0.0, 99.0])  # the park has 50 kW, and 45 kWh above its minimum
    grounds = SimpleNamespace(reserve_up_kw=shares, reserve_down_kw=np.zeros(3))
    found.begun(SimpleNamespace(grounds=grounds), devices)
    devices.advance(START + HOUR)
    found.ended(0, devices)
    assert found.held_kw()[0, 0] == 40.0
    able = 3.0 + 45 * 0.95
    assert found.able_kw[0, 0] == pytest.approx(able)
    assert found.revenue()[0] == pytest.approx(10 * 0.03 + 30 * 0.01)
    found.begun(None, devices)  # a cycle that sent nothing holds nothing
    devices.advance(START + 2 * HOUR)
    found.ended(1, devices)
    assert found.account().revenue == pytest.approx(0.6)
    assert found.account().asked_kw_h == pytest.approx(160.0)


async def test_a_replay_holds_reserve_earns_by_it_and_shows_it(tmp_path):
    folder = write_scenario(tmp_path / "scenario")
    products(folder, row("up", price=0.05, most=20), row("down", "down", price=0.05, most=10))
    (folder / "trips.csv").unlink()
    figures = await replay_folder(
        folder, tmp_path / "out", ReplayOptions(forecaster="none"), regret=False,
        progress=lambda *_: None, asked=Asked(end=START + 3 * HOUR),
    )  # fmt: skip
    assert figures["reserve_asked_kw_h"] == pytest.approx(90.0)
    assert figures["reserve_held_kw_h"] == pytest.approx(90.0)
    assert figures["reserve_backed_kw_h"] == pytest.approx(90.0)
    assert figures["cost_parts"]["reserve"] == pytest.approx(-0.05 * 90.0)
    assert figures["cost_parts_without_control"]["reserve"] == 0.0
    table = read_folder(tmp_path / "out").intervals
    assert table["reserve_up_backed_kw"].tolist() == pytest.approx([20.0] * 3)
    parts = figures["cost_parts"]
    assert table["cost_control"].sum() == pytest.approx(sum(parts.values()) - parts["peak"])
    assert "Reserve upwards" in (tmp_path / "out" / "report.html").read_text()
