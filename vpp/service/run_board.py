"""The board on which runs write how far they are, for whoever watches them. Bounded, in memory.

```
    begun · prepared · solving … solving · decided · waiting · stored · sent · acknowledged … · done
                                                                   any of them but the last three ──► failed
```
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from optimizer.plan import Plan
from vpp.domain.run_steps import RunStep, Stage
from vpp.domain.runs import RunSummary
from vpp.domain.setpoints import SetpointColumns
from vpp.ports import Clock, SendReport

MAX_RUNS: Final = 64  # remembered; older ones are read from the database
MAX_STEPS: Final = 256  # of one run; what a solver finds beyond leaves room for the steps that follow
KEPT_FOR_THE_END: Final = 64
SHOWN_SHARES: Final = 20  # steps in which acknowledgements are counted, at most


@dataclass(slots=True)
class _Run:
    """One run on the board; `sequence` (N,) holds what it ordered, 0 for nothing."""

    run_id: str
    trigger: str
    steps: list[RunStep] = field(default_factory=list)
    until: datetime | None = None  # when acknowledgements are waited for no longer
    epoch: int = 0
    orders: int = 0
    reached: int = 0  # orders that went into a stream; the others may follow, and are not waited for
    shown: int = 0  # acknowledgements that a step told of
    sequence: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    heard: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))

    @property
    def over(self) -> bool:
        """Return whether no step follows."""
        return bool(self.steps) and self.steps[-1].last


class RunBoard:
    """The newest runs of one loop. Written in the event loop, but for `found`."""

    def __init__(self, clock: Clock, assets: int) -> None:
        self._clock, self._assets = clock, assets
        self._runs: OrderedDict[str, _Run] = OrderedDict()
        self._changed = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._solving = ""

    # the loop writes ---------------------------------------------------------------------------

    @contextmanager
    def run(self, run_id: str, trigger: str) -> Iterator[None]:
        """Note that a run begins, and why it failed where it raises."""
        self._loop = asyncio.get_running_loop()
        self._runs[run_id] = _Run(run_id, trigger)
        while len(self._runs) > MAX_RUNS:
            self._runs.popitem(last=False)
        self.note(run_id, Stage.BEGUN)
        try:
            yield
        except BaseException as error:
            words = str(error) or type(error).__name__
            self.note(run_id, Stage.FAILED, detail=words)
            raise
        finally:
            self._solving, self._loop = (
                "",
                None,
            )  # between runs a board can be stored with its loop's checkpoint

    def note(self, run_id: str, stage: Stage, **known: Any) -> None:
        """Add a step to a run that is on the board; `known` are fields of `RunStep`."""
        self._solving = run_id if stage is Stage.PREPARED else self._solving
        run = self._runs.get(run_id)
        if run is None or run.over or len(run.steps) >= MAX_STEPS:
            return
        step = RunStep(run_id=run_id, position=len(run.steps) + 1, stage=stage, at=self._clock.now(), **known)
        run.steps.append(step)
        self._changed.set()
        self._changed = asyncio.Event()

    def found(self, plan: Plan) -> None:
        """Note what the solver found; may be called from any thread."""
        loop = self._loop  # another thread may take it away
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._note_found, plan)

    def _note_found(self, plan: Plan) -> None:
        run = self._runs.get(self._solving)
        if run is None or run.steps[-1].stage not in {Stage.PREPARED, Stage.SOLVING}:
            return  # it is another solver's, or came late
        if len(run.steps) < MAX_STEPS - KEPT_FOR_THE_END:
            self.note(
                run.run_id,
                Stage.SOLVING,
                cost=_known(plan.certificate.objective),
                lower_bound=_known(plan.certificate.lower_bound),
                gap=_known(plan.certificate.gap),
            )

    def sent(self, run: RunSummary, orders: SetpointColumns | None, report: SendReport | None) -> None:
        """Note what was sent of a stored run, and wait for the nodes' words until its orders end."""
        found = self._runs.get(run.run_id)
        if found is None:
            return
        if orders is None or report is None:
            self.note(run.run_id, Stage.DONE, run=run, orders=0, sent=0, acknowledged=0)
            return
        found.sequence = np.zeros(self._assets, dtype=np.int64)
        found.sequence[orders.slot] = orders.sequence
        found.heard = np.zeros(self._assets, dtype=np.bool_)
        found.epoch, found.orders, found.until = orders.epoch, len(orders), orders.valid_until
        found.reached = report.sent
        self.note(run.run_id, Stage.SENT, run=run, orders=len(orders), sent=report.sent)
        if report.sent == 0:
            self._end(found)

    # the nodes say -----------------------------------------------------------------------------

    def heard(self, slots: NDArray[np.int64], sequences: NDArray[np.int64], epoch: int) -> None:
        """Note the nodes' words on orders."""
        for run in reversed(self._runs.values()):
            if run.until is None or run.over or run.epoch != epoch:
                continue
            run.heard[slots[run.sequence[slots] == sequences]] = True
            count = int(run.heard.sum())
            if count >= run.reached:
                self._end(run)
            elif count - run.shown >= max(1, run.orders // SHOWN_SHARES):
                run.shown = count
                self.note(
                    run.run_id,
                    Stage.ACKNOWLEDGED,
                    orders=run.orders,
                    sent=run.reached,
                    acknowledged=count,
                )

    def _end(self, run: _Run) -> None:
        summary = next(step.run for step in reversed(run.steps) if step.run is not None)
        count = int(run.heard.sum())
        self.note(
            run.run_id, Stage.DONE, run=summary, orders=run.orders, sent=run.reached, acknowledged=count
        )

    # people watch ------------------------------------------------------------------------------

    def find(self, *, run_id: str = "", trigger: str = "") -> str | None:
        """Return the id of a run by its id or by what set it off; with neither of the one under way."""
        for run in reversed(self._runs.values()):
            if run_id or trigger:
                if run.run_id == run_id or (trigger and run.trigger == trigger):
                    return run.run_id
            elif not run.over:
                return run.run_id
        return None

    def steps(self, run_id: str, *, after: int) -> list[RunStep] | None:
        """Return the steps of a run after a position; None where the run is not remembered."""
        run = self._runs.get(run_id)
        if run is None:
            return None
        if run.until is not None and not run.over and self._clock.now() >= run.until + timedelta(seconds=1):
            self._end(run)
        return run.steps[max(0, after) :]

    async def changed(self, timeout_s: float) -> None:
        """Return when something happened, or after `timeout_s` of the wall."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._changed.wait()
        except TimeoutError:
            return


def _known(value: float | None) -> float | None:
    return value if value is not None and np.isfinite(value) else None
