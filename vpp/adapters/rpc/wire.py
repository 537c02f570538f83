"""What a node says, parsed as cheaply as it can be: columns of readings are never lists.

A packed column of fixed-width numbers is one piece of little-endian memory on the wire, just as a
field of type `bytes`. A twin of the messages, made from the very same descriptor with the columns of
ReadingBatch as `bytes`, reads the same message, and numpy reads the bytes: 14 microseconds for 1,000
readings against 32. A message that the twin cannot read right (columns that are not packed are legal)
has columns of different length there, and is parsed in the public way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message
from numpy.typing import NDArray

from vpp.domain.errors import InvalidValueError
from vpp.rpcgen import fleet_pb2 as pb

_TWIN_PACKAGE: Final = "vpp.twin.v1"
_COLUMNS: Final = {"slot": "<u4", "offset_ms": "<u4", "soc": "<f4", "power_kw": "<f4", "connected": "?"}
# A NodeMessage that holds one ReadingBatch begins with this byte: field 3, length-delimited.
_BATCH_TAG: Final = (pb.NodeMessage.READING_BATCH_FIELD_NUMBER << 3) | 2


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchColumns:
    """A ReadingBatch as arrays of one length; numbers as they were sent, nothing judged yet."""

    slot: NDArray[np.uint32]
    offset_ms: NDArray[np.uint32]
    soc: NDArray[np.float32]
    power_kw: NDArray[np.float32]
    connected: NDArray[np.bool_]
    base_time: timestamp_pb2.Timestamp
    reading_number: int


def _twin_of_node_message() -> Any:
    """Return the class of the twin of NodeMessage."""
    file = descriptor_pb2.FileDescriptorProto()
    pb.DESCRIPTOR.CopyToProto(file)
    file.name, file.package = "vpp/twin/v1/fleet.proto", _TWIN_PACKAGE
    file.ClearField("service")
    ours, theirs = f".{pb.DESCRIPTOR.package}.", f".{_TWIN_PACKAGE}."
    for message in file.message_type:
        for item in message.field:
            if item.type_name.startswith(ours):
                item.type_name = theirs + item.type_name.removeprefix(ours)
            if message.name == "ReadingBatch" and item.name in _COLUMNS:
                item.type = descriptor_pb2.FieldDescriptorProto.TYPE_BYTES
                item.label = descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(timestamp_pb2.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_TWIN_PACKAGE}.NodeMessage"))


TwinNodeMessage: Final = _twin_of_node_message()


def parse(raw: bytes) -> pb.NodeMessage | BatchColumns:
    """Return what a node said; raise InvalidValueError when it is no NodeMessage at all."""
    try:
        if raw[:1] == bytes((_BATCH_TAG,)) and (columns := _columns(raw)) is not None:
            return columns
        return pb.NodeMessage.FromString(raw)
    except DecodeError as error:
        raise InvalidValueError("message", f"{len(raw)} bytes", "a NodeMessage") from error


def _columns(raw: bytes) -> BatchColumns | None:
    """Return a batch by way of the twin, None where the public message must be asked."""
    message = TwinNodeMessage.FromString(raw)
    if message.WhichOneof("message") != "reading_batch":
        return None
    batch = message.reading_batch
    slot, offset_ms, connected = batch.slot, batch.offset_ms, batch.connected
    soc, power_kw = batch.soc, batch.power_kw
    count = len(connected)
    if not count or not 4 * count == len(slot) == len(offset_ms) == len(soc) == len(power_kw):
        return None
    return BatchColumns(
        slot=np.frombuffer(slot, "<u4"),
        offset_ms=np.frombuffer(offset_ms, "<u4"),
        soc=np.frombuffer(soc, "<f4"),
        power_kw=np.frombuffer(power_kw, "<f4"),
        connected=np.frombuffer(connected, np.uint8) != 0,
        base_time=batch.base_time,
        reading_number=batch.reading_number,
    )


FIXED: Final = {
    FieldDescriptor.TYPE_FIXED32: "<u4",
    FieldDescriptor.TYPE_FIXED64: "<u8",
    FieldDescriptor.TYPE_DOUBLE: "<f8",
    FieldDescriptor.TYPE_FLOAT: "<f4",
}


def packed(message: type[Message], columns: Mapping[str, NDArray[Any]]) -> bytes:
    """Return columns of fixed-width numbers as they lie on the wire, to be merged into a message.

    For 1,000 orders of five columns this takes 15 microseconds where lists take 300.
    """
    pieces: list[bytes] = []
    for name, column in columns.items():
        field = message.DESCRIPTOR.fields_by_name[name]
        data = column.astype(FIXED[field.type]).tobytes()
        pieces += (varint(field.number << 3 | 2), varint(len(data)), data)
    return b"".join(pieces)


def varint(number: int) -> bytes:
    """Return a number in base 128, lowest group first (protobuf's encoding of lengths and tags)."""
    groups = bytearray()
    while number > 0x7F:
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    groups.append(number)
    return bytes(groups)
