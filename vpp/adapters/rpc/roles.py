"""Who may call what: one line for each RPC. What has no line is closed, and a test finds it.

Adding an RPC takes a line here. `scoped` says that its handler looks at `access.scope()`; a caller
who is limited to some portfolios is refused everywhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from vpp.domain.access import ALL_ROLES, Role


class Pace(Enum):
    """How often one caller may do it; see `limits`."""

    READ = auto()
    WRITE = auto()
    FREE = auto()  # what stops something is never held up


@dataclass(frozen=True, slots=True)
class Rule:
    """What a person needs for one RPC."""

    roles: frozenset[Role]
    pace: Pace
    scoped: bool = False


def _look(*, scoped: bool = False) -> Rule:
    return Rule(ALL_ROLES, Pace.READ, scoped)


def _order(*, scoped: bool = False) -> Rule:
    return Rule(frozenset({Role.OPERATOR}), Pace.WRITE, scoped)


_PREPARE: Final = Rule(frozenset({Role.ENGINEER, Role.OPERATOR}), Pace.WRITE)
_AUDIT: Final = Rule(frozenset({Role.AUDITOR}), Pace.READ)
_STOP: Final = Rule(frozenset({Role.OPERATOR}), Pace.FREE, scoped=True)

_PREPARE_OWN: Final = Rule(frozenset({Role.OPERATOR, Role.ENGINEER}), Pace.WRITE, scoped=True)

PEOPLE: Final[Mapping[str, Rule]] = {
    "/vpp.v1.OperatorService/GetFleetState": _look(scoped=True),
    "/vpp.v1.OperatorService/SummarizeFleet": _look(scoped=True),
    "/vpp.v1.OperatorService/WatchFleet": _look(scoped=True),
    "/vpp.v1.OperatorService/ListRuns": _look(scoped=True),
    "/vpp.v1.OperatorService/GetRun": _look(scoped=True),
    "/vpp.v1.OperatorService/GetPlan": _look(scoped=True),
    "/vpp.v1.OperatorService/ListSetpoints": _look(scoped=True),
    "/vpp.v1.OperatorService/ListForecasts": _look(scoped=True),
    "/vpp.v1.OperatorService/GetTrail": _look(scoped=True),
    "/vpp.v1.OperatorService/PutSignals": _order(scoped=True),
    "/vpp.v1.OperatorService/WithdrawSignal": _order(scoped=True),
    "/vpp.v1.OperatorService/OptOut": _order(scoped=True),
    "/vpp.v1.OperatorService/ListSignals": _look(scoped=True),
    "/vpp.v1.DispatchService/Stop": _STOP,
    "/vpp.v1.DispatchService/Release": _order(scoped=True),
    "/vpp.v1.DispatchService/TriggerRun": _order(scoped=True),
    "/vpp.v1.DispatchService/WatchRun": _look(scoped=True),
    "/vpp.v1.DispatchService/DryRun": _PREPARE_OWN,
    "/vpp.v1.DispatchService/WhatIf": _PREPARE_OWN,
    "/vpp.v1.DispatchService/SetOverride": _order(scoped=True),
    "/vpp.v1.DispatchService/ClearOverride": _order(scoped=True),
    "/vpp.v1.DispatchService/ListOverrides": _look(scoped=True),
    "/vpp.v1.DispatchService/ListStops": _look(scoped=True),
    "/vpp.v1.ForecastService/AddContextItem": _order(),
    "/vpp.v1.ForecastService/ListContextItems": _look(),
    "/vpp.v1.ForecastService/ExplainForecast": _look(),
    "/vpp.v1.ApprovalService/ListApprovals": _look(scoped=True),
    "/vpp.v1.ApprovalService/GetApproval": _look(scoped=True),
    "/vpp.v1.ApprovalService/Approve": _order(scoped=True),
    "/vpp.v1.ApprovalService/Reject": _order(scoped=True),
    "/vpp.v1.ApprovalService/WatchApprovals": _look(scoped=True),
    "/vpp.v1.ShadowService/ListShadows": _look(),
    "/vpp.v1.ShadowService/ListShadowCycles": _look(),
    "/vpp.v1.ShadowService/ReportShadow": _look(),
    "/vpp.v1.ShadowService/ProposePromotion": _PREPARE,
    "/vpp.v1.ShadowService/RevertPromotion": _PREPARE,
    "/vpp.v1.ShadowService/ListPromotions": _look(),
    "/vpp.v1.AuditService/ListRecords": _AUDIT,
    "/vpp.v1.AuditService/GetHead": _AUDIT,
    "/vpp.v1.AuditService/VerifyRange": _AUDIT,
    "/vpp.v1.AuditService/ExplainSetpoint": _look(scoped=True),
    "/vpp.v1.AccessService/RevokeTokens": _order(),
    "/vpp.v1.ScheduleService/ListSchedules": _look(scoped=True),
    "/vpp.v1.ScheduleService/ListFirings": _look(scoped=True),
    "/vpp.v1.ScheduleService/PauseSchedule": _PREPARE_OWN,
    "/vpp.v1.ScheduleService/ResumeSchedule": _PREPARE_OWN,
    "/vpp.v1.SettlementService/SettleEvent": _look(scoped=True),
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": _look(scoped=True),
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo": _look(scoped=True),
}

NODES: Final = frozenset(
    {
        "/vpp.v1.FleetService/Session",
        "/vpp.v1.IdentityService/DescribeCertificate",
        "/vpp.v1.IdentityService/Renew",
    }
)

# Whoever shows a certificate may ask whether the service is well.
ANYBODY: Final = frozenset(
    {"/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch", "/grpc.health.v1.Health/List"}
)
