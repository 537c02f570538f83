"""The one shape of every refusal: field, value, what was expected, what to do."""

from __future__ import annotations


class InvalidValueError(ValueError):
    """A value from outside that cannot be accepted; nothing was changed because of it."""

    def __init__(self, field: str, value: object, expected: str, remedy: str = "") -> None:
        self.field, self.value, self.expected, self.remedy = field, value, expected, remedy
        shown = repr(value)
        if len(shown) > 80:
            shown = shown[:77] + "..."
        super().__init__(f"{field}: got {shown}, expected {expected}" + (f"; {remedy}" if remedy else ""))
