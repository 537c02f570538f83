"""The small reasoning model that runs on this machine, for as long as it is wanted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from vpp.domain.errors import InvalidValueError
from vpp.service.model_settings import ModelSettings

LOCAL: Final = "local"
LOCAL_MODEL: Final = ModelSettings(  # as in the demo
    enabled=True,
    name="smollm2",
    api_key_variable="",
    response_format="json_schema",
    samples=1,
    max_tokens=300,
    timeout_s=45.0,
    deadline_s=45.0,
    compact=True,
    extra_body={"temperature": 0.0},  # so that the same question gets the same answer
)


@asynccontextmanager
async def local_model() -> AsyncIterator[ModelSettings]:
    """Run the small model for the length of a block; raise InvalidValueError when it cannot run."""
    from vpp.adapters.reasoning.local_server import LocalModelServer, LocalServerError  # noqa: PLC0415

    server = LocalModelServer(model=LOCAL_MODEL.name)
    try:
        await server.start()
    except LocalServerError as error:
        raise InvalidValueError("model", LOCAL, "a local model that runs", str(error)) from error
    try:
        yield LOCAL_MODEL.model_copy(update={"base_url": server.base_url})
    finally:
        await server.stop()
