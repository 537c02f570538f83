"""The published data behind the demo: complete, plausible, and hard enough to need control."""

from __future__ import annotations

import csv
import json
from collections import Counter, defaultdict
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

DEMO = Path(__file__).resolve().parents[2] / "config" / "demo"
INTERVAL = timedelta(minutes=15)
HOUR = timedelta(hours=1)
DAY_BEGIN = datetime(2020, 5, 19, 22, tzinfo=UTC)
DAY_END = DAY_BEGIN + timedelta(days=1)
HISTORY_BEGIN = DAY_BEGIN - timedelta(days=28)
DATA_END = DAY_END + timedelta(days=1)
DEPARTURE_SOC = 0.9


def read(name):
    with (DEMO / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def moment(text):
    parsed = datetime.fromisoformat(text)
    assert parsed.utcoffset() == timedelta(0), text
    return parsed


def steps(begin, end, step):
    return [begin + index * step for index in range((end - begin) // step)]


@pytest.fixture(scope="module")
def feeders():
    return {row["feeder_id"]: row for row in read("feeders.csv")}


@pytest.fixture(scope="module")
def assets():
    return {row["asset_id"]: row for row in read("assets.csv")}


@pytest.fixture(scope="module")
def load():
    series = defaultdict(list)
    for row in read("load.csv"):
        values = (moment(row["start"]), float(row["consumption_kw"]), float(row["pv_kw"]))
        series[row["feeder_id"]].append(values)
    return series


@pytest.fixture(scope="module")
def sessions():
    by_asset = defaultdict(list)
    for row in read("sessions.csv"):
        by_asset[row["asset_id"]].append(
            (
                moment(row["connected_from"]),
                moment(row["connected_until"]),
                float(row["required_energy_kwh"]),
                float(row["trip_energy_kwh"]),
            )
        )
    return by_asset


def net_load_kw(load, feeder_id):
    """Net load of the demo day, shape (96,)."""
    return np.array([used - pv for start, used, pv in load[feeder_id] if DAY_BEGIN <= start < DAY_END])


def uncontrolled_charging_kw(assets, sessions, feeder_id):
    """Mean power per interval of the demo day when every car charges fully from the moment it arrives."""
    power_kw = np.zeros(96)
    for asset_id, stays in sessions.items():
        asset = assets[asset_id]
        if asset["feeder_id"] != feeder_id:
            continue
        rate_kw, efficiency = float(asset["max_charge_kw"]), float(asset["charge_efficiency"])
        for begin, _, required_kwh, _ in stays:
            charge_h = required_kwh / efficiency / rate_kw
            from_h = (begin - DAY_BEGIN) / HOUR
            left_h = np.arange(96) / 4
            overlap_h = np.minimum(left_h + 0.25, from_h + charge_h) - np.maximum(left_h, from_h)
            power_kw += rate_kw * np.clip(overlap_h, 0.0, None) / 0.25
    return power_kw


def uncontrolled_kw(assets, load, sessions, feeder_id):
    return net_load_kw(load, feeder_id) + uncontrolled_charging_kw(assets, sessions, feeder_id)


def test_the_files_are_small():
    assert sum(path.stat().st_size for path in DEMO.iterdir()) < 3_000_000


def test_feeders_have_the_published_ratings(feeders):
    ratings = {name: float(row["import_limit_kw"]) for name, row in feeders.items()}

    assert ratings == {"lv-rural2": 250.0, "lv-rural3": 400.0, "lv-semiurb5": 630.0, "lv-urban6": 630.0}
    assert all(row["import_limit_kw"] == row["export_limit_kw"] for row in feeders.values())
    assert len(read("feeders.csv")) == len(feeders)


def test_load_is_complete_and_without_gaps(feeders, load):
    grid = steps(HISTORY_BEGIN, DATA_END, INTERVAL)

    assert set(load) == set(feeders)
    for series in load.values():
        assert [start for start, _, _ in series] == grid


def test_load_is_plausible(feeders, load):
    for feeder_id, series in load.items():
        _, consumption, pv = zip(*series, strict=True)
        consumption_kw, pv_kw = np.array(consumption), np.array(pv)
        limit_kw = float(feeders[feeder_id]["import_limit_kw"])

        assert consumption_kw.min() > 0.0
        assert limit_kw * 0.1 < consumption_kw.max() < limit_kw
        assert pv_kw.min() == 0.0
        assert limit_kw * 0.1 < pv_kw.max() < limit_kw
        # More in the evening than at night, and no sun at night: the hours are where they belong.
        local_hours = np.array([start.astimezone(ZoneInfo("Europe/Berlin")).hour for start, _, _ in series])
        assert consumption_kw[local_hours == 20].mean() > 1.5 * consumption_kw[local_hours == 4].mean()
        assert pv_kw[(local_hours < 4) | (local_hours >= 22)].max() == 0.0


def test_without_charging_no_feeder_is_overloaded_on_any_day(feeders, load):
    for feeder_id, series in load.items():
        net_kw = np.array([used - pv for _, used, pv in series])

        assert net_kw.max() <= float(feeders[feeder_id]["import_limit_kw"])
        assert net_kw.min() >= -float(feeders[feeder_id]["export_limit_kw"])


def test_the_sum_over_feeders_is_that_of_a_neighbourhood(load):
    portfolio_kw = sum(net_load_kw(load, feeder_id) for feeder_id in load)

    assert portfolio_kw.shape == (96,)
    assert 100.0 < portfolio_kw.max() < 400.0
    assert portfolio_kw.min() < 0.0  # PV exports at noon


def test_assets_are_enough_and_each_has_its_node(assets, feeders):
    kinds = Counter(row["kind"] for row in assets.values())

    assert len(read("assets.csv")) == len(assets) >= 62
    assert len({row["node_id"] for row in assets.values()}) == len(assets)
    assert {row["feeder_id"] for row in assets.values()} == set(feeders)
    assert kinds == {"home_battery": 46, "ev_charger": 33, "grid_battery": 2}
    assert {row["default_control"] for row in assets.values()} <= {"zero", "hold", "self_consumption"}


def test_asset_values_are_within_their_bounds(assets):
    for row in assets.values():
        capacity, low, high = (
            float(row[name]) for name in ("capacity_kwh", "energy_min_kwh", "energy_max_kwh")
        )

        assert 0.0 <= low < high <= capacity
        assert low <= float(row["initial_soc"]) * capacity <= high
        assert 0.0 <= float(row["min_charge_kw"]) < float(row["max_charge_kw"])
        assert 0.0 <= float(row["min_discharge_kw"]) <= float(row["max_discharge_kw"])
        assert 0.0 < float(row["charge_efficiency"]) <= 1.0
        assert 0.0 < float(row["discharge_efficiency"]) <= 1.0
        assert 0.0 <= float(row["wear_cost_per_kwh"]) < 0.1


def test_chargers_are_of_the_usual_classes(assets):
    chargers = [row for row in assets.values() if row["kind"] == "ev_charger"]

    assert {float(row["max_charge_kw"]) for row in chargers} == {3.7, 11.0}
    assert {float(row["min_charge_kw"]) for row in chargers} == {1.4}
    assert {float(row["max_discharge_kw"]) for row in chargers} == {0.0}


def test_every_charger_has_sessions_that_do_not_overlap(assets, sessions):
    assert set(sessions) == {name for name, row in assets.items() if row["kind"] == "ev_charger"}
    for stays in sessions.values():
        assert all(begin < until for begin, until, _, _ in stays)
        assert all(before[1] <= after[0] and before[3] == after[2] for before, after in pairwise(stays))
        for begin, until, _, _ in stays:
            assert DAY_BEGIN - timedelta(days=1) <= begin < DATA_END
            assert (begin - DAY_BEGIN) % INTERVAL == (until - DAY_BEGIN) % INTERVAL == timedelta(0)


def test_arrivals_cover_the_three_days(sessions):
    days = Counter(
        (begin - DAY_BEGIN) // timedelta(days=1) for stays in sessions.values() for begin, *_ in stays
    )

    assert set(days) == {-1, 0, 1}


def test_every_session_can_be_met(assets, sessions):
    for asset_id, stays in sessions.items():
        row = assets[asset_id]
        most_kw = float(row["max_charge_kw"]) * float(row["charge_efficiency"])
        capacity_kwh = float(row["capacity_kwh"])
        for begin, until, required_kwh, trip_kwh in stays:
            assert 0.0 < required_kwh <= most_kw * ((until - begin) / HOUR)
            assert max(required_kwh, trip_kwh) <= DEPARTURE_SOC * capacity_kwh


def test_the_first_state_of_charge_leads_to_the_departure_level(assets, sessions):
    """A car on the road at the start holds its arrival energy, one that is connected at least that."""
    for asset_id, stays in sessions.items():
        capacity_kwh = float(assets[asset_id]["capacity_kwh"])
        energy_kwh = float(assets[asset_id]["initial_soc"]) * capacity_kwh
        present = next((stay for stay in stays if stay[1] > DAY_BEGIN), None)
        assert present is not None
        arrival_kwh = DEPARTURE_SOC * capacity_kwh - present[2]

        if present[0] >= DAY_BEGIN:
            assert energy_kwh == pytest.approx(arrival_kwh, abs=0.01)
        else:
            assert arrival_kwh - 0.01 <= energy_kwh <= DEPARTURE_SOC * capacity_kwh + 0.01


def test_uncontrolled_charging_overloads_a_transformer(assets, feeders, load, sessions):
    overload_kw = {
        feeder_id: uncontrolled_kw(assets, load, sessions, feeder_id).max() - float(row["import_limit_kw"])
        for feeder_id, row in feeders.items()
    }

    assert overload_kw["lv-rural2"] > 0.1 * float(feeders["lv-rural2"]["import_limit_kw"])
    assert all(excess_kw < 0.0 for name, excess_kw in overload_kw.items() if name != "lv-rural2")


def test_spread_charging_avoids_the_overload(assets, feeders, load, sessions):
    """Filling the valley by hand: every car charges in the emptiest intervals of its own stay."""
    starts = steps(DAY_BEGIN, DATA_END, INTERVAL)
    series = {start: used - pv for start, used, pv in load["lv-rural2"]}
    net_kw = np.array([series[start] for start in starts])
    for asset_id, stays in sessions.items():
        row = assets[asset_id]
        if row["feeder_id"] != "lv-rural2":
            continue
        rate_kw, efficiency = float(row["max_charge_kw"]), float(row["charge_efficiency"])
        for begin, until, required_kwh, _ in stays:
            inside = [index for index, start in enumerate(starts) if begin <= start < until]
            count = int(np.ceil(required_kwh / efficiency / rate_kw / 0.25))
            net_kw[sorted(inside, key=lambda index: net_kw[index])[:count]] += rate_kw

    assert net_kw.max() < float(feeders["lv-rural2"]["import_limit_kw"])


def test_the_peak_of_the_portfolio_comes_from_charging(assets, load, sessions):
    base_kw = sum(net_load_kw(load, feeder_id) for feeder_id in load)
    total_kw = sum(uncontrolled_kw(assets, load, sessions, feeder_id) for feeder_id in load)

    assert total_kw.max() > 1.5 * base_kw.max()


def test_prices_follow_from_the_day_ahead_file():
    day_ahead = read("day_ahead_2020.csv")
    prices = read("prices.csv")

    assert [moment(row["start"]) for row in day_ahead] == steps(DAY_BEGIN - timedelta(days=1), DATA_END, HOUR)
    assert [moment(row["start"]) for row in prices] == steps(
        DAY_BEGIN - timedelta(days=1), DATA_END, INTERVAL
    )
    for index, row in enumerate(prices):
        market = float(day_ahead[index // 4]["price_eur_per_mwh"]) / 1000.0
        assert float(row["export_price_per_kwh"]) == pytest.approx(market, abs=1e-9)
        assert float(row["import_price_per_kwh"]) == pytest.approx(market + 0.08, abs=1e-9)


def test_prices_were_published_at_noon_of_the_day_before():
    berlin = ZoneInfo("Europe/Berlin")
    for row in read("prices.csv"):
        available = moment(row["available_at"]).astimezone(berlin)
        delivery = moment(row["start"]).astimezone(berlin)

        assert available.time() == time(12, 45)
        assert delivery.date() - available.date() == timedelta(days=1)


def test_context_arrives_spread_over_the_day():
    items = [json.loads(line) for line in (DEMO / "context.jsonl").read_text(encoding="utf-8").splitlines()]
    available = [moment(item["available_at"]) for item in items]

    assert 4 <= len(items) == len({item["id"] for item in items})
    assert available == sorted(available)
    assert available[-1] - available[0] >= timedelta(hours=12)
    for item in items:
        assert set(item) == {"id", "text", "valid_from", "valid_until", "available_at"}
        assert 0 < len(item["text"]) <= 300
        assert moment(item["valid_from"]) < moment(item["valid_until"])
        assert moment(item["available_at"]) <= moment(item["valid_from"])
