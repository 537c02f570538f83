from pathlib import Path

import pytest

from vpp.service.settings import Settings, SettingsError, load_settings

ROOT = Path(__file__).resolve().parents[3]


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "vpp.toml"
    path.write_text(text)
    return path


def test_the_shipped_defaults_are_the_defaults():
    """The file documents what the code does, so the two must not drift apart."""
    shipped, built_in = load_settings(ROOT / "config/default.toml"), Settings()
    prices = {name for name in type(shipped.model).model_fields if name.startswith("price_")}
    assert shipped.model_dump(exclude={"model": prices}) == built_in.model_dump(exclude={"model": prices})


def test_the_demonstration_can_be_loaded():
    assert load_settings(ROOT / "config/demo.toml").model.enabled


def test_the_environment_overrides_the_file(tmp_path, monkeypatch):
    monkeypatch.setenv("VPP_POLICY__LEAD_S", "240")
    settings = load_settings(write(tmp_path, "[policy]\nlead_s = 60\nhorizon_intervals = 12\n"))
    assert settings.policy.lead_s == 240
    assert settings.policy.horizon_intervals == 12, "what the environment does not name stays"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[policy]\nlead_s = 'soon'\n", "policy.lead_s: got 'soon', expected"),
        ("[policy]\nled_s = 60\n", "policy.led_s: unknown setting"),
        ("[policy]\nlead_s = 1000\n", "policy.lead_s: got 1000, expected"),
        ("[policy]\nsetpoint_lifetime_s = 5\n", "policy.setpoint_lifetime"),
        ("[policy]\nrenewal_period_s = 50\n", "at most a third of setpoint_lifetime"),
        ("[policy]\nunmet_energy_penalty_per_kwh = 50\n", "less than feeder_penalty_per_kwh"),
        ("[grpc]\naddress = 'nowhere'\n", "grpc.address: got 'nowhere'"),
        ("[forecast]\ntimezone = 'Europe/Berlinn'\n", "'Europe/Berlinn', expected a time zone such as"),
        ("[forecast]\nholidays = ['1.5.2026']\n", "forecast.holidays.0: got '1.5.2026'"),
        ("[model]\nresponse_format = 'xml'\n", "model.response_format: got 'xml'"),
        ("[database\n", "not a TOML file"),
    ],
)
def test_a_wrong_value_is_one_sentence(tmp_path, text, sentence):
    with pytest.raises(SettingsError) as caught:
        load_settings(write(tmp_path, text))
    assert sentence in str(caught.value)
    assert len(caught.value.problems) == 1


def test_every_wrong_value_is_named(tmp_path):
    with pytest.raises(SettingsError) as caught:
        load_settings(write(tmp_path, "[policy]\ncurrency = 'euro'\n[model]\nsamples = 9\n"))
    assert [problem.split(":")[0] for problem in caught.value.problems] == [
        "policy.currency",
        "model.samples",
    ]


def test_a_missing_file_says_where_to_start(tmp_path):
    with pytest.raises(SettingsError, match=r"start from config/default\.toml"):
        load_settings(tmp_path / "none.toml")
