"""What the doctor says of people's access."""

import json

import pytest

from vpp.adapters.tokens import make_keys
from vpp.service.doctor import _people
from vpp.service.settings import Settings


@pytest.mark.parametrize(
    ("address", "good"),
    [("127.0.0.1:50051", True), ("[::1]:50051", True), ("0.0.0.0:50051", False), ("vpp.example:443", False)],
)
def test_without_tokens_a_service_should_not_be_open_to_others(address, good):
    finding = _people(Settings(grpc={"address": address}))
    assert finding.good is good
    assert good or "access.keys" in finding.sentence


def test_keys_that_can_be_read_are_counted(tmp_path):
    path = tmp_path / "public.jwks"
    path.write_text(json.dumps(make_keys()[1]))
    finding = _people(Settings(access={"keys": path}))
    assert finding.good
    assert "1 public keys" in finding.sentence


def test_keys_that_cannot_be_read_are_named(tmp_path):
    finding = _people(Settings(access={"keys": tmp_path / "none.jwks"}))
    assert not finding.good
    assert "none.jwks" in finding.sentence
