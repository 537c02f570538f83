"""How often somebody may try: a bucket of attempts for each name, bounded in number."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable


class AttemptLimiter:
    """`burst` attempts at once, one more every `refill_s` seconds, for each of at most `most_names` names.

    The name that was seen least lately is forgotten when there are too many.
    """

    def __init__(
        self,
        *,
        burst: int,
        refill_s: float,
        most_names: int,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._burst, self._refill_s, self._most = burst, refill_s, most_names
        self._monotonic = monotonic
        self._full_at_s: OrderedDict[str, float] = OrderedDict()  # when a bucket will be full again

    def __len__(self) -> int:
        return len(self._full_at_s)

    def wait_s(self, name: str) -> float:
        """Count an attempt; return 0 when it is allowed, else for how many seconds it is not."""
        now_s = self._monotonic()
        full_at_s = max(self._full_at_s.get(name, now_s), now_s)
        missing = (full_at_s - now_s) / self._refill_s
        if missing > self._burst - 1:
            return (missing - (self._burst - 1)) * self._refill_s
        self._full_at_s[name] = full_at_s + self._refill_s
        self._full_at_s.move_to_end(name)
        while len(self._full_at_s) > self._most:
            self._full_at_s.popitem(last=False)
        return 0.0
