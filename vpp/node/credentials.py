"""The certificate by which a node is known."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import grpc


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeCredentials:
    """PEM texts: the authority that signed the service, the node's certificate and its key."""

    authority: bytes
    certificate: bytes
    private_key: bytes

    @classmethod
    def load(cls, directory: Path, name: str) -> NodeCredentials:
        """Read `authority.pem`, `<name>.pem` and `<name>.key` from `directory`."""
        return cls(
            authority=(directory / "authority.pem").read_bytes(),
            certificate=(directory / f"{name}.pem").read_bytes(),
            private_key=(directory / f"{name}.key").read_bytes(),
        )

    def channel_credentials(self) -> grpc.ChannelCredentials:
        return grpc.ssl_channel_credentials(
            root_certificates=self.authority,
            private_key=self.private_key,
            certificate_chain=self.certificate,
        )
