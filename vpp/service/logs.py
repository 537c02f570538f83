"""Logs as JSON lines, each with the run id it belongs to where there is one."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import structlog
from structlog.tracebacks import ExceptionDictTransformer

from vpp.ports import Clock


def configure_logs(clock: Clock, file: Path | None = None) -> None:
    """Send structured logs to `file`, or to standard error, with plant time, until the process ends."""
    _send_to(_opened(file) if file is not None else sys.stderr, clock)


@contextmanager
def logs_into(clock: Clock, file: Path) -> Iterator[None]:
    """Send structured logs to `file` for the length of a block."""
    with _opened(file) as target:
        handler = _send_to(target, clock)
        try:
            yield
        finally:
            structlog.reset_defaults()
            logging.getLogger().removeHandler(handler)


def _opened(file: Path) -> TextIO:
    file.parent.mkdir(parents=True, exist_ok=True)
    return file.open("a", encoding="utf-8", buffering=1)


def _send_to(target: TextIO, clock: Clock) -> logging.Handler:
    def add_time(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        return {"at": clock.now().isoformat(timespec="seconds"), **event}

    structlog.configure(
        processors=[
            add_time,
            structlog.processors.add_log_level,
            # Without the local variables of each frame: they hold keys and passwords.
            structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.WriteLoggerFactory(target),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(_JsonLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    return handler


class _JsonLines(logging.Formatter):
    """Writes what libraries log as one JSON object a line, whatever their message holds."""

    def format(self, record: logging.LogRecord) -> str:
        event = super().format(record)
        return json.dumps({"logger": record.name, "level": record.levelname, "event": event})
