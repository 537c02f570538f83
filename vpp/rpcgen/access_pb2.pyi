from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class RevokeTokensRequest(_message.Message):
    __slots__ = ("token_id", "person", "reason")
    TOKEN_ID_FIELD_NUMBER: _ClassVar[int]
    PERSON_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    token_id: str
    person: str
    reason: str
    def __init__(self, token_id: _Optional[str] = ..., person: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class RevokeTokensResponse(_message.Message):
    __slots__ = ("ended_calls",)
    ENDED_CALLS_FIELD_NUMBER: _ClassVar[int]
    ended_calls: int
    def __init__(self, ended_calls: _Optional[int] = ...) -> None: ...
