"""Seals words under a key for each subject, and forgets them by destroying the key.

A sealed text is `KEY_ID:BASE64(nonce, AES-256-GCM ciphertext)`. The chain hashes that text, so it stays
valid when the key is gone and nobody can read the words any more. The key's id says nothing of the
subject. Source of the method: NIST SP 800-38D; nonces are random, 96 bits.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterable
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from vpp.adapters.storage import tables
from vpp.domain.audit import Sealed

ERASED: Final = "(erased)"
UNREADABLE: Final = "(cannot be decrypted)"
_NONCE_BYTES: Final = 12


async def seal(connection: AsyncConnection, words: Sealed, *, at_us: int) -> str:
    """Return the words encrypted under the key of their subject, which is made where there is none."""
    table = tables.audit_key
    query = select(table.c.key_id, table.c.secret).where(
        table.c.about == words.about, table.c.destroyed_at_us.is_(None)
    )
    row = (await connection.execute(query.limit(1))).one_or_none()
    if row is None:
        key_id, secret = secrets.token_hex(8), AESGCM.generate_key(bit_length=256)
        values = {"key_id": key_id, "about": words.about, "secret": secret, "made_at_us": at_us}
        await connection.execute(insert(table).values(values))
    else:
        key_id, secret = row.key_id, bytes(row.secret)
    nonce = secrets.token_bytes(_NONCE_BYTES)
    content = AESGCM(secret).encrypt(nonce, words.words.encode("utf-8", "replace"), key_id.encode())
    return f"{key_id}:{base64.b64encode(nonce + content).decode()}"


async def open_sealed(connection: AsyncConnection, texts: Iterable[str]) -> dict[str, str]:
    """Return the words of sealed texts: `ERASED` where the key is destroyed."""
    wanted = list(texts)
    table = tables.audit_key
    ids = {text.partition(":")[0] for text in wanted}
    query = select(table.c.key_id, table.c.secret).where(
        table.c.key_id.in_(ids), table.c.destroyed_at_us.is_(None)
    )
    keys = {row.key_id: bytes(row.secret) for row in await connection.execute(query)}
    return {text: _words(text, keys) for text in wanted}


def _words(text: str, keys: dict[str, bytes]) -> str:
    key_id, _, content = text.partition(":")
    secret = keys.get(key_id)
    if secret is None:
        return ERASED
    try:
        raw = base64.b64decode(content, validate=True)
        return AESGCM(secret).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], key_id.encode()).decode("utf-8")
    except (ValueError, InvalidTag):
        return UNREADABLE


async def destroy_keys(connection: AsyncConnection, about: str, *, at_us: int) -> int:
    """Destroy the keys of a subject and return how many there were."""
    table = tables.audit_key
    statement = (
        update(table)
        .where(table.c.about == about, table.c.destroyed_at_us.is_(None))
        .values(about="", secret=b"", destroyed_at_us=at_us)
    )
    return int((await connection.execute(statement)).rowcount)
