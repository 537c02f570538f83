from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.integration.storage.samples import NOON
from vpp.adapters.storage import open_store
from vpp.ports import Store


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    opened = open_store(database_url, clock_now=lambda: NOON)
    yield opened
    await opened.close()
