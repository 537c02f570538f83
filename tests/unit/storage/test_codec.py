from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from vpp.adapters.storage.codec import CodecError, decode, encode

ARRAYS = npst.arrays(
    dtype=st.sampled_from([np.float64, np.int64, np.bool_]),
    shape=npst.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=6),
)
NAMES = st.text(st.characters(categories=["Ll"]), min_size=1, max_size=8)


@settings(deadline=None)  # the machine may be busy
@given(arrays=st.dictionaries(NAMES, ARRAYS, max_size=4))
def test_every_array_comes_back_bit_for_bit(arrays: dict[str, Any]) -> None:
    arrays.pop("header", None)

    found = decode("thing", encode("thing", header={}, arrays=arrays)).arrays

    assert list(found) == list(arrays)
    for name, array in arrays.items():
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)
        assert found[name].tobytes() == array.tobytes()


@settings(deadline=None)  # the machine may be busy
@given(words=st.lists(st.text(), max_size=5))
def test_every_list_of_strings_comes_back(words: list[str]) -> None:
    content = encode("thing", header={}, arrays={}, texts={"words": words})

    assert decode("thing", content).texts == {"words": tuple(words)}


@settings(deadline=None)  # the machine may be busy
@given(
    header=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    )
)
def test_every_header_comes_back(header: Any) -> None:
    assert decode("thing", encode("thing", header={"it": header}, arrays={})).header == {"it": header}


def test_a_header_keeps_what_json_does_not_know() -> None:
    header = {"nan": math.nan, "inf": -math.inf, "words": "\x00 \ud800 ☃", "numpy": np.float64(1.0) / 3.0}

    found = decode("thing", encode("thing", header={**header, "column": np.arange(2)}, arrays={})).header

    assert math.isnan(found["nan"])
    assert (found["inf"], found["words"], found["numpy"]) == (-math.inf, header["words"], 1.0 / 3.0)
    assert found["column"] == [0, 1]


def test_equal_values_give_equal_bytes() -> None:
    values = np.random.default_rng(1).normal(size=(50, 96))

    def content(array: Any, header: dict[str, int]) -> bytes:
        return encode("thing", header=header, arrays={"power_kw": array}, texts={"names": ["a", "b"]})

    reference = content(values, {"a": 1, "b": 2})
    assert content(np.asfortranarray(values), {"b": 2, "a": 1}) == reference
    assert content(values.copy(), {"a": 1, "b": 2}) == reference


def test_an_object_is_small_and_readable_by_any_arrow_reader() -> None:
    resting = np.zeros((1000, 96))

    content = encode("plan", header={"run_id": "run-1"}, arrays={"power_kw": resting})

    assert len(content) < resting.nbytes / 100
    with pa.ipc.open_stream(content) as reader:
        table = reader.read_all()
    assert table.column_names == ["header", "power_kw"]
    assert table.schema.metadata == {b"kind": b"plan", b"version": b"1"}


def test_decoded_arrays_are_read_only() -> None:
    found = decode("thing", encode("thing", header={}, arrays={"x": np.arange(3), "y": np.ones(2, bool)}))

    assert not any(array.flags.writeable for array in found.arrays.values())


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\xff" * 200], ids=["empty", "text", "bytes"])
def test_bytes_that_are_no_object_are_refused(content: bytes) -> None:
    with pytest.raises(CodecError, match="stored plan cannot be read"):
        decode("plan", content)


def test_half_an_object_is_refused() -> None:
    content = encode("plan", header={}, arrays={"power_kw": np.arange(100.0)})

    with pytest.raises(CodecError):
        decode("plan", content[: len(content) // 2])


def test_an_object_of_another_kind_is_refused() -> None:
    content = encode("plan", header={}, arrays={})

    with pytest.raises(CodecError, match="stored object is plan version 1, expected forecast version 1"):
        decode("forecast", content)


def test_what_json_cannot_hold_is_refused_by_type() -> None:
    with pytest.raises(TypeError, match="object cannot be stored in a certificate"):
        encode("plan", header={"certificate": object()}, arrays={})
