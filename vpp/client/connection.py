"""Where the service is, and as whom to speak: address, certificates, token."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

import grpc
import grpc.aio

TOKEN_FILE_VARIABLE: Final = "VPP_TOKEN_FILE"  # noqa: S105 - a name, no secret
MAX_MESSAGE_BYTES: Final = 4 * 1024 * 1024

# Every call may be repeated: what changes something carries a request id, and the same id acts once.
_RETRIES: Final = {
    "methodConfig": [
        {
            "name": [{}],
            "retryPolicy": {
                "maxAttempts": 5,
                "initialBackoff": "0.2s",
                "maxBackoff": "3s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ]
}
_OPTIONS: Final = (
    ("grpc.service_config", json.dumps(_RETRIES)),
    ("grpc.enable_retries", 1),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """An address and PEM texts; `token` is asked before every call, and may give nothing."""

    address: str
    authority: bytes
    certificate: bytes = field(repr=False)
    private_key: bytes = field(repr=False)
    token: Callable[[], str] | None = field(default=None, repr=False)

    @classmethod
    def of(
        cls, address: str, *, certificates: str | Path, name: str, token_file: str | Path | None = None
    ) -> Self:
        """Read authority.pem, operator-<name>.pem and .key from a folder.

        The token is in `token_file`, else in the file that VPP_TOKEN_FILE names, else there is none. It
        is read before every call, so that a new one counts at once. Raises OSError.
        """
        folder = Path(certificates)
        found = token_file or os.environ.get(TOKEN_FILE_VARIABLE) or None
        return cls(
            address=address,
            authority=(folder / "authority.pem").read_bytes(),
            certificate=(folder / f"operator-{name}.pem").read_bytes(),
            private_key=(folder / f"operator-{name}.key").read_bytes(),
            token=None if found is None else lambda: Path(found).read_text(encoding="ascii").strip(),
        )

    def open(self) -> grpc.Channel:
        """Return a channel; it connects when something is asked."""
        return grpc.secure_channel(self.address, self._credentials(), options=_OPTIONS)

    def open_async(self) -> grpc.aio.Channel:
        """Return an asyncio channel; it connects when something is asked."""
        return grpc.aio.secure_channel(self.address, self._credentials(), options=_OPTIONS)

    def _credentials(self) -> grpc.ChannelCredentials:
        tls = grpc.ssl_channel_credentials(
            root_certificates=self.authority,
            private_key=self.private_key,
            certificate_chain=self.certificate,
        )
        if self.token is None:
            return tls
        bearer = grpc.metadata_call_credentials(_Bearer(self.token))
        return grpc.composite_channel_credentials(tls, bearer)


class _Bearer(grpc.AuthMetadataPlugin):
    def __init__(self, token: Callable[[], str]) -> None:
        self._token = token

    def __call__(self, context: grpc.AuthMetadataContext, callback: grpc.AuthMetadataPluginCallback) -> None:
        try:
            metadata = (("authorization", f"Bearer {self._token()}"),)
        except (OSError, UnicodeDecodeError) as error:
            callback((), error)
            return
        callback(metadata, None)
