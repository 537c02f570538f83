"""What the core needs from the world. Adapters and fakes implement these; nothing else crosses."""

from vpp.ports.approvals import ApprovalRegister, ComponentVersion
from vpp.ports.audit import AuditFilter, AuditLog, Erasure
from vpp.ports.clock import Clock
from vpp.ports.consent import ConsentRegister
from vpp.ports.errors import StoreError, StoreUnavailableError, WriterLockError
from vpp.ports.forecast_memory import ForecasterPause, ForecastMemory, ForecastRound, ForecastVersion
from vpp.ports.identity import CertificateAuthority, IdentityRegister, IssuedCertificate
from vpp.ports.nodes import NodeLink, SendReport
from vpp.ports.operators import OperatorRegister, OverrideCost, StopRecord, StopTimes, StoredOverride
from vpp.ports.paging import Page
from vpp.ports.reasoning import ModelReply, ReasoningModel, ReasoningModelError
from vpp.ports.records import (
    FeederHistory,
    ReadingDays,
    ReadingPage,
    ReadingUpkeep,
    SetpointTrail,
    StoredSetpoint,
)
from vpp.ports.run_progress import RunProgress
from vpp.ports.signals import RequestReusedError, SignalRegister, SignalSource, TooManySignalsError
from vpp.ports.store import CycleStore, Store

__all__ = [
    "ApprovalRegister",
    "AuditFilter",
    "AuditLog",
    "CertificateAuthority",
    "Clock",
    "ComponentVersion",
    "ConsentRegister",
    "CycleStore",
    "Erasure",
    "FeederHistory",
    "ForecastMemory",
    "ForecastRound",
    "ForecastVersion",
    "ForecasterPause",
    "IdentityRegister",
    "IssuedCertificate",
    "ModelReply",
    "NodeLink",
    "OperatorRegister",
    "OverrideCost",
    "Page",
    "ReadingDays",
    "ReadingPage",
    "ReadingUpkeep",
    "ReasoningModel",
    "ReasoningModelError",
    "RequestReusedError",
    "RunProgress",
    "SendReport",
    "SetpointTrail",
    "SignalRegister",
    "SignalSource",
    "StopRecord",
    "StopTimes",
    "Store",
    "StoreError",
    "StoreUnavailableError",
    "StoredOverride",
    "StoredSetpoint",
    "TooManySignalsError",
    "WriterLockError",
]
