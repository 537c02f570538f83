"""A run is watched over gRPC while it goes, again where the stream broke, and after a restart."""

from __future__ import annotations

import asyncio

import pytest
from typer.testing import CliRunner

from tests.integration.service.test_closed_loop import CONFIG, ask, closed_loop
from tests.plants import make_plant
from vpp.cli.main import app
from vpp.client import AsyncClient, ClientError
from vpp.client.call import Watch
from vpp.rpcgen import runs_pb2 as pb
from vpp.service.bootstrap import running_service


async def test_a_run_is_watched_from_its_trigger_to_the_last_acknowledgement(tmp_path, database_url):
    plant = make_plant(tmp_path, database_url, speed=20.0)
    async with closed_loop(plant):
        async with AsyncClient.connect(plant.address, certificates=plant.certificates) as client:

            async def watched():
                return [step async for step in client.watch_run(request_id="now")]

            watching = asyncio.create_task(watched())
            run = (await client.trigger_run("now")).run
            steps = await asyncio.wait_for(watching, 60.0)
            names = [pb.RunStage.Name(step.stage).removeprefix("RUN_STAGE_") for step in steps]
            told = [name for name in dict.fromkeys(names) if name not in ("SOLVING", "ACKNOWLEDGED")]
            assert told == ["BEGUN", "PREPARED", "DECIDED", "STORED", "SENT", "DONE"]
            assert [step.position for step in steps] == list(range(1, len(steps) + 1))
            solving = [step for step in steps if step.stage == pb.RUN_STAGE_SOLVING]
            assert solving, "the solver says what it found"
            assert solving[-1].cost == pytest.approx(run.objective, rel=0.2)
            assert steps[-1].run == run
            assert (steps[-1].orders, steps[-1].sent, steps[-1].acknowledged) == (4, 4, 4)

            broken = pb.WatchRunRequest(run_id=run.run_id, after=3)
            rest = [step async for step in client.follow(again_from(broken))]
            assert rest == steps[3:]
        shown = await asyncio.to_thread(command, plant, "runs", "watch", run.run_id)
        assert "4 orders, 4 sent, 4 acknowledged" in shown
    async with running_service(plant.settings, config_path=CONFIG):
        (last,) = await ask(plant, lambda client: list(client.watch_run(run_id=run.run_id)))
        assert (last.stage, last.run, last.acknowledged) == (pb.RUN_STAGE_DONE, run, 4)
        again = await ask(plant, lambda client: client.trigger_run("now").run)
        assert again == run, "a request id runs once"
        with pytest.raises(ClientError, match="nobody"):
            await ask(plant, lambda client: list(client.watch_run(run_id="nobody")))
        with pytest.raises(ClientError, match="together"):
            await ask(plant, lambda client: list(client.watch_run(run_id="a", request_id="b")))


def again_from(request):
    return Watch(path="/vpp.v1.DispatchService/WatchRun", request=request, answer=pb.WatchRunResponse)


def command(plant, *words):
    options = ["--address", plant.address, "--certificates", str(plant.certificates)]
    result = CliRunner().invoke(app, [*words, *options])
    assert result.exit_code == 0, result.output
    return result.output
