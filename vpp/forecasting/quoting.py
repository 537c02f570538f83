"""Foreign text made harmless, so that it can stand in a prompt or on a screen as a quotation."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping

MINIMUM_NAME_CHARACTERS = 2

# Quotes would end the quotation, brackets and bars could pass for the model's own control tokens.
_HARMLESS = str.maketrans(
    {'"': "'", "`": "'", "<": "(", ">": ")", "{": "(", "}": ")", "[": "(", "]": ")", "|": "/"}
)
_QUOTES = str.maketrans(
    dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\u2018\u2019\u201a\u201b\u2039\u203a", "'")
)

REMOVED = "(removed)"
# What looks like a key, a password or an address of a person, by its shape alone.
_SECRETS = re.compile(
    r"\b(?:pass(?:word|wd|phrase)?|pwd|secret|token|(?:api|access|private)[ _-]?key)\b\s*(?:is|[:=])\s*\S+"
    r"|\b\w[\w.+\-]*(?::\S+)?@\w[\w\-]*(?:\.\w+)*"
    r"|(?=[\w+/=\-]*\d)(?=[\w+/=\-]*[A-Za-z])[\w+/=\-]{20,}",
    re.IGNORECASE,
)


def without_secrets(text: str) -> str:
    """Return `text` without what looks like a key, a password or an e-mail address."""
    return _SECRETS.sub(REMOVED, text)


def quoted(text: str, maximum_characters: int) -> str:
    """Return `text` on one line, without control characters, quotes and brackets, cut to the maximum."""
    # Compatibility forms are folded first, or a fullwidth bracket would come back as a bracket.
    folded = unicodedata.normalize("NFKC", text[: 4 * maximum_characters])
    plain = "".join(" " if unicodedata.category(character)[0] in "CZ" else character for character in folded)
    plain = " ".join(plain.translate(_QUOTES).translate(_HARMLESS).split())
    if len(plain) <= maximum_characters:
        return plain
    return plain[: maximum_characters - 3].rstrip() + "..."


_WORD = re.compile(r"[^\s,;!?()'/]+")
WITHHELD = "(a site)"


def without_names(text: str, names: Collection[str]) -> str:
    """Return `text` with each word that is one of `names` (casefolded) replaced; one look-up per word.

    Made for the ids of a whole fleet, which may be the names of customers.
    """

    def replaced(found: re.Match[str]) -> str:
        word = found[0]
        bare = word.rstrip(".:-")
        if word.casefold() in names:
            return WITHHELD
        return WITHHELD + word[len(bare) :] if bare.casefold() in names else word

    return _WORD.sub(replaced, text) if names else text


def pseudonymised(text: str, pseudonyms: Mapping[str, str]) -> str:
    """Return `text` with each name replaced, longest names first, in any letter case."""
    for name in sorted(pseudonyms, key=len, reverse=True):
        if len(name) >= MINIMUM_NAME_CHARACTERS:
            text = re.sub(re.escape(name), pseudonyms[name], text, flags=re.IGNORECASE)
    return text
