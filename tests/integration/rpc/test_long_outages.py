"""Promise 10: a database outage is survived, with a bounded buffer, and caught up within two minutes.

Service and load are the processes of `vpp bench gateway`: the product's gateway over mutual TLS, and nodes
that keep what is not durable. PostgreSQL is killed by its process id under load and started again.
"""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.integration.rpc.test_outages import own_server  # noqa: F401 - a fixture
from vpp.bench.gateway import _stored_readings
from vpp.bench.processes import Watch, issue_nodes, running

CAUGHT_UP_S = 120.0
ROOM = 5_000  # readings that the small queue holds


def until_told(load, nodes):
    """Return the seconds until every node was told that all it sent is durable."""
    began = time.monotonic()
    while load.ask(do="stored")["nodes"] < nodes:
        assert time.monotonic() - began < CAUGHT_UP_S, "not caught up"
        time.sleep(0.2)
    return time.monotonic() - began


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("outage_s", "nodes", "per_s", "room"),
    [
        pytest.param(3.0, 20, 2_000, ROOM, id="seconds"),
        pytest.param(40.0, 200, 1_500, 5 * ROOM, id="most finds no room", marks=pytest.mark.soak),
        pytest.param(
            600.0, 200, 2_000, None, id="ten minutes", marks=[pytest.mark.soak, pytest.mark.timeout(1_200)]
        ),
    ],
)
def test_an_outage_is_caught_up_and_nothing_is_lost(
    own_server,  # noqa: F811
    tmp_path,
    outage_s,
    nodes,
    per_s,
    room,
):
    """The queue is bounded; what finds no room is counted, and the nodes send it again."""
    url = asyncio.run(own_server.server.create_database("outage"))
    issue_nodes(tmp_path, nodes)
    with running(tmp_path, nodes, 1, url, connection_age_s=3_600) as (server, load):
        answer = load.ask(do="connect", first=0, last=nodes - 1, assets=1, at_once=32)
        assert answer["failed"] == 0
        if room is not None:
            server.ask(do="room", rows=room)
        watch, most_waiting = Watch(server, load), 0
        load.tell(do="singles", per_s=per_s, seconds=outage_s + 2.0)
        time.sleep(1.0)
        own_server.kill()
        down = time.monotonic()
        while time.monotonic() - down < outage_s:
            time.sleep(min(1.0, outage_s / 10))
            figures = watch.look()
            most_waiting = max(most_waiting, figures["waiting_rows"])
        own_server.start()
        sent = load.answer()["sent"]
        caught_up_s = until_told(load, nodes)
        assert caught_up_s < CAUGHT_UP_S
        dropped, lost = watch.look()["dropped_rows"], load.ask(do="breaks")["lost"]
    assert lost == 0, "a node's own buffer was too small for this test"
    if room is not None:
        assert dropped > 0, "the queue was not filled"
        assert most_waiting <= room
    assert asyncio.run(_stored_readings(url)) == sent
