"""A node's private key and its certificate signing request. The key is made here and stays here.

The base install has no cryptography of its own: the library `cryptography` is used where it is
installed (`pip install 'vpp-dispatch[enrol]'`), else the command `openssl`. A vendor with a secure
element makes key and request there, and hands `Enroller` the request.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

OPENSSL_TIMEOUT_S: Final = 30.0


class KeyMakingError(Exception):
    """No key could be made; the message says what to install."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRequest:
    """A new key (PEM, PKCS #8, never sent) and the signing request for it (DER)."""

    private_key: bytes = field(repr=False)
    signing_request: bytes


def new_key_request(*, use: str = "") -> KeyRequest:
    """Return a new key on the curve P-256 and a request for it that names nobody: the service names.

    `use` forces "cryptography" or "openssl". Raises KeyMakingError when neither can be used.
    """
    if use != "openssl":
        try:
            return _with_cryptography()
        except ImportError:
            if use:
                raise KeyMakingError("the library cryptography is not installed") from None
    return _with_openssl()


def _with_cryptography() -> KeyRequest:
    from cryptography import x509  # noqa: PLC0415 - not part of the base install
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    key = ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    return KeyRequest(
        private_key=key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
        signing_request=request.public_bytes(serialization.Encoding.DER),
    )


def _with_openssl() -> KeyRequest:
    program = shutil.which("openssl")
    if program is None:
        raise KeyMakingError(
            "a key cannot be made: install the command openssl, or `pip install 'vpp-dispatch[enrol]'`"
        )
    with tempfile.TemporaryDirectory() as private:  # readable by its owner alone
        key, request, config = (Path(private) / name for name in ("key.pem", "request.der", "config"))
        config.write_text("[req]\ndistinguished_name = names\nprompt = no\n[names]\n", encoding="ascii")
        _run(program, "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", str(key))
        arguments = ("req", "-new", "-key", str(key), "-subj", "/", "-config", str(config), "-outform", "DER")
        _run(program, *arguments, "-out", str(request))
        return KeyRequest(private_key=key.read_bytes(), signing_request=request.read_bytes())


def _run(*command: str) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=OPENSSL_TIMEOUT_S)
    except (OSError, subprocess.SubprocessError) as error:
        words = getattr(error, "stderr", b"") or b""
        detail = words.decode(errors="replace").strip().splitlines()[-1:] or [str(error)]
        raise KeyMakingError(f"openssl made no key: {detail[0]}") from error
