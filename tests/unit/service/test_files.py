from datetime import timedelta

import pytest

from tests.plants import ASSETS, QUARTER, START, write_portfolio
from vpp.service.files import FileError, read_portfolio


@pytest.fixture
def folder(tmp_path):
    return write_portfolio(tmp_path)


def test_a_portfolio_is_read_whole(folder):
    portfolio = read_portfolio(folder, interval=QUARTER, meter_delay=timedelta(minutes=5))
    assert [asset.asset_id for asset in portfolio.fleet.assets] == [
        "battery-1",
        "battery-2",
        "car",
        "grid-battery",
    ]
    assert portfolio.initial_soc["car"] == 0.4
    assert portfolio.load[0].available_at == portfolio.load[0].start + QUARTER + timedelta(minutes=5)
    assert portfolio.prices[0].end == portfolio.prices[0].start + QUARTER
    assert portfolio.sessions[0].departure_energy_kwh == 40.0


def test_the_load_of_later_can_be_left_out(folder):
    portfolio = read_portfolio(folder, interval=QUARTER)
    before = portfolio.load_before(START.isoformat())
    assert max(row.start for row in before.load) == START - QUARTER
    assert len(portfolio.load) > len(before.load)
    with pytest.raises(FileError, match="until: got 'today'"):
        portfolio.load_before("today")


@pytest.mark.parametrize(
    ("name", "old", "new", "sentence"),
    [
        ("assets.csv", "home_battery", "toaster", "assets.csv, line 2: 'toaster' is not a valid AssetKind"),
        ("assets.csv", ASSETS[0], ASSETS[1], "an id that appears once"),
        ("assets.csv", "battery-1,node-1,a,", "battery-1,node-1,z,", "got 'z', expected a known feeder"),
        ("assets.csv", "0.95,0.95,0.01,zero,0.5", "1.95,0.95,0.01,zero,0.5", "charge_efficiency: got 1.95"),
        ("assets.csv", "capacity_kwh", "capacity", "column capacity_kwh is missing"),
        ("feeders.csv", "a,40,40", "a,-1,40", "a.import_limit_kw: got -1.0, expected a positive number"),
        ("load.csv", "a,", "a,x", "load.csv, line 2"),
        ("sessions.csv", "+00:00", "", "with an offset"),
    ],
)
def test_a_wrong_row_is_named(folder, name, old, new, sentence):
    path = folder / name
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(FileError) as caught:
        read_portfolio(folder, interval=QUARTER)
    assert sentence in str(caught.value)


def test_a_missing_file_is_named(folder):
    (folder / "prices.csv").unlink()
    with pytest.raises(FileError, match=r"prices\.csv: there is no such file"):
        read_portfolio(folder, interval=QUARTER)
