"""Replies in the shapes that DeepSeek, vLLM, llama.cpp and Ollama are known to send, over real HTTP.

Each file in `recorded/` holds one body, why it is there, and what must come of it. The bodies follow the
servers' documentation and issues; texts and ids are shortened.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import stamina

from tests.fakes_reasoning import GRID, NOW, context, history, make_forecaster
from tests.integration.reasoning.http_server import endpoint
from vpp.adapters.reasoning.openai_compatible import OpenAICompatibleModel

RECORDED = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted((Path(__file__).parent / "recorded").glob("*.json"))
}


def test_every_server_is_there():
    assert {name.partition("_")[0] for name in RECORDED} == {"deepseek", "vllm", "llama", "ollama"}


@pytest.mark.parametrize("name", RECORDED)
async def test_a_recorded_reply_is_accepted_or_refused_with_its_reason(name: str):
    recorded = RECORDED[name]
    body = (recorded["prefix"] + json.dumps(recorded["body"])).encode()
    with stamina.set_testing(True, attempts=1):
        async with endpoint((200, body)) as server:
            model = OpenAICompatibleModel(base_url=server.base_url, name="m", timeout_s=5.0)
            forecast, call = await make_forecaster(model).issue(history(), GRID, [context()], NOW)
            await model.close()

    assert str(forecast.verdict) == recorded["verdict"], forecast.reason
    assert recorded["reason"] in forecast.reason
    assert call is not None
    asked = 1 if recorded["verdict"] == "accepted" else 2  # with the repair attempt
    counted = [call.prompt_tokens, call.cached_tokens, call.completion_tokens]
    assert counted == [asked * count for count in recorded["tokens"]]
