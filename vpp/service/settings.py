"""Settings: one TOML file, overridden by VPP_ environment variables (VPP_DATABASE__URL=…).

A wrong value stops the start, with its field, what it held and what was expected.
"""

from __future__ import annotations

import tomllib
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from vpp.domain.approvals import ApprovalRule
from vpp.domain.errors import InvalidValueError
from vpp.domain.policy import DispatchPolicy
from vpp.domain.portfolios import Portfolios
from vpp.domain.shadows import Shadow, require_weights
from vpp.service.approval_settings import ApprovalRuleSettings
from vpp.service.model_settings import ModelSettings
from vpp.service.shadow_settings import ShadowSettings, to_shadows


class Section(BaseModel):
    """A table of the file; an unknown key is an error, since it is usually a misspelt one."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DatabaseSettings(Section):
    """Where everything is recorded: sqlite:///FILE or postgresql://USER@HOST/NAME."""

    url: str = "sqlite:///run/vpp.sqlite"
    keep_records_days: int = Field(default=90, ge=1, le=3660)  # of cycles, for replays
    keep_shadows_days: int = Field(default=400, ge=366, le=3660)  # of what shadows came to


class TelemetrySettings(Section):
    """How long readings stay in the database, and where closed days go; days are UTC days."""

    keep_days: int = Field(default=14, ge=10, le=3660)
    archive: Path | None = Path("run/archive")
    upkeep_period_s: float = Field(default=3600.0, gt=0)

    @field_validator("archive", mode="before")
    @classmethod
    def _none_when_empty(cls, value: object) -> object:
        return None if value == "" else value


class AuditSettings(Section):
    """How long records of what happened are kept, days; six months are the least (EU AI Act, Art. 19)."""

    keep_days: int = Field(default=400, ge=184, le=36_600)


class GrpcSettings(Section):
    """Where nodes and operators connect, and the certificates (PEM files) of the service."""

    address: str = Field(default="127.0.0.1:50051", pattern=r"^\S+:\d{1,5}$")
    certificate: Path = Path("run/certificates/server.pem")
    key: Path = Path("run/certificates/server.key")
    authority: Path = Path("run/certificates/authority.pem")
    report_period_s: float = Field(default=30.0, gt=0)
    max_order_age_s: float = Field(default=5.0, gt=0)
    stop_journal: Path | None = None  # stops that hold; beside the certificate when left out

    @property
    def stop_journal_path(self) -> Path:
        """Return the file of the stops that hold over a restart."""
        return self.stop_journal or self.certificate.parent / "stops.jsonl"


class EnrolmentSettings(Section):
    """Where nodes turn one-time tokens into certificates, and the authority that signs these.

    An empty address and no key switch enrolment off; renewals need the key alone. Days of the wall.
    """

    address: str = Field(default="", pattern=r"^(\S+:\d{1,5})?$")
    certificate: Path = Path("run/certificates/authority.pem")
    key: Path | None = None
    validity_days: float = Field(default=90.0, ge=0.001, le=825)


class PortfolioSettings(Section):
    """A named set of feeders: what a caller may be limited to, and what a run may be for."""

    portfolio_id: str
    feeders: tuple[str, ...] = Field(min_length=1, max_length=100_000)


class ScheduleSettings(Section):
    """Runs beside the cycles of each interval; see `vpp.service.schedule_times`. One of cron and every_s."""

    id: str = Field(pattern=r"^[A-Za-z0-9._\-]{1,48}$")
    cron: str = ""
    every_s: float | None = Field(default=None, ge=60.0)
    timezone: str = ""  # that of the forecasts when left out
    days: Literal["all", "workdays", "holidays"] = "all"
    kind: Literal["dispatch", "dry_run"] = "dispatch"
    portfolio: str = ""  # whose assets it is for; empty: everybody's


class AccessSettings(Section):
    """Tokens of people (JWT). Without `keys` an operator's certificate alone may do everything.

    `keys` is a JWK Set with the public keys of whoever issues the tokens; it is read again when it
    changes.
    """

    keys: Path | None = None
    issuer: str = "vpp"
    audience: str = "vpp"
    longest_validity_s: float = Field(default=43_200.0, ge=60.0, le=604_800.0)


class ClockSettings(Section):
    """Plant time faster than the wall, for demonstrations; leave out for live operation."""

    speed: float = Field(default=1.0, gt=0)
    origin_plant: datetime | None = None
    origin_wall: float | None = None


class PolicySettings(Section):
    """See `vpp.domain.policy.DispatchPolicy`; durations in seconds of plant time."""

    interval_s: float = Field(default=900, gt=0)
    horizon_intervals: int = 96
    lead_s: float = 180
    solve_deadline_s: float = Field(default=120, gt=0)
    accepted_gap: float = 0.05
    setpoint_lifetime_s: float = 60
    renewal_period_s: float = Field(default=20, gt=0)
    reading_max_age_s: float = Field(default=900, gt=0)
    peak_price_per_kw: float = Field(default=0.0, ge=0)
    import_limit_kw: float = Field(default=float("inf"), gt=0)
    export_limit_kw: float = Field(default=float("inf"), gt=0)
    feeder_penalty_per_kwh: float = Field(default=20.0, gt=0)
    unmet_energy_penalty_per_kwh: float = Field(default=5.0, gt=0)
    stability_cost_per_kw: float = Field(default=0.0005, ge=0)
    currency: str = Field(default="EUR", pattern=r"^[A-Z]{3}$")
    envelopes_may_widen: bool = False
    tracking_period_s: float = 0.0
    replan_share: float = 0.1

    def to_policy(self) -> DispatchPolicy:
        """Return the domain's value; raises InvalidValueError where the numbers do not fit together."""
        return DispatchPolicy(**_durations(self.model_dump()))

    def changes(self) -> dict[str, Any]:
        """Return the fields of the domain's value that were given, without the defaults."""
        return _durations(self.model_dump(include=self.model_fields_set))


def _durations(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name.removesuffix("_s"): timedelta(seconds=value) if name.endswith("_s") else value
        for name, value in values.items()
    }


class ForecastSettings(Section):
    """How forecasts are issued."""

    timezone: str = "Europe/Berlin"
    holidays: tuple[date, ...] = ()
    history_days: int = Field(default=28, ge=1, le=366)
    horizon_intervals: int = Field(default=192, ge=1, le=4000)
    issue_period_s: float = Field(default=10_800, gt=0)
    check_period_s: float = Field(default=900, gt=0)  # how often new context is looked for
    training_days: int = Field(default=0, ge=0, le=1500)  # history for ridge and LightGBM; 0: similar days
    training_period_s: float = Field(default=21_600, ge=3600)
    expect_stays: bool = False  # plan for cars that come by habit, beside the announced stays
    scenarios: int = Field(default=0, ge=0, le=50)  # planned for instead of the median alone; 0: none
    weights: dict[str, float] = Field(default_factory=dict)  # of forecasters, instead of those learned
    country: str = ""  # whose public holidays count beside `holidays`

    @field_validator("timezone")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("a time zone such as Europe/Berlin") from None
        return name

    @field_validator("weights")
    @classmethod
    def _usable(cls, weights: dict[str, float]) -> dict[str, float]:
        try:
            require_weights(weights)
        except InvalidValueError as error:
            raise ValueError(error.expected) from None
        return weights


class Settings(BaseSettings):
    """The whole file."""

    model_config = SettingsConfigDict(
        env_prefix="VPP_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )

    portfolio: str = "default"
    database: DatabaseSettings = DatabaseSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    audit: AuditSettings = AuditSettings()
    grpc: GrpcSettings = GrpcSettings()
    enrolment: EnrolmentSettings = EnrolmentSettings()
    access: AccessSettings = AccessSettings()
    schedules: tuple[ScheduleSettings, ...] = Field(default=(), max_length=100)
    portfolios: tuple[PortfolioSettings, ...] = Field(default=(), max_length=1_000)
    clock: ClockSettings = ClockSettings()
    policy: PolicySettings = PolicySettings()
    forecast: ForecastSettings = ForecastSettings()
    model: ModelSettings = ModelSettings()
    approvals: tuple[ApprovalRuleSettings, ...] = Field(default=(), max_length=100)
    shadows: tuple[ShadowSettings, ...] = Field(default=(), max_length=8)
    log_file: Path | None = None

    def to_rules(self) -> tuple[ApprovalRule, ...]:
        """Return when people are asked; raises InvalidValueError where a rule makes no sense."""
        rules = tuple(rule.to_rule() for rule in self.approvals)
        names = [rule.rule_id for rule in rules]
        for name in names:
            if names.count(name) > 1:
                raise InvalidValueError("approvals.id", name, "an id that is used once")
        return rules

    def to_shadows(self) -> tuple[Shadow, ...]:
        """Return what plans beside live operation; raises InvalidValueError where it cannot."""
        return to_shadows(self.shadows, self.policy.to_policy())

    def to_portfolios(self) -> Portfolios:
        """Return the domain's value; raises InvalidValueError where portfolios overlap."""
        feeders_of: dict[str, tuple[str, ...]] = {}
        for portfolio in self.portfolios:
            if portfolio.portfolio_id in feeders_of:
                raise InvalidValueError("portfolio_id", portfolio.portfolio_id, "an id that is used once")
            feeders_of[portfolio.portfolio_id] = portfolio.feeders
        return Portfolios(feeders_of)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment override the file, which arrives as init values."""
        return env_settings, init_settings


class SettingsError(Exception):
    """A configuration that cannot be used; `problems` holds one sentence for each wrong value."""

    def __init__(self, source: str, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(f"{source}: {problem}" for problem in problems))


def load_settings(path: Path) -> Settings:
    """Return the settings in `path`, overridden by the environment; raise SettingsError otherwise."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(str(path), ["there is no such file; start from config/default.toml"]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise SettingsError(str(path), [f"not a TOML file: {error}"]) from error
    try:
        settings = Settings(**values)
        settings.policy.to_policy()
        settings.to_portfolios()
        settings.to_rules()
        settings.to_shadows()
    except ValidationError as error:
        raise SettingsError(str(path), [_sentence(dict(detail)) for detail in error.errors()]) from error
    except InvalidValueError as error:
        raise SettingsError(str(path), [_policy_sentence(error)]) from error
    return settings


def _sentence(detail: dict[str, Any]) -> str:
    field = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        return f"{field}: unknown setting; see config/default.toml for the known ones"
    found = "nothing" if detail["type"] == "missing" else repr(detail["input"])
    if detail["type"] == "value_error":
        return f"{field}: got {found}, expected {detail['ctx']['error']}"
    return f"{field}: got {found}, expected: {detail['msg'].lower()}"


def _policy_sentence(error: InvalidValueError) -> str:
    """Name the field and the value as the file does: a duration in seconds."""
    if isinstance(error.value, timedelta):
        seconds = error.value.total_seconds()
        return f"policy.{error.field}_s: got {seconds:g}, expected {error.expected}"
    if error.field.startswith(("approvals.", "shadows.")):
        return str(error)
    section = "portfolios" if error.field in {"portfolio_id", "feeders"} else "policy"
    return f"{section}.{error}"
