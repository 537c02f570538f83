"""A solved plan that goes on being the best one known when an override came while it was solved.

```
    solved for    ─── all assets ───►   the optimum of what was known then
    kept          ─── all others ───►   their powers as solved, cut to what they can do now
                  ─── overridden ───►   fixed beside the problem; the verifier looks at the whole
```
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

from optimizer.certificate import certify
from optimizer.plan import Plan
from vpp.control import fallback
from vpp.control.cycle_values import Prepared, SolveOutcome

OVERRIDE_CAME: Final = "an override came while it was solved"


def kept_outcome(prepared: Prepared, outcome: SolveOutcome | None) -> SolveOutcome:
    """Return what is left of a solve in the problem of now, `prepared`; without a proof of how good it is.

    Its powers are those that were solved, wherever an asset may still be ordered them. That they keep the
    limits beside the override is the verifier's to say.
    """
    if outcome is None:
        return SolveOutcome(plan=None, error=OVERRIDE_CAME)
    if outcome.plan is None or prepared.problem is None:
        return replace(outcome, plan=None, error=OVERRIDE_CAME)
    schedule = fallback.follow(prepared.problem, outcome.plan.schedule.power_kw)
    certificate = certify(prepared.problem, schedule, -math.inf, method="kept")
    return replace(outcome, plan=Plan(schedule=schedule, certificate=certificate), error=OVERRIDE_CAME)
