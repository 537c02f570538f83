import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes_reasoning import answer, item
from vpp.domain.forecasts import ReplyVerdict
from vpp.forecasting.contract import (
    COMPACT_STEPS,
    AdjustmentRequest,
    Evidence,
    Judgement,
    ReplyRules,
    judge_reply,
    reply_schema,
)

EVIDENCE = (
    Evidence(evidence_id="e1", text="heat", first_block=1, last_block=5),
    Evidence(evidence_id="e2", text="outage", first_block=8, last_block=9),
)


def request(rules: ReplyRules | None = None) -> AdjustmentRequest:
    rules = rules or ReplyRules()
    return AdjustmentRequest(
        system="system",
        user="user",
        schema=reply_schema(block_count=12, evidence=EVIDENCE, rules=rules),
        rules=rules,
        block_count=12,
        evidence=EVIDENCE,
    )


def judge(text: str, reasoning: str = "", rules: ReplyRules | None = None) -> Judgement:
    return judge_reply(text, reasoning, request(rules))


def test_a_valid_reply_is_accepted():
    judgement = judge(answer(item(), item(evidence_id="e2", start_block=8, end_block=9)))

    assert judgement.verdict is ReplyVerdict.ACCEPTED
    assert [one.start_block for one in judgement.adjustments] == [1, 8]


def test_an_empty_list_is_a_good_answer():
    assert judge(answer()).verdict is ReplyVerdict.EMPTY


@pytest.mark.parametrize(
    ("text", "reasoning"),
    [
        (f"<think>maybe {{}} or 5</think>{answer(item())}", ""),
        (f"```json\n{answer(item())}\n```", ""),
        ("", f"I think it is hot. {answer()} No, wait: {answer(item())}"),
        ("<think>never ended", f"{answer(item())}"),
    ],
    ids=["thinking in content", "fenced", "answer in reasoning", "unfinished thinking"],
)
def test_finds_the_answer_where_servers_put_it(text: str, reasoning: str):
    assert judge(text, reasoning).verdict is ReplyVerdict.ACCEPTED


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no JSON object"),
        ("heat is coming", "no JSON object"),
        ("[1, 2]", "no JSON object"),
        (answer(item())[:-5], "no JSON object"),
        ("[" * 5000 + "{" * 5000, "no JSON object"),
        ("{" * 20_000, "longer than"),
        ('{"adjustments": {}}', "not a list"),
        ('{"adjustments": [1]}', "not an object"),
        ('{"adjustments": [], "note": 1}', "not in the schema"),
        ('{"adjustments": [], "adjustments": []}', "twice"),
        (answer(item()).replace('"cause"', '"cause": "heat", "cause"'), "twice"),
        (answer(item()).replace("1.2", "NaN"), "NaN"),
        (answer(item()).replace("1.2", "Infinity"), "Infinity"),
        (answer(item()).replace("1.2", "1e999"), "not a finite number"),
        (answer(item(multiplier_p90=10**400)), "not a finite number"),
        (answer(item(multiplier_p50=True)), "not a finite number"),
        (answer(item(multiplier_p50="1.1")), "not a finite number"),
        (answer(item(multiplier_p90=1.41)), "outside"),
        (answer(item(multiplier_p10=0.69)), "outside"),
        (answer(item(multiplier_p10=1.15)), "rise"),
        (answer(item(start_block=4)), "before"),
        (answer(item(end_block=12)), "end_block must"),
        (answer(item(start_block=-1)), "start_block must"),
        (answer(item(start_block=1.0)), "start_block must"),
        (answer(item(evidence_id="e3")), "nothing that was sent"),
        (answer(item(evidence_id=["e1"])), "nothing that was sent"),
        (answer(item(start_block=6, end_block=7)), "says nothing about"),
        (answer(item(cause="sabotage")), "cause"),
        (answer(item(cause={})), "cause"),
        (answer(item(reason="x" * 161)), "longer"),
        (answer(item(reason=None)), "not a string"),
        (answer(item(), item(start_block=3)), "adjusted twice"),
        (answer(*[item(start_block=1, end_block=1)] * 7), "at most 6"),
        (answer({key: value for key, value in item().items() if key != "reason"}), "misses reason"),
    ],
)
def test_a_broken_reply_is_refused_with_the_reason(text: str, reason: str):
    judgement = judge(text)

    assert judgement.verdict is ReplyVerdict.REFUSED
    assert judgement.adjustments == ()
    assert re.search(reason, judgement.reason)


def test_steps_are_enforced_where_they_were_asked_for():
    rules = ReplyRules(multiplier_steps=COMPACT_STEPS)

    assert judge(answer(item(multiplier_p90=1.15)), rules=rules).verdict is ReplyVerdict.ACCEPTED
    assert "steps" in judge(answer(item(multiplier_p90=1.2)), rules=rules).reason


def test_words_of_the_model_are_made_harmless():
    judgement = judge(answer(item(reason='<script>"x"</script>\n\u202e{}')))

    assert judgement.adjustments[0].reason == "(script)'x'(/script) ()"


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet='{}[]":,.\\eE+-0123456789 adjustmentsNInf<>/hk', max_size=300), st.text(max_size=50))
def test_never_raises_on_any_text(text: str, reasoning: str):
    assert judge(text, reasoning).verdict in ReplyVerdict


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(item())), JSON_VALUES))
def test_what_is_accepted_obeys_every_rule(changes: dict[str, object]):
    judgement = judge(json.dumps({"adjustments": [item(**changes)]}))

    for one in judgement.adjustments:
        assert 0 <= one.start_block <= one.end_block < 12
        assert 0.7 <= one.multiplier_p10 <= one.multiplier_p50 <= one.multiplier_p90 <= 1.4
        assert one.evidence_id in {"e1", "e2"}


@pytest.mark.parametrize(
    "rules", [ReplyRules(), ReplyRules(multiplier_steps=COMPACT_STEPS)], ids=["full", "compact"]
)
def test_every_string_number_list_and_object_in_the_schema_is_bounded(rules: ReplyRules):
    def walk(node: dict[str, object]) -> None:
        if "enum" in node:
            assert node["enum"]
            return
        for one in node.get("anyOf", []):
            walk(one)
        if "anyOf" in node:
            return
        if node["type"] == "object":
            assert node["additionalProperties"] is False
            assert set(node["required"]) == set(node["properties"])
            for one in node["properties"].values():
                walk(one)
        elif node["type"] == "array":
            assert "maxItems" in node
            walk(node["items"])
        elif node["type"] == "string":
            assert "maxLength" in node
        else:
            assert {"minimum", "maximum"} <= set(node)

    walk(request(rules).schema)
