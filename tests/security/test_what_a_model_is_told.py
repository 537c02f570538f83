"""No secret and no feeder's name reaches a model, however a remark spells it."""

from __future__ import annotations

import pytest

from tests.fakes_reasoning import GRID, NOW, ScriptedModel, answer, context, history, make_forecaster
from vpp.forecasting.quoting import REMOVED, without_secrets

SECRETS = [
    "sk-abcdefghijklmnop1234567890",
    "api_key=Zk3",
    "password: hunter2",
    "the access key is QWERTZ",
    "hans.meier@example.org",
    "postgresql://vpp:hunter2@db.example.org/vpp",
    "DE89370400440532013000",
    "MHcCAQEEIBkg4Lw2q1nPjSLg0qD6T9b0aF7z/uR8v3c+Yw==",
]


@pytest.mark.parametrize("secret", SECRETS)
def test_what_looks_like_a_secret_is_removed(secret):
    cleaned = without_secrets(f"Street festival tonight, {secret} until 22:00")
    assert REMOVED in cleaned
    assert cleaned.startswith("Street festival tonight")
    assert not any(part in cleaned for part in ("hunter2", "QWERTZ", "Zk3", "meier", "MHcC", "sk-a", "DE89"))


@pytest.mark.parametrize(
    "text",
    [
        "Official heat warning, 36 degrees, from 2020-05-20T10:00 to 18:00.",
        "The key account of the mill stops; its token share of the load is small.",
        "Straßenfest: about 3,000 visitors @ the market, stalls cook with 400 V.",
        "Elektrizitätsversorgungsunternehmen meldet Wartung.",
    ],
)
def test_ordinary_remarks_stay_as_they_are(text):
    assert without_secrets(text) == text


async def test_a_prompt_holds_neither_secret_nor_name_in_any_spelling():
    known = history(now=NOW)
    name = known.feeder_ids[0]
    wide = "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in name)
    text = f"At {name} and {wide} a festival, password: hunter2."
    model = ScriptedModel([answer()] * 3)
    await make_forecaster(model).issue(known, GRID, [context(text=text)], NOW)
    prompts = repr(vars(model))
    assert "festival" in prompts
    assert name not in prompts
    assert "hunter2" not in prompts
