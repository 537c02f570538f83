"""`report.html`: a replay on one page, made from its files alone."""

from vpp.replay.report.page import write_report

__all__ = ["write_report"]
