"""Errors that a user can mend: shown as sentences, exit code 2. Anything else is a fault of ours."""

from __future__ import annotations

from optimizer.problem import ProblemError
from vpp.domain.errors import InvalidValueError
from vpp.node.enrolment import EnrolmentError
from vpp.node.files import NodeFileError
from vpp.node.keys import KeyMakingError
from vpp.ports import ReasoningModelError, StoreError
from vpp.service.errors import ServiceError
from vpp.service.files import FileError
from vpp.service.settings import SettingsError

EXPECTED_ERRORS = (
    EnrolmentError,
    FileError,
    InvalidValueError,
    KeyMakingError,
    NodeFileError,
    ProblemError,
    ReasoningModelError,
    ServiceError,
    SettingsError,
    StoreError,
)
