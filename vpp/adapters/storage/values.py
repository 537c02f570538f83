"""Any frozen value as columns and a JSON header, and back by its type alone.

A record of a cycle must hold everything the cycle knew, also what is added to it next year. So nothing is
listed here: fields are found by their annotations. Arrays become columns under their dotted name, a
sequence of values becomes one column per field, times are microseconds.

    ReadingColumns(soc=...)             -> array "readings.soc"
    (ChargingSession(...), ...)         -> arrays "sessions.connected_from", texts "sessions.asset_id"
    now, epoch, policy.interval         -> header
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from datetime import datetime, timedelta
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

from vpp.adapters.storage.codec import CodecError
from vpp.adapters.storage.narrowing import narrowed, widened
from vpp.domain.readings import MICROSECOND, from_microseconds, to_microseconds

ARRAY, ROWS, COUNT = "array", "rows", "count"
_FIELDS: Final[dict[Any, tuple[tuple[Field[Any], Any], ...]]] = {}
_NUMBERS: Final[dict[Any, Any]] = {float: np.float64, int: np.int64, bool: np.bool_}


@dataclass(slots=True)
class Parts:
    """A value taken apart; `encode` of codec.py takes all three."""

    header: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)
    texts: dict[str, Sequence[str]] = field(default_factory=dict)

    def add(self, name: str, value: object) -> None:
        """Take `value` apart under `name`."""
        self.header[name] = self._taken(name, value)

    def _taken(self, path: str, value: object) -> Any:
        if isinstance(value, np.ndarray):
            self.arrays[path], mark = narrowed(value)
            return mark
        if is_dataclass(value) and not isinstance(value, type):
            return {
                item.name: self._taken(f"{path}.{item.name}", getattr(value, item.name))
                for item in _made(type(value))
            }
        if isinstance(value, tuple | list):
            if value and is_dataclass(value[0]):
                return self._rows(path, value)
            return [self._taken(f"{path}.{place}", one) for place, one in enumerate(value)]
        return _plain(value)

    def _rows(self, path: str, rows: Sequence[Any]) -> dict[str, Any]:
        """Return values of one class as columns; a field that not every row has goes into the header."""
        marks: dict[str, Any] = {}
        for item, kind in _annotated(type(rows[0])):
            place, column = f"{path}.{item.name}", [getattr(row, item.name) for row in rows]
            packer = _column_of(kind)
            if packer is not None:
                self.arrays[place], marks[item.name] = narrowed(packer(column))
            elif _is_text(kind):
                self.texts[place] = [str(_plain(one)) for one in column]
            else:
                marks[item.name] = [self._taken(f"{place}.{row}", one) for row, one in enumerate(column)]
        return {COUNT: len(rows), ROWS: marks}


def put_together(
    kind: Any,
    name: str,
    header: Mapping[str, Any],
    arrays: Mapping[str, NDArray[Any]],
    texts: Mapping[str, Sequence[str]],
) -> Any:
    """Return the value of type `kind` that was added under `name`; raise CodecError where it cannot be."""
    try:
        return _Reader(arrays, texts).value(kind, name, header[name])
    except (KeyError, TypeError, IndexError, ValueError) as error:
        raise CodecError(f"stored {name} is not a {getattr(kind, '__name__', kind)}: {error!r}") from error


@dataclass(slots=True)
class _Reader:
    arrays: Mapping[str, NDArray[Any]]
    texts: Mapping[str, Sequence[str]]

    def value(self, kind: Any, path: str, found: Any) -> Any:
        if found is None:
            return None
        kind = _member(kind, found)
        origin = get_origin(kind) or kind
        if origin is np.ndarray:
            return widened(self.arrays[path], found)
        if is_dataclass(origin) and isinstance(origin, type):
            return self._instance(origin, path, found)
        if isinstance(origin, type) and issubclass(origin, Sequence) and not issubclass(origin, str):
            return self._sequence(origin, get_args(kind), path, found)
        return _read(origin, found)

    def _instance(self, kind: type[Any], path: str, found: Mapping[str, Any]) -> Any:
        """Return a dataclass; a field that was not there when it was stored takes its default."""
        values = {}
        for item, annotation in _annotated(kind):
            if item.name in found:
                values[item.name] = self.value(annotation, f"{path}.{item.name}", found[item.name])
            elif item.default is MISSING and item.default_factory is MISSING:
                raise CodecError(f"stored {path} has no {item.name}, and there is no default for it")
        if unknown := found.keys() - {item.name for item in _made(kind)}:
            raise CodecError(f"stored {path} has {min(unknown)}, which this version does not know")
        return kind(**values)

    def _sequence(self, origin: type[Any], arguments: tuple[Any, ...], path: str, found: Any) -> Any:
        if isinstance(found, dict):
            made: Any = self._rows(arguments[0], path, found)
        else:
            kinds = (
                [arguments[0]] * len(found) if arguments[-1] is Ellipsis or len(arguments) == 1 else arguments
            )
            made = [
                self.value(kind, f"{path}.{place}", one)
                for place, (kind, one) in enumerate(zip(kinds, found, strict=True))
            ]
        return tuple(made) if origin is tuple else made

    def _rows(self, kind: type[Any], path: str, found: Mapping[str, Any]) -> list[Any]:
        columns: dict[str, Sequence[Any]] = {}
        for item, annotation in _annotated(kind):
            place, mark = f"{path}.{item.name}", found[ROWS].get(item.name)
            if _is_text(annotation):
                columns[item.name] = [_read(annotation, one) for one in self.texts[place]]
            elif _column_of(annotation) is not None:
                numbers = widened(self.arrays[place], mark).tolist()
                columns[item.name] = [_read(annotation, one) for one in numbers]
            else:
                columns[item.name] = [
                    self.value(annotation, f"{place}.{row}", one) for row, one in enumerate(mark or ())
                ]
        return [kind(**dict(zip(columns, row, strict=True))) for row in zip(*columns.values(), strict=True)]


def _plain(value: object) -> Any:
    """Return one value as what JSON keeps exactly."""
    if isinstance(value, datetime):
        return to_microseconds(value)
    if isinstance(value, timedelta):
        return value // MICROSECOND
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, bool | int | float | str | Mapping):
        return value
    raise CodecError(f"a {type(value).__name__} cannot be stored")


def _read(kind: Any, found: Any) -> Any:
    if kind is datetime:
        return from_microseconds(found)
    if kind is timedelta:
        return timedelta(microseconds=found)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(found)
    return found


def _column_of(kind: Any) -> Callable[[list[Any]], NDArray[Any]] | None:
    """Return what makes a column of values of this type, None where they are not numbers or times."""
    if kind in _NUMBERS:
        return lambda values: np.array(values, dtype=_NUMBERS[kind])
    if kind in {datetime, timedelta}:
        return lambda values: np.array([_plain(value) for value in values], dtype=np.int64)
    return None


def _is_text(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, str)  # words and enumerations of words


def _member(kind: Any, found: Any) -> Any:
    """Return which type of a union was stored: the only one, or the frozen value that has these fields."""
    if get_origin(kind) not in {Union, UnionType}:
        return kind
    members = [one for one in get_args(kind) if one is not NoneType]
    if len(members) > 1:
        members = [one for one in members if {item.name for item in _made(one)} == set(found)]
    (inner,) = members
    return inner


def _annotated(kind: Any) -> tuple[tuple[Field[Any], Any], ...]:
    """Return the fields of a frozen value with their types, looked up once for each class."""
    if kind not in _FIELDS:
        hints = get_type_hints(kind)
        _FIELDS[kind] = tuple((item, hints[item.name]) for item in _made(kind))
    return _FIELDS[kind]


def _made(kind: Any) -> tuple[Field[Any], ...]:
    return tuple(item for item in fields(kind) if item.init)


def field_types(kind: type[Any]) -> dict[str, Any]:
    """Return the fields of a frozen value with their types."""
    return {item.name: annotation for item, annotation in _annotated(kind)}
