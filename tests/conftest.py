"""For every test: logs as one plain line each, exceptions without the local variables of their frames."""

from __future__ import annotations

import pytest
import structlog

# The default renders a fleet's columns for each frame: seconds of processor time for one traceback.
_PROCESSORS = [
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.StackInfoRenderer(),
    structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
]


@pytest.fixture(autouse=True)
def _plain_logs():
    structlog.configure(processors=list(_PROCESSORS))
