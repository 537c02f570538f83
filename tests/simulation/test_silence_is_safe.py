"""No setpoint without an end: when the service falls silent, every node ends in default control."""

from __future__ import annotations

import random

from tests.simulation.seeds import sampled
from tests.unit.node.test_control_loop import controlled
from vpp.node.lease import Order

LONGEST_LIFETIME_S = 900.0
DEFAULT_CONTROL_WITHIN_S = 1.0


def arrive(generator: random.Random, clock, loop, leases, orders: list[Order]) -> None:
    """Give the node some of the orders: lost, repeated and out of order."""
    received = [order for order in orders if generator.random() > 0.3]
    received += [order for order in received if generator.random() < 0.5]
    generator.shuffle(received)
    for order in received:
        clock.advance(generator.uniform(0.0, 2.0))
        now_s = clock.monotonic()
        loop.handle(leases.offer("a", order, now_s=now_s, service_now_s=now_s))
        loop.advance()


def random_orders(generator: random.Random, now_s: float) -> list[Order]:
    orders = []
    for sequence in range(1, generator.randint(2, 12)):
        power_kw = generator.uniform(-5.0, 5.0)
        orders.append(
            Order(
                epoch=generator.choice([1, 1, 1, 2]),
                sequence=sequence,
                power_kw=power_kw,
                min_kw=power_kw,
                max_kw=power_kw,
                sent_at_s=now_s,
                valid_from_s=now_s + generator.choice([0.0, generator.uniform(0.0, 600.0)]),
                lifetime_s=generator.uniform(10.0, LONGEST_LIFETIME_S),
            )
        )
    return orders


@sampled(50, 1000)
def test_silence_ends_in_default_control(seeds):
    for seed in seeds:
        generator = random.Random(seed)
        device, clock, leases, loop, _ = controlled()
        orders = random_orders(generator, clock.monotonic())
        arrive(generator, clock, loop, leases, orders)
        last_end_s = max(order.valid_from_s + order.lifetime_s for order in orders) + 30.0
        while clock.monotonic() < last_end_s:
            power_kw = loop.applied_kw("a")
            held = leases.in_force("a")
            assert (held is None) == (power_kw == 0.0) or held.power_kw == power_kw, f"seed {seed}"
            clock.advance(generator.uniform(0.1, 120.0))
            loop.advance()
        clock.advance(DEFAULT_CONTROL_WITHIN_S)
        loop.advance()
        assert leases.in_force("a") is None, f"seed {seed}"
        assert device.log[-1][1] == 0.0 if device.log else True, f"seed {seed}"
