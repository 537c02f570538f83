"""The reasoning model that a replay asks, where one was wanted; its calls are left beside the outputs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from vpp.domain.errors import InvalidValueError
from vpp.ports import ReasoningModel
from vpp.service.local_model import LOCAL, local_model
from vpp.service.reasoning import endpoint_of

PATIENCE_S = 600.0  # a replay has no gate closure


@asynccontextmanager
async def asked_model(name: str, forecaster: str) -> AsyncIterator[ReasoningModel | None]:
    """Give the model named `name` for the length of a block, None without a name.

    Raises InvalidValueError for another name, and for forecasts that ask no model.
    """
    if not name:
        yield None
        return
    if name != LOCAL:
        raise InvalidValueError("model", name, LOCAL)
    if forecaster != "aggregated":
        raise InvalidValueError("model", name, "--forecaster aggregated beside it", "no other asks a model")
    async with local_model() as settings:
        client = endpoint_of(settings.model_copy(update={"timeout_s": PATIENCE_S}))
        try:
            yield client
        finally:
            await client.close()
