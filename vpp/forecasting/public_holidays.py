"""Public holidays by country, from the `holidays` package."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from vpp.domain.errors import InvalidValueError


def public_holidays(country: str, years: Iterable[int]) -> frozenset[date]:
    """Return the public holidays of a country (`DE`) or one of its regions (`DE-BY`); none for "".

    Raises InvalidValueError for a country or region that is not known.
    """
    if not country:
        return frozenset()
    import holidays  # noqa: PLC0415 - only the service's extra installs it

    name, _, region = country.partition("-")
    try:
        found = holidays.country_holidays(name, subdiv=region or None, years=sorted(set(years)))
    except NotImplementedError:
        raise InvalidValueError(
            "country", country, "a country code with or without its region, such as DE or AU-VIC"
        ) from None
    return frozenset(found)
