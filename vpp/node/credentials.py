"""The certificate by which a node is known, and how it is replaced on disk."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import grpc


class ChannelCredentials(Protocol):
    """What the agent needs to open a connection."""

    def channel_credentials(self) -> grpc.ChannelCredentials:
        """Return what gRPC opens a connection with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeCredentials:
    """PEM texts: the authority that signed the service, the node's certificate and its key."""

    authority: bytes
    certificate: bytes
    private_key: bytes = field(repr=False)

    @classmethod
    def load(cls, directory: Path, name: str) -> NodeCredentials:
        """Read `authority.pem`, `<name>.pem`, `<name>.key`; mends a replacement that was cut off."""
        _mend(directory, name)
        return cls(
            authority=(directory / "authority.pem").read_bytes(),
            certificate=(directory / f"{name}.pem").read_bytes(),
            private_key=(directory / f"{name}.key").read_bytes(),
        )

    def save(self, directory: Path, name: str) -> None:
        """Replace the files of `name`; a crash at any point leaves a pair that `load` can use.

        Both new files are on disk before either takes its place.
        """
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not (directory / "authority.pem").exists():
            write_private(directory / "authority.pem", self.authority, 0o644)
        write_private(directory / f"{name}.key.new", self.private_key)
        write_private(directory / f"{name}.pem.new", self.certificate, 0o644)
        _take_place(directory, name)

    def channel_credentials(self) -> grpc.ChannelCredentials:
        return grpc.ssl_channel_credentials(
            root_certificates=self.authority,
            private_key=self.private_key,
            certificate_chain=self.certificate,
        )


class StoredCredentials:
    """Credentials in a folder: the agent renews them before they expire and stores the new ones there."""

    def __init__(self, directory: Path, name: str) -> None:
        self._directory, self._name = directory, name
        self.current = NodeCredentials.load(directory, name)

    def replace(self, fresh: NodeCredentials) -> None:
        """Take fresh credentials into use; they are on disk when this returns."""
        fresh.save(self._directory, self._name)
        self.current = fresh

    def channel_credentials(self) -> grpc.ChannelCredentials:
        return self.current.channel_credentials()


def _mend(directory: Path, name: str) -> None:
    """Finish a replacement whose both files are there, or whose key has taken its place already."""
    pem, key = directory / f"{name}.pem.new", directory / f"{name}.key.new"
    if pem.exists() and _belong_together(pem, key if key.exists() else directory / f"{name}.key"):
        _take_place(directory, name)
    for leftover in (pem, key):
        leftover.unlink(missing_ok=True)


def _take_place(directory: Path, name: str) -> None:
    for suffix in ("key", "pem"):
        fresh = directory / f"{name}.{suffix}.new"
        if fresh.exists():
            fresh.replace(directory / f"{name}.{suffix}")
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _belong_together(certificate: Path, key: Path) -> bool:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key)
    except (ssl.SSLError, OSError):
        return False
    return True


def write_private(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Write a file that is on disk when this returns, readable by its owner alone unless `mode` says more."""
    path.unlink(missing_ok=True)
    # A key is never readable by others, not even for a moment.
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
