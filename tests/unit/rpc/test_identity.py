import grpc
import pytest

from vpp.adapters.rpc.errors import CallRefusedError
from vpp.adapters.rpc.identity import Identity, Kind, identify, metered_feeder

CASES = {
    "node": ([b"urn:vpp:node:home-1"], Identity(Kind.NODE, "home-1")),
    "operator": ([b"urn:vpp:operator:grid"], Identity(Kind.OPERATOR, "grid")),
    "beside a stranger": ([b"spiffe://x/y", b"urn:vpp:node:n"], Identity(Kind.NODE, "n")),
}
NOBODY = {
    "nothing": [],
    "another scheme": [b"spiffe://x/y"],
    "another role": [b"urn:vpp:root:x"],
    "no name": [b"urn:vpp:node:"],
    "a name with a blank": [b"urn:vpp:node:a b"],
    "too long a name": [b"urn:vpp:node:" + b"a" * 65],
    "more behind the name": [b"urn:vpp:node:a\n"],
    "two names": [b"urn:vpp:node:a", b"urn:vpp:operator:b"],
    "no text": [b"\xff\xfe"],
}


@pytest.mark.parametrize(("names", "identity"), CASES.values(), ids=CASES)
def test_a_caller_is_named_by_the_certificate(names, identity):
    assert identify({"peer_uri": names}) == identity


@pytest.mark.parametrize("names", NOBODY.values(), ids=NOBODY)
def test_whoever_is_not_named_exactly_once_is_nobody(names):
    with pytest.raises(CallRefusedError, match="urn:vpp:node:<node_id>") as refused:
        identify({"peer_uri": names, "x509_common_name": [b"urn:vpp:node:a"]})
    assert refused.value.code is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize(("node_id", "feeder"), [("meter-f1", "f1"), ("home", ""), ("meter-", "")])
def test_a_meter_is_known_by_its_name(node_id, feeder):
    assert metered_feeder(node_id) == feeder
