import shutil

import pytest

from vpp.service.certificates import create_authority, issue_node, issue_operator, issue_server


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """Return a directory with an authority, a server, nodes and an operator."""
    directory = tmp_path_factory.mktemp("certificates")
    create_authority(directory)
    issue_server(directory, ["localhost", "127.0.0.1"])
    for node_id in ("home", "depot", "meter-f1", "stranger"):
        issue_node(directory, node_id)
    issue_operator(directory, "grid")
    return directory


@pytest.fixture(scope="session")
def foreign_certificates(tmp_path_factory):
    """Return a directory of another authority that issued the same names."""
    directory = tmp_path_factory.mktemp("foreign")
    create_authority(directory)
    issue_node(directory, "home")
    issue_operator(directory, "grid")
    return directory


@pytest.fixture
def identity_database(migrated_sqlite, tmp_path):
    """Return an SQLite file with all tables and no rows."""
    path = tmp_path / "identity.sqlite"
    shutil.copy(migrated_sqlite, path)
    return path
