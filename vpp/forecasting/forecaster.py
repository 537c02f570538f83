"""Issues load forecasts: the statistical baseline, adjusted by the reasoning model where it may.

Whatever the model does or fails to do, a forecast comes out, and it says what it rests on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from vpp.domain.forecasts import ContextItem, ForecastSource, LoadForecast, ModelCall, ReplyVerdict
from vpp.domain.intervals import IntervalGrid
from vpp.forecasting.adjusting import Advice, apply, multipliers_over
from vpp.forecasting.baseline import BaselineForecast, forecast_baseline
from vpp.forecasting.consultation import Consultation, consult
from vpp.forecasting.contract import COMPACT_STEPS, AdjustmentRequest, Evidence, ReplyRules
from vpp.forecasting.gating import CircuitBreaker, DailyBudget, Flag, Gate, ReplyCache, find_flags
from vpp.forecasting.prompt import BLOCK, PromptStyle, block_count, build_request
from vpp.forecasting.quoting import WITHHELD, pseudonymised, quoted, without_names, without_secrets
from vpp.forecasting.sun import SunSource, pv_with_sun
from vpp.ports import Clock, FeederHistory, ReasoningModel

CHARACTERS_PER_TOKEN = 3  # a cautious estimate, for reserving budget before a call
FULL_STYLE = PromptStyle(rules=ReplyRules())
COMPACT_STYLE = PromptStyle(
    rules=ReplyRules(multiplier_steps=COMPACT_STEPS, maximum_items=1, maximum_reason_characters=40),
    compact=True,
    maximum_evidence=1,
    maximum_evidence_characters=120,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecasterSettings:
    """How forecasts are made and how far the model is used."""

    timezone: str = "Europe/Berlin"
    holidays: frozenset[date] = frozenset()
    style: PromptStyle = FULL_STYLE
    site_facts: str = ""
    withheld_names: frozenset[str] = frozenset()  # casefolded ids of assets and nodes, never sent
    withheld_words: tuple[str, ...] = ()  # names of people and firms that must not be sent
    samples: int = 3
    concurrency: int = 3
    deadline_s: float = 60.0  # seconds on the wall for the whole consultation
    reply_tokens: int = 2000  # at most per reply, chain of thought included
    tokens_per_day: int = 500_000
    cost_per_day: float = 1.0
    failures_to_open: int = 5
    cool_down: timedelta = timedelta(minutes=15)


@dataclass(slots=True)
class _Question:
    """What would be asked at one issue, or why nothing is."""

    flags: list[Flag] = field(default_factory=list)  # everything that is worth a question
    shown: list[Flag] = field(default_factory=list)  # what this request shows
    request: AdjustmentRequest | None = None
    reason: str = ""


class Forecaster:
    """Baseline, gate, consultation, arithmetic. One at a time: `issue` is not to be called concurrently."""

    def __init__(
        self,
        model: ReasoningModel | None,
        *,
        clock: Clock,
        new_forecast_id: Callable[[datetime], str],
        new_call_id: Callable[[datetime], str],
        settings: ForecasterSettings | None = None,
        sun: SunSource | None = None,
    ) -> None:
        self.settings = settings or ForecasterSettings()
        self._sun = sun
        self._model = model
        self._clock = clock
        self._new_forecast_id = new_forecast_id
        self._new_call_id = new_call_id
        self._gate = Gate()
        self._cache = ReplyCache()
        self._budget = DailyBudget(self.settings.tokens_per_day, self.settings.cost_per_day)
        self._breaker = CircuitBreaker(self.settings.failures_to_open, self.settings.cool_down)
        self._advice: list[Advice] = []

    async def issue(
        self, history: FeederHistory, grid: IntervalGrid, context: Sequence[ContextItem], now: datetime
    ) -> tuple[LoadForecast, ModelCall | None]:
        """Return a forecast over `grid` from what was known at `now`, and the model call, if there was one.

        Advice that was accepted earlier stands while its context is valid and nothing new has come up. A
        failed or refused consultation ends all advice: the plain baseline is in force, and everything is
        asked again at the next issue.
        """
        return await self.advise(self.baseline(history, grid, now), context, now)

    def baseline(self, history: FeederHistory, grid: IntervalGrid, now: datetime) -> BaselineForecast:
        """Return the statistical forecast over `grid` from what was known at `now`."""
        baseline = forecast_baseline(
            history, grid, timezone=self.settings.timezone, holidays=self.settings.holidays, issued_at=now
        )
        if self._sun is None:
            return baseline
        past_w_m2, ahead_w_m2 = (self._sun.irradiance_over(one, now) for one in (history.grid, grid))
        pv_kw = pv_with_sun(history.pv_kw, history.grid, past_w_m2, grid, ahead_w_m2, baseline.pv_kw)
        return replace(baseline, pv_kw=pv_kw)

    def plain(self, baseline: BaselineForecast, now: datetime, reason: str) -> LoadForecast:
        """Return the baseline as the forecast, with the reason why nothing else counts; ends all advice."""
        self._advice = []
        return self._forecast(baseline, now, ReplyVerdict.NOT_ASKED, reason, None)

    async def advise(
        self, baseline: BaselineForecast, context: Sequence[ContextItem], now: datetime
    ) -> tuple[LoadForecast, ModelCall | None]:
        """Return `baseline` as the model adjusts it, and the model call, if there was one; see `issue`."""
        try:
            question = self._question(baseline, context, now)
        except Exception as error:  # advice is never worth a forecast
            reason = quoted(f"the question could not be built: {type(error).__name__}: {error}", 200)
            self._advice = []
            return self._forecast(baseline, now, ReplyVerdict.FAILED, reason, None), None
        if question.request is None or self._model is None:
            self._keep_advice(question)
            return self._forecast(baseline, now, ReplyVerdict.NOT_ASKED, question.reason, None), None
        outcome = await consult(
            self._model,
            question.request,
            samples=self.settings.samples,
            concurrency=self.settings.concurrency,
            deadline_s=self.settings.deadline_s,
            cache=self._cache,
        )
        call = self._record(self._model, question.request, outcome, now)
        self._learn(outcome, question, call, baseline, now)
        return self._forecast(baseline, now, outcome.verdict, outcome.reason, call.call_id), call

    def _question(
        self, baseline: BaselineForecast, context: Sequence[ContextItem], now: datetime
    ) -> _Question:
        question = _Question()
        if self._model is None:
            question.reason = "no reasoning model is configured"
            return question
        question.flags = find_flags(
            baseline, context, now=now, timezone=self.settings.timezone, holidays=self.settings.holidays
        )
        new = self._gate.new(question.flags, now=now, reach=_reach(baseline.grid))
        if not new:
            question.reason = "nothing new is flagged" if question.flags else "nothing is flagged"
            return question
        if not self._breaker.allows(now):
            question.reason = "the model failed repeatedly and is left alone for a while"
            return question
        known = [flag for flag in question.flags if flag not in new]
        shown = [*new, *known][: self.settings.style.maximum_evidence]
        request = self._request(baseline, shown)
        if not self._affordable(self._model, request, now):
            question.reason = "the day's budget for the model is used up"
            return question
        question.shown, question.request = shown, request
        return question

    def _request(self, baseline: BaselineForecast, shown: Sequence[Flag]) -> AdjustmentRequest:
        pseudonyms = {name: f"feeder {number}" for number, name in enumerate(baseline.feeder_ids, start=1)}
        grid = baseline.grid
        last = block_count(grid) - 1
        evidence = [
            Evidence(
                evidence_id=f"e{number}",
                text=self._sendable(flag.text, pseudonyms),
                first_block=min(max((flag.start - grid.start) // BLOCK, 0), last),
                last_block=min(max(-((grid.start - flag.end) // BLOCK) - 1, 0), last),
            )
            for number, flag in enumerate(shown, start=1)
        ]
        return build_request(
            baseline,
            evidence,
            style=self.settings.style,
            timezone=self.settings.timezone,
            holidays=self.settings.holidays,
            site_facts=self._sendable(self.settings.site_facts, pseudonyms),
        )

    def _sendable(self, text: str, pseudonyms: dict[str, str]) -> str:
        """Return text as it may leave: folded first, so that no other spelling hides a name."""
        folded = quoted(text, 4 * self.settings.style.maximum_evidence_characters)
        words = dict.fromkeys(self.settings.withheld_words, WITHHELD)
        named = pseudonymised(folded, words | pseudonyms)
        return without_secrets(without_names(named, self.settings.withheld_names))

    def _affordable(self, model: ReasoningModel, request: AdjustmentRequest, now: datetime) -> bool:
        calls = self.settings.samples + 1  # the repair attempt
        prompt_tokens = _estimated_tokens(request) * calls
        reply_tokens = self.settings.reply_tokens * calls
        cost = model.prices.cost(prompt_tokens=prompt_tokens, cached_tokens=0, completion_tokens=reply_tokens)
        return self._budget.allows(tokens=prompt_tokens + reply_tokens, cost=cost, now=now)

    def _record(
        self, model: ReasoningModel, request: AdjustmentRequest, outcome: Consultation, now: datetime
    ) -> ModelCall:
        prompt_tokens = sum(reply.prompt_tokens for reply in outcome.billed)
        cached_tokens = sum(reply.cached_tokens for reply in outcome.billed)
        completion_tokens = sum(reply.completion_tokens for reply in outcome.billed)
        cost = model.prices.cost(
            prompt_tokens=prompt_tokens, cached_tokens=cached_tokens, completion_tokens=completion_tokens
        )
        lost_tokens = _estimated_tokens(request) * outcome.unanswered
        lost_cost = model.prices.cost(prompt_tokens=lost_tokens, cached_tokens=0, completion_tokens=0)
        self._budget.spend(
            tokens=prompt_tokens + completion_tokens + lost_tokens, cost=cost + lost_cost, now=now
        )
        return ModelCall(
            call_id=self._new_call_id(now),
            asked_at=now,
            model=model.name,
            endpoint=model.endpoint,
            prompt=f"{request.system}\n{request.user}\n\nSchema: {json.dumps(request.schema)}",
            replies=tuple(reply.content for reply in outcome.replies),
            reasoning="\n\n".join(reply.reasoning for reply in outcome.replies if reply.reasoning),
            verdict=outcome.verdict,
            reason=outcome.reason,
            prompt_tokens=prompt_tokens,
            completion_tokens=completion_tokens,
            cached_tokens=cached_tokens,
            cost=cost,
            currency=model.prices.currency,
            seconds=outcome.seconds,
        )

    def _learn(
        self,
        outcome: Consultation,
        question: _Question,
        call: ModelCall,
        baseline: BaselineForecast,
        now: datetime,
    ) -> None:
        self._breaker.record(succeeded=outcome.verdict is not ReplyVerdict.FAILED, now=now)
        if outcome.multipliers is None:
            self._advice = []
            self._gate.forget()
            return
        self._gate.remember(question.shown, now=now, reach=_reach(baseline.grid))
        self._keep_advice(question)
        evidence = frozenset(flag.key for flag in question.shown)
        self._advice.append(
            Advice(
                call_id=call.call_id,
                start=baseline.grid.start,
                multipliers=outcome.multipliers,
                evidence=evidence,
            )
        )

    def _keep_advice(self, question: _Question) -> None:
        """Keep advice whose context is still valid and was not asked about again."""
        standing = {flag.key for flag in question.flags} - {flag.key for flag in question.shown}
        self._advice = [one for one in self._advice if one.evidence & standing]

    def _forecast(
        self,
        baseline: BaselineForecast,
        now: datetime,
        verdict: ReplyVerdict,
        reason: str,
        call_id: str | None,
    ) -> LoadForecast:
        multipliers = multipliers_over(self._advice, baseline.grid)
        adjusted = bool((multipliers != 1.0).any())
        low_kw, median_kw, high_kw = apply(baseline, multipliers)
        if adjusted and call_id is None:
            call_id = self._advice[-1].call_id
            reason += "; earlier advice stands"
        return LoadForecast(
            forecast_id=self._new_forecast_id(now),
            feeder_ids=baseline.feeder_ids,
            grid=baseline.grid,
            available_at=max(now, self._clock.now()),
            consumption_p10_kw=low_kw,
            consumption_p50_kw=median_kw,
            consumption_p90_kw=high_kw,
            pv_kw=baseline.pv_kw,
            source=ForecastSource.ADJUSTED if adjusted else ForecastSource.BASELINE,
            verdict=verdict,
            reason=reason,
            model_call_id=call_id,
        )


def _estimated_tokens(request: AdjustmentRequest) -> int:
    return (len(request.system) + len(request.user)) // CHARACTERS_PER_TOKEN


def _reach(grid: IntervalGrid) -> datetime:
    return min(grid.end, grid.start + block_count(grid) * BLOCK)
