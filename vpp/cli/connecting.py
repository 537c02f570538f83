"""What every command that asks a service needs: address, certificates, whose name."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from vpp.client import Client, ClientError, UnavailableError
from vpp.domain.errors import InvalidValueError
from vpp.domain.intervals import require_utc
from vpp.service.errors import ServiceError
from vpp.service.files import FileError

DEFAULT_ADDRESS = "localhost:50051"
DEFAULT_CERTIFICATES = Path("run/certificates")
Address = Annotated[str, typer.Option(help="Where the service listens.")]
Certificates = Annotated[Path, typer.Option(help="Folder with authority.pem and the operator's files.")]
Operator = Annotated[str, typer.Option(help="Whose certificate to use.")]


@contextmanager
def operator_client(address: str, certificates: Path, name: str) -> Iterator[Client]:
    """Give a client, and say in one sentence when the service cannot be asked or refuses."""
    try:
        with Client.connect(address, certificates=certificates, name=name) as client:
            yield client
    except FileNotFoundError as error:
        raise FileError(
            f"{error.filename}: there is no such file; `vpp certificates` creates it, or set --certificates"
        ) from None
    except UnavailableError as error:
        if error.reason:  # the service answers, and says what it lacks
            raise ServiceError(f"{address}: {error}") from None
        remedy = "start it with `vpp serve`, or set --address"
        raise ServiceError(f"no service can be reached at {address}; {remedy}") from None
    except ClientError as error:
        raise ServiceError(f"{address} refused: {error}") from None


def new_request_id() -> str:
    """Return an id that no other call has; the command line is outside the deterministic core."""
    return f"cli-{secrets.token_hex(8)}"


def parse_time(option: str, text: str) -> datetime:
    """Return a time with an offset; raise InvalidValueError."""
    try:
        return require_utc(option, datetime.fromisoformat(text))
    except ValueError:
        raise InvalidValueError(option, text, "a time with an offset, such as 2026-07-01T10:00Z") from None
