"""Problems and plans as plain files, so that anyone can hold this optimizer against another one."""

from optimizer.files.plans import NotEmptyError, read_certificate, read_schedule, write_plan
from optimizer.files.problems import problem_sha256, read_problem, write_problem

__all__ = [
    "NotEmptyError",
    "problem_sha256",
    "read_certificate",
    "read_problem",
    "read_schedule",
    "write_plan",
    "write_problem",
]
