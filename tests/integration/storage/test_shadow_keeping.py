"""What shadows came to leaves the database by its age, with all that hangs on it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.integration.storage.samples import fetch, forecast
from tests.unit.control.fleets import NOON
from tests.unit.control.test_promotion_report import CALM, DAY, SIDE, cycle
from vpp.adapters.storage import shadows
from vpp.adapters.storage.shadows import open_shadows

PLANNED = replace(SIDE, powers_kw=np.array([1.0, -2.0]))


async def test_what_is_old_goes_in_small_steps_and_what_is_young_stays(database_url, monkeypatch):
    register = open_shadows(database_url)
    for day in range(4):
        made = replace(cycle(day, shadow=PLANNED).cycle, in_force=PLANNED)
        await register.save(made)
        await register.save_forecast("calm", forecast(f"f-{day}", available_at=NOON + day * DAY), None)
    for made in await register.unscored(CALM, start_before=NOON + 9 * DAY, most=9):
        await register.settle(made.number, None, at=NOON)
        await register.score(made.number, {}, at=NOON)

    monkeypatch.setattr(shadows, "MAX_CUT", 2)
    cut = [await register.cut(older_than=NOON + 3 * DAY) for _ in range(3)]
    assert cut == [4, 2, 0], "two cycles and two forecasts, then one of each"
    page = await register.page(CALM, page_size=9, page_token="")
    assert [one.cycle.run_id for one in page.items] == ["run-3"]
    assert (await register.newest_forecast("calm", available_at=NOON + 2 * DAY)) is None
    assert (await register.get_forecast("f-3")) is not None
    for table in ("shadow_outcome", "shadow_score"):
        assert len(await fetch(database_url, f"SELECT 1 FROM {table}")) == 1
    await register.close()
