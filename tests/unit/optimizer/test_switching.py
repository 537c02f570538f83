"""Modes switched around a plan: cheaper, allowed, and the same every time."""

from optimizer import verify
from optimizer.certificate import certify
from optimizer.exact.product import recover
from optimizer.exact.relaxation import relax, steer
from optimizer.exact.switching import switch_modes
from optimizer.instances import generate


def test_switching_closes_part_of_the_gap_and_keeps_every_rule() -> None:
    problem = generate("homes", 24, 2, seed=0, intervals=48, negative=True)
    relaxation = relax(problem)
    start = recover(problem, relaxation, steer(problem, relaxation))
    before = certify(problem, start, relaxation.bound, method="x")
    found = [switch_modes(problem, relaxation, start, tries=15, worth=0.0) for _ in range(2)]
    assert found[0] is not None
    after = certify(problem, found[0], relaxation.bound, method="x")
    assert after.gap_absolute < 0.9 * before.gap_absolute
    assert after.objective >= relaxation.bound
    assert verify(problem, found[0]).ok
    again = switch_modes(problem, relaxation, found[0], tries=0, worth=0.0)
    assert again is None or certify(problem, again, -1e9, method="x").objective < after.objective
