"""`[[shadows]]`: what is understood, and what is refused in one sentence."""

import pytest

from vpp.service.settings import SettingsError, load_settings
from vpp.service.shadow_parts import model_of

MODEL = '[shadows.model]\nbase_url = "http://localhost:9/v1"\nname = "newer"\n'


def load(tmp_path, text):
    path = tmp_path / "vpp.toml"
    path.write_text(text)
    return load_settings(path)


def test_every_kind_of_shadow_is_understood(tmp_path):
    settings = load(
        tmp_path,
        "[model]\nwithheld_words = ['Muster']\n"
        "[[shadows]]\nid = 'calm'\nevery_cycles = 4\ndays = 14\n"
        "policy = {stability_cost_per_kw = 0.002, horizon_intervals = 48}\n"
        "[[shadows]]\nid = 'plain'\nforecaster = 'baseline'\n"
        "[[shadows]]\nid = 'mix'\nforecaster = 'aggregated'\nweights = {ridge = 2, baseline = 1}\n"
        f"[[shadows]]\nid = 'other'\nforecaster = 'endpoint'\n{MODEL}cost_per_day = 0.1\n",
    )
    calm, plain, mix, other = settings.to_shadows()
    assert calm.change.plain()["policy"] == {"stability_cost_per_kw": 0.002, "horizon_intervals": 48}
    assert (calm.every_cycles, calm.days) == (4, 14)
    assert (plain.change.weights, mix.change.weights) == ({"baseline": 1.0}, {"ridge": 2.0, "baseline": 1.0})
    assert len({shadow.change.sha256 for shadow in (calm, plain, mix, other)}) == 4
    assert other.change.words == "model newer at http://localhost:9/v1"
    model = model_of(settings, other)
    assert (model.enabled, model.cost_per_day, model.withheld_words) == (True, 0.1, ("Muster",))
    assert "Muster" not in str(other.change.plain()), "names that are withheld are stored nowhere"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("id = 'a b'\n", "shadows.0.id: got 'a b'"),
        ("id = 'a'\n", "shadows.a: got 'no change', expected at least one policy value"),
        ("id = 'a'\ndays = 0\n", "shadows.0.days: got 0"),
        ("id = 'a'\ncadence = 2\n", "shadows.0.cadence: unknown setting"),
        ("id = 'a'\npolicy = {lead_s = 1}\n", "shadows.a.policy: got 'lead_s', expected one of accepted_gap"),
        ("id = 'a'\npolicy = {accepted_gap = 2}\n", "shadows.a.policy.accepted_gap: got 2"),
        (
            "id = 'a'\npolicy = {horizon_intervals = 97}\n",
            "expected a whole number from 1 to policy.horizon_intervals = 96",
        ),
        ("id = 'a'\nforecaster = 'oracle'\n", "shadows.0.forecaster: got 'oracle'"),
        ("id = 'a'\nforecaster = 'aggregated'\n", "shadows.a.weights: got {}, expected forecasters"),
        ("id = 'a'\nweights = {ridge = 1}\n", 'just where forecaster = "aggregated"'),
        (
            "id = 'a'\nforecaster = 'aggregated'\nweights = {ridge = -1}\n",
            "a.weights.ridge: got -1.0",
        ),
        ("id = 'a'\nforecaster = 'endpoint'\n", "shadows.a.model: got None, expected a table with base_url"),
        (f"id = 'a'\nforecaster = 'endpoint'\n{MODEL}enabled = true\n", "shadows.a.model.enabled: got True"),
        (
            "id = 'a'\nforecaster = 'endpoint'\n[shadows.model]\nname = 'x'\n",
            "shadows.a.model.base_url: got 'nothing'",
        ),
        (
            "id = 'a'\nforecaster = 'baseline'\n[[shadows]]\nid = 'a'\nforecaster = 'baseline'\n",
            "shadows.id: got 'a', expected an id that is used once",
        ),
    ],
)
def test_a_shadow_that_cannot_be_is_one_sentence(tmp_path, text, sentence):
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, f"[[shadows]]\n{text}")
    assert sentence in str(caught.value)
