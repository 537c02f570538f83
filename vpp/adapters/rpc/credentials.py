"""The server's certificate: read from files, and read again when they change, without a restart."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import grpc
import structlog
from cryptography import x509
from cryptography.hazmat.primitives import serialization

_logger = structlog.get_logger(__name__)
RELOAD_PERIOD_S: Final = 5.0  # the files are looked at no more often


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerCredentials:
    """PEM texts: the authority that signs nodes and operators, the server's certificate and key."""

    authority: bytes
    certificate: bytes = field(repr=False)
    private_key: bytes = field(repr=False)

    def current(self) -> ServerCredentials:
        """Return these: texts never change."""
        return self

    def require_usable(self) -> None:
        """Raise ValueError when a text is no PEM, or key and certificate do not belong together."""
        x509.load_pem_x509_certificates(self.authority)
        certificate = x509.load_pem_x509_certificate(self.certificate)
        key = serialization.load_pem_private_key(self.private_key, password=None)
        if key.public_key() != certificate.public_key():
            raise ValueError("the private key does not belong to the certificate")


class CredentialFiles:
    """Credentials in three files. New connections get what is in them now; open ones keep theirs.

    Files that do not fit together, such as while they are being replaced, are not taken.
    """

    def __init__(
        self,
        *,
        authority: Path,
        certificate: Path,
        key: Path,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._paths, self._monotonic = (authority, certificate, key), monotonic
        self._stamp = self._read_stamp()
        self._credentials = self._read()
        self._looked_at_s = monotonic()

    def current(self) -> ServerCredentials:
        """Return what is in force; called before every TLS handshake, from threads of gRPC."""
        now_s = self._monotonic()
        if now_s - self._looked_at_s >= RELOAD_PERIOD_S:
            self._looked_at_s = now_s
            self._look()
        return self._credentials

    def _look(self) -> None:
        try:
            stamp = self._read_stamp()
            if stamp == self._stamp:
                return
            fresh = self._read()
            fresh.require_usable()
        except (OSError, ValueError) as error:
            _logger.warning("the server's certificate was not reloaded", reason=str(error))
            return
        self._stamp, self._credentials = stamp, fresh
        _logger.info("the server's certificate was reloaded", file=str(self._paths[1]))

    def _read_stamp(self) -> tuple[tuple[int, int, int], ...]:
        found = (path.stat() for path in self._paths)
        return tuple((stat.st_mtime_ns, stat.st_ino, stat.st_size) for stat in found)

    def _read(self) -> ServerCredentials:
        authority, certificate, key = (path.read_bytes() for path in self._paths)
        return ServerCredentials(authority=authority, certificate=certificate, private_key=key)


def server_credentials(
    source: ServerCredentials | CredentialFiles, *, client_certificates: bool
) -> grpc.ServerCredentials:
    """Return credentials for a port that ask `source` before every handshake.

    With `client_certificates` a caller must show one that the authority signed; without, none is asked for.
    """
    used: list[ServerCredentials] = [source.current()]

    def configuration(credentials: ServerCredentials) -> grpc.ServerCertificateConfiguration:
        return grpc.ssl_server_certificate_configuration(
            [(credentials.private_key, credentials.certificate)],
            root_certificates=credentials.authority if client_certificates else None,
        )

    def fetch() -> grpc.ServerCertificateConfiguration | None:
        newest = source.current()
        if newest is used[0]:
            return None  # as before
        used[0] = newest
        return configuration(newest)

    return grpc.dynamic_ssl_server_credentials(
        configuration(used[0]),
        fetch,  # type: ignore[arg-type]  # None is allowed, and means no change
        require_client_authentication=client_certificates,
    )
