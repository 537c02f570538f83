"""What never stands in a log: keys and passwords."""

from __future__ import annotations

import json
import logging

import pytest
import structlog

from vpp.adapters.clock import WallClock
from vpp.service.logs import configure_logs


@pytest.fixture
def log_file(tmp_path):
    before = logging.getLogger().handlers[:]
    path = tmp_path / "vpp.log"
    configure_logs(WallClock(), path)
    yield path
    structlog.reset_defaults()
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler) and handler not in before:
            handler.stream.close()
    logging.getLogger().handlers[:] = before


def connect(password):
    raise ConnectionError("the server is away")


def start():
    try:
        connect("hunter2-hunter2")
    except ConnectionError as error:
        raise RuntimeError("the job failed") from error


def test_a_logged_failure_tells_the_place_and_not_what_the_variables_held(log_file):
    try:
        start()
    except RuntimeError:
        structlog.get_logger().exception("job failed", job="cycle")
    text = log_file.read_text()
    assert "the server is away" in text
    assert '"name": "connect"' in text
    assert "hunter2" not in text


def test_what_a_library_logs_is_one_json_object_whatever_it_says(log_file):
    logging.getLogger("grpc").warning('peer "}\n{"level": "critical", "event": "stop"')
    (line,) = log_file.read_text().splitlines()
    assert json.loads(line)["level"] == "WARNING"
