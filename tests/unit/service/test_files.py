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


@pytest.mark.parametrize(
    ("name", "old", "new", "sentence"),
    [
        ("assets.csv", "grid_battery,100,", "grid_battery,1e308,", "capacity_kwh: got 1e+308"),
        ("assets.csv", "grid_battery,100,", "grid_battery,nan,", "capacity_kwh: got nan"),
        (
            "assets.csv",
            "grid_battery,100,",
            "grid_battery,=1+1,",
            "to float: '=1+1'",
        ),
        ("load.csv", ",0\r\n", ",nan\r\n", "pv_kw: got nan, expected a number from 0"),
        ("load.csv", ",0\r\n", ",-1\r\n", "pv_kw: got -1.0"),
        ("load.csv", "2020-05-20T10:00:00+00:00", "9999-12-31T23:59:00+00:00", "load.csv, line "),
        ("load.csv", "2020-05-20T10:00:00+00:00", "0001-01-01T00:00:00+14:00", "load.csv, line "),
        ("prices.csv", "0.25,0.15", "inf,0.15", "import_price_per_kwh: got inf"),
        ("prices.csv", "0.25,0.15", "0.25,-1e308", "export_price_per_kwh: got -1e+308"),
        ("sessions.csv", ",40,8", ",nan,8", "departure_energy_kwh: got nan"),
        ("assets.csv", "battery-1,", '"' + 200_000 * "a" + '",', "not a CSV file in UTF-8"),
    ],
)
def test_a_hostile_row_is_refused_in_words(folder, name, old, new, sentence):
    path = folder / name
    text = path.read_bytes().decode()
    assert old in text
    path.write_bytes(text.replace(old, new).encode())
    with pytest.raises(FileError) as caught:
        read_portfolio(folder, interval=QUARTER)
    assert sentence in str(caught.value)


def test_a_file_of_another_encoding_is_refused_in_words(folder):
    (folder / "load.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FileError, match="not a CSV file in UTF-8"):
        read_portfolio(folder, interval=QUARTER)
    (folder / "load.csv").write_bytes(b"")
    (folder / "context.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FileError, match=r"context\.jsonl"):
        read_portfolio(folder, interval=QUARTER)
