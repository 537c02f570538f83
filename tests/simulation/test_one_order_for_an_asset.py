"""One effective order for each asset, whatever a network does: lost, repeated, late, out of order.

A dispatcher gives orders, renewals, stops and releases; another one with a higher epoch takes over,
and the first goes on talking. A checker that knows nothing of leases looks at what the asset followed.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from tests.simulation.seeds import sampled
from vpp.node.lease import LeaseTable
from vpp.node.orders import LeaseEvent, LeaseState, Order

MAX_AGE_S = 5.0
LENGTH_S = 600


@dataclass
class History:
    """What was said, by rank, and what the asset made of it."""

    orders: dict[tuple[int, int], Order] = field(default_factory=dict)
    renewed: dict[tuple[int, int], list[float]] = field(default_factory=dict)  # ends that were promised
    followed: list[tuple[float, tuple[int, int] | None]] = field(default_factory=list)

    def take(self, events: list[LeaseEvent]) -> None:
        for event in events:
            rank = (event.epoch, event.sequence)
            if event.state is LeaseState.STARTED:
                self.followed.append((event.at_s, rank))
            over = event.state in {LeaseState.EXPIRED, LeaseState.CANCELLED}
            if over and self.followed and self.followed[-1][1] == rank:
                self.followed.append((event.at_s, None))

    def check(self, seed: int) -> None:
        ranks = [rank for _, rank in self.followed if rank is not None]
        assert ranks == sorted(set(ranks)), f"seed {seed}: an order came back or an older one took over"
        following = [*self.followed[1:], (LENGTH_S, None)][: len(self.followed)]
        for (begin_s, rank), (end_s, _) in zip(self.followed, following, strict=True):
            if rank is None:
                continue
            order = self.orders[rank]
            assert begin_s >= order.valid_from_s - 1e-6, f"seed {seed}: {rank} began early"
            # What the service counts with: sent, 5 s under way, the lifetime; half a second to hand over.
            last_s = max(order.valid_from_s, order.sent_at_s + MAX_AGE_S) + order.lifetime_s
            last_s = max([last_s, *self.renewed.get(rank, [])])
            assert end_s <= last_s + 0.5 + 1e-6, f"seed {seed}: {rank} outlived its lease"


def deliveries(generator, messages, loss, replay):
    """Return (arrival, message): some lost, some late, some twice or more, in the order of arrival."""
    arriving = []
    for sent_s, message in messages:
        copies = int(generator.random() >= loss) + sum(generator.random() < replay for _ in range(2))
        for _ in range(copies):
            delay_s = generator.expovariate(1.0) if generator.random() < 0.8 else generator.uniform(0.0, 60.0)
            arriving.append((sent_s + delay_s, generator.random(), message))
    return [(at_s, message) for at_s, _, message in sorted(arriving)]


def talk(generator, history):
    """Return what two dispatchers say, (sent at, kind, content), in the order of sending."""
    said = []
    takeover_s = generator.uniform(100.0, 400.0)
    for epoch, begin_s, end_s in ((1, 0.0, takeover_s + 100.0), (2, takeover_s, LENGTH_S)):
        at_s, sequence = begin_s, 0
        while (at_s := at_s + generator.uniform(1.0, 30.0)) < end_s:
            kind = generator.choices(["order", "renewal", "stop", "release"], [5, 5, 1, 1])[0]
            if kind == "order":
                sequence += 1
                power_kw = generator.uniform(-5.0, 5.0)
                order = Order(
                    epoch=epoch,
                    sequence=sequence,
                    power_kw=power_kw,
                    min_kw=power_kw,
                    max_kw=power_kw,
                    sent_at_s=at_s,
                    valid_from_s=at_s + generator.choice([0.0, 0.0, generator.uniform(0.0, 60.0)]),
                    lifetime_s=generator.uniform(10.0, 60.0),
                )
                history.orders[epoch, sequence] = order
                said.append((at_s, ("order", order)))
            elif kind == "renewal" and sequence:
                said.append((at_s, ("renewal", (epoch, sequence), at_s, generator.uniform(10.0, 60.0))))
            elif kind in {"stop", "release"}:
                said.append((at_s, (kind, epoch, at_s)))
    return sorted(said, key=lambda item: item[0])


def hear(leases, history, message, now_s):
    """Let the node hear a message."""
    if message[0] == "order":
        history.take(leases.offer("a", message[1], now_s=now_s, service_now_s=now_s))
    elif message[0] == "renewal":
        _, rank, sent_s, lifetime_s = message
        events = leases.renew(
            "a", rank, sent_at_s=sent_s, lifetime_s=lifetime_s, now_s=now_s, service_now_s=now_s
        )
        history.take(events)
        if not any(event.state is LeaseState.REJECTED for event in events):
            held = history.orders[rank]
            end_s = max(sent_s + MAX_AGE_S, held.valid_from_s) + lifetime_s
            history.renewed.setdefault(rank, []).append(end_s)
    elif message[0] == "stop":
        history.take(leases.stop(None, sent_at_s=message[2], now_s=now_s, until_released=True))
    else:
        leases.release(None, epoch=message[1], sent_at_s=message[2])


@sampled(60, 2000)
def test_a_history_holds_one_order_at_a_time_and_none_comes_back(seeds):
    followed = 0
    for seed in seeds:
        generator = random.Random(seed)
        loss, replay = generator.uniform(0.0, 0.3), generator.uniform(0.0, 0.5)
        history, leases = History(), LeaseTable(["a"], max_order_age_s=MAX_AGE_S)
        stopped_s, released_s = -1.0, -1.0
        for now_s, message in deliveries(generator, talk(generator, history), loss, replay):
            history.take(leases.advance(now_s))
            epoch_before = leases.epoch
            hear(leases, history, message, now_s)
            if message[0] == "stop" and message[2] >= released_s:
                stopped_s = max(stopped_s, message[2])
            if message[0] == "release" and message[1] >= epoch_before:
                released_s = max(released_s, message[2])
            if stopped_s > released_s:
                assert leases.in_force("a") is None, f"seed {seed}: an order in spite of a stop"
        history.take(leases.advance(LENGTH_S + 2_000.0))
        history.check(seed)
        assert leases.in_force("a") is None, f"seed {seed}: an order without an end"
        followed += sum(rank is not None for _, rank in history.followed)
    assert followed > 2 * len(seeds), "a node that refused everything would pass"
