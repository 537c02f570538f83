"""Tokens of people: which are believed."""

import base64
import json

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey

from vpp.adapters.tokens import MAX_TOKEN_LENGTH, KeyFile, SignedTokens, make_keys, read_keys, sign_token
from vpp.domain.access import Role
from vpp.ports.access import TokenError

NOW = 1_800_000_000
PRIVATE, PUBLIC = make_keys()
CLAIMS = {
    "iss": "vpp",
    "aud": "vpp",
    "sub": "anna",
    "iat": NOW,
    "exp": NOW + 3600,
    "roles": ["operator"],
}


def tokens(now=NOW, public=PUBLIC):
    keys = KeySet.import_key_set(public)
    return SignedTokens(
        lambda: keys, issuer="vpp", audience="vpp", longest_validity_s=43_200, now=lambda: now
    )


def test_a_good_token_names_its_caller():
    said = CLAIMS | {"roles": ["operator", "auditor"], "portfolios": ["north"]}
    caller = tokens().verify(sign_token(PRIVATE, said), certificate_sha256="")
    assert caller.name == "anna"
    assert caller.roles == {Role.OPERATOR, Role.AUDITOR}
    assert caller.portfolios == {"north"}
    assert caller.expires_at.timestamp() == NOW + 3600


def test_without_portfolios_a_token_is_for_all():
    assert tokens().verify(sign_token(PRIVATE, CLAIMS), certificate_sha256="").portfolios is None


WRONG = {
    "of another issuer": ({"iss": "other"}, "iss"),
    "for another audience": ({"aud": ["grid"]}, "aud"),
    "without an audience": ({"aud": None}, "aud"),
    "expired": ({"exp": NOW}, "exp"),
    "of the future": ({"iat": NOW + 120}, "iat"),
    "not valid yet": ({"nbf": NOW + 120}, "nbf"),
    "for too long": ({"exp": NOW + 43_201}, "exp"),
    "without an end": ({"exp": None}, "exp"),
    "with an end that is no number": ({"exp": True}, "exp"),
    "without roles": ({"roles": []}, "roles"),
    "with a role nobody knows": ({"roles": ["root"]}, "roles"),
    "with a role beside a list": ({"roles": "operator"}, "roles"),
    "without a name": ({"sub": ""}, "sub"),
    "with a name that is none": ({"sub": "a\nb"}, "sub"),
    "for no portfolio": ({"portfolios": []}, "portfolios"),
    "with portfolios that are no list": ({"portfolios": "north"}, "portfolios"),
    "bound to nothing": ({"cnf": {}}, "cnf"),
    "bound to another certificate": ({"cnf": {"x5t#S256": "other"}}, "cnf"),
}


@pytest.mark.parametrize(("change", "field"), WRONG.values(), ids=WRONG)
def test_a_wrong_token_is_refused_by_its_field(change, field):
    with pytest.raises(TokenError, match=field):
        tokens().verify(sign_token(PRIVATE, CLAIMS | change), certificate_sha256="mine")


def test_a_token_bound_to_the_certificate_is_good():
    said = CLAIMS | {"cnf": {"x5t#S256": "mine"}}
    assert tokens().verify(sign_token(PRIVATE, said), certificate_sha256="mine").name == "anna"


def test_a_token_ends_although_its_signature_was_checked_before():
    now = [NOW]
    keys = KeySet.import_key_set(PUBLIC)
    checked = SignedTokens(
        lambda: keys, issuer="vpp", audience="vpp", longest_validity_s=43_200, now=lambda: now[0]
    )
    token = sign_token(PRIVATE, CLAIMS)
    checked.verify(token, certificate_sha256="")
    now[0] += 3600
    with pytest.raises(TokenError, match="exp"):
        checked.verify(token, certificate_sha256="")


def altered(token, place):
    """Return the token with one character of its payload or signature changed."""
    parts = token.split(".")
    middle = len(parts[place]) // 2
    other = "A" if parts[place][middle] != "A" else "B"
    parts[place] = parts[place][:middle] + other + parts[place][middle + 1 :]
    return ".".join(parts)


def unsigned():
    """Return a token that says it needs no signature."""
    encode = lambda value: base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()  # noqa: E731
    return f"{encode({'alg': 'none'})}.{encode(CLAIMS)}."


FORGED = {
    "altered payload": lambda: altered(sign_token(PRIVATE, CLAIMS), 1),
    "altered signature": lambda: altered(sign_token(PRIVATE, CLAIMS), 2),
    "another key": lambda: sign_token(make_keys()[0], CLAIMS),
    "another key under the known name": lambda: sign_token(make_keys()[0] | {"kid": PRIVATE["kid"]}, CLAIMS),
    "no signature": unsigned,
    "nothing": lambda: "",
    "no token": lambda: "Basic abc",
    "too long": lambda: "a" * (MAX_TOKEN_LENGTH + 1),
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
def test_a_forged_token_is_refused(forge):
    with pytest.raises(TokenError):
        tokens().verify(forge(), certificate_sha256="")


def test_the_public_key_does_not_sign_as_a_shared_secret():
    secret = OctKey.import_key(json.dumps(PUBLIC["keys"][0]))
    token = jwt.encode({"alg": "HS256", "kid": PRIVATE["kid"]}, dict(CLAIMS), secret)
    with pytest.raises(TokenError):
        tokens().verify(token, certificate_sha256="")


def test_keys_that_are_replaced_count_at_once_and_old_tokens_end(tmp_path):
    path, now = tmp_path / "keys.json", [0.0]
    path.write_text(json.dumps(PUBLIC))
    keys = KeyFile(path, monotonic=lambda: now[0])
    believed = SignedTokens(
        keys.current, issuer="vpp", audience="vpp", longest_validity_s=43_200, now=lambda: NOW
    )
    token = sign_token(PRIVATE, CLAIMS)
    believed.verify(token, certificate_sha256="")
    other_private, other_public = make_keys()
    path.write_text(json.dumps(other_public) + "\n")
    now[0] += 10
    with pytest.raises(TokenError):
        believed.verify(token, certificate_sha256="")
    assert believed.verify(sign_token(other_private, CLAIMS), certificate_sha256="").name == "anna"


def test_keys_that_cannot_be_read_leave_the_old_ones(tmp_path):
    path, now = tmp_path / "keys.json", [0.0]
    path.write_text(json.dumps(PUBLIC))
    keys = KeyFile(path, monotonic=lambda: now[0])
    before = keys.current()
    path.write_text("{half")
    now[0] += 10
    assert keys.current() is before


SECRETS = {
    "nothing": "",
    "no key": json.dumps({"keys": []}),
    "a shared secret": json.dumps({"keys": [{"kty": "oct", "k": "c2VjcmV0c2VjcmV0c2VjcmV0"}]}),
}


@pytest.mark.parametrize("text", SECRETS.values(), ids=SECRETS)
def test_a_file_without_public_keys_is_refused(tmp_path, text):
    path = tmp_path / "keys.json"
    path.write_text(text)
    with pytest.raises(TokenError):
        read_keys(path)
