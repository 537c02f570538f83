"""The programs in docs/client.md run against a real service."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
from pathlib import Path

import pytest

from tests.integration.service.test_closed_loop import closed_loop
from tests.plants import make_plant

ROOT = Path(__file__).resolve().parents[3]
DOCUMENT = (ROOT / "docs" / "client.md").read_text(encoding="utf-8")


def programs() -> list[str]:
    return re.findall(r"```python\n(.*?)```", DOCUMENT, flags=re.DOTALL)


async def run(program: str, names: dict[str, object]) -> None:
    """Run a program in a thread, one with `await` in an event loop of its own."""

    def call():
        code = compile(program, "client.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        if code.co_flags & inspect.CO_COROUTINE:
            asyncio.run(eval(code, names))
        else:
            exec(code, names)

    await asyncio.to_thread(call)


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_the_examples_run_and_say_something(tmp_path, database_url, capsys):
    plant = make_plant(tmp_path, database_url)
    names: dict[str, object] = {}
    async with closed_loop(plant) as service:
        await service.loop.run_cycle("test")
        for program in programs():
            here = program.replace("localhost:50051", plant.address).replace(
                "run/certificates", str(plant.certificates)
            )
            capsys.readouterr()
            await run(here, names)
            said = capsys.readouterr().out
            assert said.strip(), program
    assert "asset_ids" in said
