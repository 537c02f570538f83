import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from vpp.rpcgen import operator_pb2 as _operator_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Approval(_message.Message):
    __slots__ = ("approval_id", "subject", "state", "run_id", "approved_run_id", "requested_at", "expires_at", "requester", "persons", "approvers", "rule_ids", "reasons", "verdict", "rung", "standing_rung", "cycle_start", "change_kw", "cost_with", "cost_without", "follows", "detail_json", "portfolio")
    APPROVAL_ID_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    APPROVED_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_AT_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    REQUESTER_FIELD_NUMBER: _ClassVar[int]
    PERSONS_FIELD_NUMBER: _ClassVar[int]
    APPROVERS_FIELD_NUMBER: _ClassVar[int]
    RULE_IDS_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    RUNG_FIELD_NUMBER: _ClassVar[int]
    STANDING_RUNG_FIELD_NUMBER: _ClassVar[int]
    CYCLE_START_FIELD_NUMBER: _ClassVar[int]
    CHANGE_KW_FIELD_NUMBER: _ClassVar[int]
    COST_WITH_FIELD_NUMBER: _ClassVar[int]
    COST_WITHOUT_FIELD_NUMBER: _ClassVar[int]
    FOLLOWS_FIELD_NUMBER: _ClassVar[int]
    DETAIL_JSON_FIELD_NUMBER: _ClassVar[int]
    PORTFOLIO_FIELD_NUMBER: _ClassVar[int]
    approval_id: str
    subject: str
    state: str
    run_id: str
    approved_run_id: str
    requested_at: _timestamp_pb2.Timestamp
    expires_at: _timestamp_pb2.Timestamp
    requester: str
    persons: int
    approvers: _containers.RepeatedScalarFieldContainer[str]
    rule_ids: _containers.RepeatedScalarFieldContainer[str]
    reasons: _containers.RepeatedScalarFieldContainer[str]
    verdict: str
    rung: _operator_pb2.Rung
    standing_rung: _operator_pb2.Rung
    cycle_start: _timestamp_pb2.Timestamp
    change_kw: float
    cost_with: float
    cost_without: float
    follows: str
    detail_json: str
    portfolio: str
    def __init__(self, approval_id: _Optional[str] = ..., subject: _Optional[str] = ..., state: _Optional[str] = ..., run_id: _Optional[str] = ..., approved_run_id: _Optional[str] = ..., requested_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., requester: _Optional[str] = ..., persons: _Optional[int] = ..., approvers: _Optional[_Iterable[str]] = ..., rule_ids: _Optional[_Iterable[str]] = ..., reasons: _Optional[_Iterable[str]] = ..., verdict: _Optional[str] = ..., rung: _Optional[_Union[_operator_pb2.Rung, str]] = ..., standing_rung: _Optional[_Union[_operator_pb2.Rung, str]] = ..., cycle_start: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., change_kw: _Optional[float] = ..., cost_with: _Optional[float] = ..., cost_without: _Optional[float] = ..., follows: _Optional[str] = ..., detail_json: _Optional[str] = ..., portfolio: _Optional[str] = ...) -> None: ...

class ApprovalChange(_message.Message):
    __slots__ = ("asset_id", "feeder_id", "in_force_kw", "standing_kw", "planned_kw")
    ASSET_ID_FIELD_NUMBER: _ClassVar[int]
    FEEDER_ID_FIELD_NUMBER: _ClassVar[int]
    IN_FORCE_KW_FIELD_NUMBER: _ClassVar[int]
    STANDING_KW_FIELD_NUMBER: _ClassVar[int]
    PLANNED_KW_FIELD_NUMBER: _ClassVar[int]
    asset_id: str
    feeder_id: str
    in_force_kw: float
    standing_kw: float
    planned_kw: float
    def __init__(self, asset_id: _Optional[str] = ..., feeder_id: _Optional[str] = ..., in_force_kw: _Optional[float] = ..., standing_kw: _Optional[float] = ..., planned_kw: _Optional[float] = ...) -> None: ...

class ApprovalEvent(_message.Message):
    __slots__ = ("number", "approval_id", "kind", "at", "person", "detail", "run_id")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    APPROVAL_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    PERSON_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    number: int
    approval_id: str
    kind: str
    at: _timestamp_pb2.Timestamp
    person: str
    detail: str
    run_id: str
    def __init__(self, number: _Optional[int] = ..., approval_id: _Optional[str] = ..., kind: _Optional[str] = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., person: _Optional[str] = ..., detail: _Optional[str] = ..., run_id: _Optional[str] = ...) -> None: ...

class ListApprovalsRequest(_message.Message):
    __slots__ = ("waiting", "page_size", "page_token")
    WAITING_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    waiting: bool
    page_size: int
    page_token: str
    def __init__(self, waiting: _Optional[bool] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListApprovalsResponse(_message.Message):
    __slots__ = ("approvals", "next_page_token", "alarms")
    APPROVALS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    ALARMS_FIELD_NUMBER: _ClassVar[int]
    approvals: _containers.RepeatedCompositeFieldContainer[Approval]
    next_page_token: str
    alarms: int
    def __init__(self, approvals: _Optional[_Iterable[_Union[Approval, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., alarms: _Optional[int] = ...) -> None: ...

class GetApprovalRequest(_message.Message):
    __slots__ = ("approval_id",)
    APPROVAL_ID_FIELD_NUMBER: _ClassVar[int]
    approval_id: str
    def __init__(self, approval_id: _Optional[str] = ...) -> None: ...

class GetApprovalResponse(_message.Message):
    __slots__ = ("approval", "changes", "events")
    APPROVAL_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    approval: Approval
    changes: _containers.RepeatedCompositeFieldContainer[ApprovalChange]
    events: _containers.RepeatedCompositeFieldContainer[ApprovalEvent]
    def __init__(self, approval: _Optional[_Union[Approval, _Mapping]] = ..., changes: _Optional[_Iterable[_Union[ApprovalChange, _Mapping]]] = ..., events: _Optional[_Iterable[_Union[ApprovalEvent, _Mapping]]] = ...) -> None: ...

class ApproveRequest(_message.Message):
    __slots__ = ("request_id", "approval_id", "comment")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    APPROVAL_ID_FIELD_NUMBER: _ClassVar[int]
    COMMENT_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    approval_id: str
    comment: str
    def __init__(self, request_id: _Optional[str] = ..., approval_id: _Optional[str] = ..., comment: _Optional[str] = ...) -> None: ...

class ApproveResponse(_message.Message):
    __slots__ = ("approval",)
    APPROVAL_FIELD_NUMBER: _ClassVar[int]
    approval: Approval
    def __init__(self, approval: _Optional[_Union[Approval, _Mapping]] = ...) -> None: ...

class RejectRequest(_message.Message):
    __slots__ = ("request_id", "approval_id", "comment")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    APPROVAL_ID_FIELD_NUMBER: _ClassVar[int]
    COMMENT_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    approval_id: str
    comment: str
    def __init__(self, request_id: _Optional[str] = ..., approval_id: _Optional[str] = ..., comment: _Optional[str] = ...) -> None: ...

class RejectResponse(_message.Message):
    __slots__ = ("approval",)
    APPROVAL_FIELD_NUMBER: _ClassVar[int]
    approval: Approval
    def __init__(self, approval: _Optional[_Union[Approval, _Mapping]] = ...) -> None: ...

class WatchApprovalsRequest(_message.Message):
    __slots__ = ("after", "only_new")
    AFTER_FIELD_NUMBER: _ClassVar[int]
    ONLY_NEW_FIELD_NUMBER: _ClassVar[int]
    after: int
    only_new: bool
    def __init__(self, after: _Optional[int] = ..., only_new: _Optional[bool] = ...) -> None: ...

class WatchApprovalsResponse(_message.Message):
    __slots__ = ("event", "approval", "position")
    EVENT_FIELD_NUMBER: _ClassVar[int]
    APPROVAL_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    event: ApprovalEvent
    approval: Approval
    position: int
    def __init__(self, event: _Optional[_Union[ApprovalEvent, _Mapping]] = ..., approval: _Optional[_Union[Approval, _Mapping]] = ..., position: _Optional[int] = ...) -> None: ...
