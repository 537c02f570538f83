"""A setpoint told from end to end, out of a real database and over a real call."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

import optimizer
from tests.integration.storage import samples
from tests.unit.control.fleets import NOON, fleet, forecast, inputs
from vpp.adapters.storage import open_audit, open_evidence, open_store
from vpp.control.cycle import decide, prepare
from vpp.control.cycle_values import SolveOutcome
from vpp.control.record import CycleRecord, summary_of
from vpp.domain.audit import AuditEntry
from vpp.domain.forecasts import ForecastSource, ModelCall, ReplyVerdict
from vpp.domain.readings import to_microseconds
from vpp.domain.reasons import ReasonKind, Topic
from vpp.domain.setpoints import Acknowledgement, AcknowledgementState
from vpp.service.explaining import explain_setpoint

PROMPT = """Solved examples ...
Baseline in percent of the typical peak: 40 41
Context: e1 (known since noon) "football final, many will cook late"
"""
REPLY = """{"adjustments": [{"start_block": 0, "end_block": 1, "multiplier_p10": 1.0, "multiplier_p50": 1.1,
"multiplier_p90": 1.2, "cause": "event", "evidence_id": "e1", "reason": "people cook late"}]}"""
CALL = ModelCall(
    call_id="call-1",
    asked_at=NOON - timedelta(minutes=20),
    model="a-model",
    endpoint="http://127.0.0.1:1/v1",
    prompt=PROMPT,
    replies=(REPLY,),
    reasoning="",
    verdict=ReplyVerdict.ACCEPTED,
    reason="",
    prompt_tokens=1,
    completion_tokens=1,
    cached_tokens=0,
    cost=0.0,
    currency="EUR",
    seconds=1.0,
)


@pytest.fixture(scope="module")
def decided():
    advised = replace(
        forecast(), source=ForecastSource.ADJUSTED, verdict=ReplyVerdict.ACCEPTED, model_call_id="call-1"
    )
    given = inputs(forecast=advised, epoch=1)
    prepared = prepare(given)
    outcome = SolveOutcome(plan=optimizer.solve(prepared.problem, seed=0))
    decision = decide(given, prepared, outcome)
    run = summary_of(
        CycleRecord(inputs=given, outcome=outcome), prepared, decision, finished_at=NOON, trigger="schedule"
    )
    return advised, prepared, decision, run


@pytest.fixture
async def stored(database_url, decided):
    """The database after one cycle, the nodes' answers and a minute of readings."""
    advised, prepared, decision, run = decided
    store = open_store(database_url, clock_now=lambda: NOON)
    await store.save_fleet(fleet())
    epoch = await store.next_epoch()
    assert epoch == 1
    await store.save_forecast(advised, CALL)
    await store.save_run(run, plan=decision.plan, state=prepared.state, setpoints=decision.setpoints)
    await store.append_acknowledgements(
        [
            Acknowledgement(
                asset_id="grid-battery",
                epoch=1,
                sequence=int(decision.setpoints.sequence[2]),
                state=AcknowledgementState.RECEIVED,
                at=NOON,
            )
        ]
    )
    power_kw = float(decision.setpoints.power_kw[2])
    rows = [(2, seconds, 0.5, power_kw) for seconds in (10.0, 40.0)]
    made = samples.readings(*rows)
    shift = to_microseconds(NOON) - to_microseconds(samples.NOON)
    await store.append_readings(
        replace(made, measured_at_us=made.measured_at_us + shift, received_at_us=made.received_at_us + shift)
    )
    await store.close()
    return database_url


async def test_a_setpoint_is_told_from_its_reasons_to_its_metering(stored, decided):
    run = decided[3]
    chain, evidence = open_audit(stored), open_evidence(stored)
    await chain.append(AuditEntry(kind="approval", subject=run.run_id, actor="alice", at=NOON))
    await chain.append(AuditEntry(kind="stop", subject="grid-battery", actor="bob", at=NOON))
    told = await explain_setpoint(evidence, asset_id="grid-battery")
    await chain.close()
    await evidence.close()
    words = {topic: " ".join(s.words for s in told.sentences if s.topic is topic) for topic in Topic}

    assert words[Topic.ORDER].startswith(
        "grid-battery was ordered to charge at 20.00 kW from 2020-05-20 12:00"
    )
    assert ReasonKind.FEEDER_IMPORT in {reason.kind for reason in told.reasons}
    assert "Feeder b is at its import limit of 40 kW" in words[Topic.REASON]
    assert "of the best possible" in words[Topic.PLAN]
    assert run.input_sha256[:16] in words[Topic.PLAN]
    assert "found no limit broken" in words[Topic.VERIFIER]
    assert "adjusted by a-model under contract" in words[Topic.FORECAST]
    assert "football final" in words[Topic.FORECAST]
    assert words[Topic.MODEL_WORDS] == (
        "a-model wrote: “people cook late” (its words, not checked; it named e1)."
    )
    assert words[Topic.APPROVAL].startswith("Approval by alice")
    assert words[Topic.OPERATOR].startswith("Stop by bob")
    assert "received at 12:00:00" in words[Topic.NODE]
    assert (
        "Metering shows -20.00 kW on average (2 readings): the order was followed." in words[Topic.METERING]
    )
    assert told.followed is True


async def test_an_order_is_found_by_number_by_time_and_as_the_newest(stored):
    evidence = open_evidence(stored)
    try:
        sequence = (await explain_setpoint(evidence, asset_id="car")).evidence.setpoint.sequence
        by_number = await explain_setpoint(evidence, asset_id="car", epoch=1, sequence=sequence)
        by_time = await explain_setpoint(evidence, asset_id="car", at=NOON + timedelta(minutes=1))
        assert by_number.evidence.setpoint == by_time.evidence.setpoint
        assert by_number.followed is None
        assert await explain_setpoint(evidence, asset_id="car", at=NOON - timedelta(minutes=1)) is None
        assert await explain_setpoint(evidence, asset_id="car", epoch=1, sequence=sequence + 1) is None
        assert await explain_setpoint(evidence, asset_id="nobody") is None
    finally:
        await evidence.close()


async def test_a_node_that_did_something_else_is_named(stored):
    await samples.fetch(stored, "UPDATE reading SET power_kw = 3.0")
    evidence = open_evidence(stored)
    told = await explain_setpoint(evidence, asset_id="grid-battery")
    await evidence.close()

    assert told.followed is False
    assert "+23.00 kW off: the order was not followed" in told.sentences[-1].words
