"""Replacing a certificate on disk: cut off at any point, what is there can be used."""

from __future__ import annotations

import contextlib
import os
import stat

import pytest

from vpp.node.credentials import NodeCredentials, StoredCredentials
from vpp.service.certificates import create_authority, issue_node

NAME = "node-home"


@pytest.fixture
def old_and_new(tmp_path):
    folder = tmp_path / "issued"
    create_authority(folder)
    both = []
    for _ in range(2):
        issue_node(folder, "home")
        both.append(NodeCredentials.load(folder, NAME))
    return both


class Crash(BaseException):
    """The power went off."""


@pytest.mark.parametrize("step", range(12))
def test_a_crash_at_any_step_leaves_the_old_pair_or_the_new_one(tmp_path, monkeypatch, old_and_new, step):
    old, new = old_and_new
    folder = tmp_path / "node"
    old.save(folder, NAME)
    left = iter(range(step))

    def crashing(call):
        def called(*arguments, **options):
            if next(left, None) is None:
                raise Crash
            return call(*arguments, **options)

        return called

    with monkeypatch.context() as patched:
        for name in ("fsync", "open"):
            patched.setattr(os, name, crashing(getattr(os, name)))
        for name in ("replace", "unlink"):
            patched.setattr(f"pathlib.Path.{name}", crashing(getattr(type(folder), name)))
        with contextlib.suppress(Crash):
            new.save(folder, NAME)
    found = NodeCredentials.load(folder, NAME)
    assert found in (old, new)
    assert {path.name for path in folder.iterdir()} == {"authority.pem", f"{NAME}.pem", f"{NAME}.key"}


def test_fresh_credentials_are_on_disk_and_private(tmp_path, old_and_new):
    old, new = old_and_new
    old.save(tmp_path / "node", NAME)
    stored = StoredCredentials(tmp_path / "node", NAME)
    stored.replace(new)
    assert stored.current == new
    assert StoredCredentials(tmp_path / "node", NAME).current == new
    assert stat.S_IMODE((tmp_path / "node" / f"{NAME}.key").stat().st_mode) == 0o600
    assert "PRIVATE" not in repr(new)
