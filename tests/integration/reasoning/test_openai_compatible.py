"""Every way in which an endpoint can fail ends in the baseline, in time, with the reason."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import stamina

from tests.fakes_reasoning import GRID, NOW, answer, context, history, item, make_forecaster
from tests.integration.reasoning.http_server import completion, endpoint
from vpp.adapters.reasoning.openai_compatible import OpenAICompatibleModel
from vpp.domain.forecasts import ForecastSource, ReplyVerdict
from vpp.ports import ReasoningModelError

GOOD = answer(item())
DEADLINE_S = 3.0


@pytest.fixture(autouse=True)
def quick_retries():
    with stamina.set_testing(True, attempts=2):
        yield


@asynccontextmanager
async def client(base_url: str, **changes: object) -> AsyncIterator[OpenAICompatibleModel]:
    model = OpenAICompatibleModel(**{"base_url": base_url, "name": "m", "timeout_s": 1.0} | changes)
    try:
        yield model
    finally:
        await model.close()


async def ask(model: OpenAICompatibleModel):
    return await model.ask(system="s", user="u", schema={"type": "object"}, sample=7)


async def issue(model: OpenAICompatibleModel):
    forecaster = make_forecaster(model, deadline_s=DEADLINE_S)
    started_s = asyncio.get_running_loop().time()
    forecast, call = await forecaster.issue(history=history(), grid=GRID, context=[context()], now=NOW)
    assert asyncio.get_running_loop().time() - started_s < DEADLINE_S + 10
    return forecast, call


@pytest.mark.parametrize(
    ("script", "verdict", "reason"),
    [
        ([(200, b"<html>not json")], ReplyVerdict.FAILED, "not"),
        ([(200, b"[1, 2, 3]")], ReplyVerdict.FAILED, "not a chat completion"),
        ([(200, b'{"choices": []}')], ReplyVerdict.FAILED, "not a chat completion"),
        (
            [(200, b'{"choices": [{"message": {"content": 5}}], "usage": "no"}')],
            ReplyVerdict.REFUSED,
            "no JSON object",
        ),
        ([(200, completion(None))], ReplyVerdict.REFUSED, "no JSON object"),
        ([(200, completion(GOOD[:30], finish_reason="length"))], ReplyVerdict.REFUSED, "token limit"),
        ([(200, completion(GOOD.replace("1.2", "NaN")))], ReplyVerdict.REFUSED, "NaN"),
        ([(500, b"{}")], ReplyVerdict.FAILED, "HTTP 500"),
        (
            [(401, b'{"error": {"message": "bad key sk-secret"}}')],
            ReplyVerdict.FAILED,
            "HTTP 401: the API key",
        ),
        ([(402, b"{}")], ReplyVerdict.FAILED, "HTTP 402: the account has no credit"),
    ],
    ids=["html", "list", "no choices", "wrong types", "null", "truncated", "NaN", "500", "401", "402"],
)
async def test_a_broken_endpoint_leaves_the_baseline(script, verdict: ReplyVerdict, reason: str):
    async with endpoint(*script) as server, client(server.base_url) as model:
        forecast, call = await issue(model)

    assert (forecast.source, forecast.verdict) == (ForecastSource.BASELINE, verdict)
    assert reason in forecast.reason
    assert "secret" not in forecast.reason
    assert call is not None


async def test_a_dead_endpoint_leaves_the_baseline():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    async with client(f"http://127.0.0.1:{port}/v1") as model:
        forecast, _ = await issue(model)

    assert forecast.verdict is ReplyVerdict.FAILED
    assert forecast.reason == f"http://127.0.0.1:{port}/v1 cannot be reached"


@pytest.mark.parametrize(("timeout_s", "reason"), [(0.3, "no answer within 0.3 s"), (60.0, "within 3 s")])
async def test_a_slow_endpoint_leaves_the_baseline(timeout_s: float, reason: str):
    async with (
        endpoint((200, completion(GOOD)), delay_s=60) as server,
        client(server.base_url, timeout_s=timeout_s) as model,
    ):
        forecast, _ = await issue(model)

    assert forecast.verdict is ReplyVerdict.FAILED
    assert reason in forecast.reason


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_passing_trouble_is_retried(status: int):
    async with endpoint((status, b"{}"), (200, completion(GOOD))) as server, client(server.base_url) as model:
        forecast, call = await issue(model)

    assert forecast.verdict is ReplyVerdict.ACCEPTED
    assert call is not None
    assert (call.prompt_tokens, call.cached_tokens, call.completion_tokens) == (10, 4, 5)


@pytest.mark.parametrize("status", [400, 401, 404])
async def test_a_fault_of_the_request_is_not_retried(status: int):
    async with endpoint((status, b"{}")) as server, client(server.base_url) as model:
        with pytest.raises(ReasoningModelError, match=f"HTTP {status}"):
            await ask(model)

        assert len(server.bodies) == 1


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content"])
async def test_reasoning_is_found_under_either_name(field: str):
    async with endpoint((200, completion("", **{field: "hot"}))) as server, client(server.base_url) as model:
        assert (await ask(model)).reasoning == "hot"


async def test_what_is_sent_is_configuration():
    extra = {"thinking": {"type": "enabled"}}
    async with endpoint((200, completion("{}"))) as server:
        async with client(server.base_url, seeded=True, extra_body=extra, max_tokens=99) as model:
            await ask(model)
        async with client(server.base_url, response_format="json_object") as model:
            await ask(model)

    first, second = server.bodies
    assert first["response_format"]["json_schema"]["schema"] == {"type": "object"}
    assert (first["thinking"], first["seed"], first["max_tokens"]) == ({"type": "enabled"}, 7, 99)
    assert second["response_format"] == {"type": "json_object"}
    assert '{"type": "object"}' in second["messages"][1]["content"]
    assert "seed" not in second


async def test_a_missing_key_is_named_and_nothing_is_sent(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("SOME_KEY", raising=False)
    async with endpoint((200, completion("{}"))) as server:
        async with client(server.base_url, api_key_variable="SOME_KEY") as model:
            with pytest.raises(ReasoningModelError, match="SOME_KEY with the API key is not set"):
                await ask(model)

        assert server.bodies == []


async def test_a_password_in_the_address_is_not_shown():
    async with client("https://user:secret@example.test/v1") as model:
        assert model.endpoint == "https://example.test/v1"
