"""Folder, ports and database names of a local stack."""

import os
import socket
from pathlib import Path

import pytest

from sagwan_client.errors import StackError
from sagwan_client.local.ports import endpoint_of
from sagwan_client.local.schema import owner_dsn, without_password
from sagwan_client.local.state import StateFolder, tail


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    return StateFolder(tmp_path / "var")


def test_a_key_is_kept_for_its_owner_only(state):
    state.root.mkdir()
    assert state.read_key() == ""
    state.write_key("sgw_1")
    state.write_key("sgw_2")
    assert state.read_key() == "sgw_2"
    assert state.key_file.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in state.root.iterdir()] == ["api_key"]


def test_only_one_stack_uses_a_folder_at_a_time(state):
    with state.locked(), pytest.raises(StackError, match=f"process {os.getpid()}"), state.locked():
        pytest.fail("the folder is held")
    with state.locked():
        pass


def test_a_log_is_told_by_its_last_lines(tmp_path):
    log = tmp_path / "log"
    assert tail(log) == ""
    log.write_bytes(b"".join(b"line %d\n" % number for number in range(10_000)) + b"\xff")
    lines = tail(log).splitlines()
    assert len(lines) == 20
    assert lines[-2:] == ["line 9999", "\N{REPLACEMENT CHARACTER}"]


def test_ports_come_from_the_settings_of_the_service():
    environment = {"SAGWAN_SEARCH_HOST": "0.0.0.0", "SAGWAN_SEARCH_PORT": "0", "SAGWAN_SEARCH_METRICS_PORT": "0"}
    endpoint = endpoint_of("search", environment, port=1, metrics_port=1)
    assert endpoint.host == "0.0.0.0"
    assert endpoint.address == f"127.0.0.1:{endpoint.port}"
    assert 0 not in {endpoint.port, endpoint.metrics_port}


def test_a_port_in_use_is_named_with_the_setting_that_changes_it():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StackError, match=rf"port {port} .*SAGWAN_SEARCH_PORT"):
            endpoint_of("search", {"SAGWAN_SEARCH_PORT": str(port)}, port=1, metrics_port=0)


@pytest.mark.parametrize("given", ["no", "-1", "70000"])
def test_a_port_that_is_none_is_refused(given):
    with pytest.raises(StackError, match="is not a port"):
        endpoint_of("search", {"SAGWAN_SEARCH_PORT": given}, port=1, metrics_port=0)


@pytest.mark.parametrize(
    ("dsn", "shown"),
    [
        ("postgresql://ann:secret@db:5432/s", "postgresql://ann@db:5432/s"),
        ("postgresql://ann@/s?host=/run&password=secret", "postgresql://ann@/s?host=/run"),
        ("postgres://db/s", "postgres://db/s"),
        ("host=db password=secret", "the given URL"),
        ("postgresql://[secret", "the given URL"),
    ],
)
def test_no_password_is_shown(dsn, shown):
    assert without_password(dsn) == shown


def test_the_owner_connects_where_the_environment_or_the_local_stack_says(state):
    home = state.root.parent
    with pytest.raises(StackError, match="SAGWAN_DATABASE_URL"):
        owner_dsn(home, {})
    state.run.mkdir(parents=True)
    state.write_stack({"database": {"kind": "embedded", "dsn": "postgresql://here"}})
    assert owner_dsn(home, {}) == "postgresql://here"
    assert owner_dsn(home, {"SAGWAN_DATABASE_URL": "a"}) == "a"
    assert owner_dsn(home, {"SAGWAN_DATABASE_URL": "a", "SAGWAN_DATABASE_OWNER_URL": "b"}) == "b"
    state.write_stack({"database": {"kind": "external", "dsn": "postgresql://there"}})
    with pytest.raises(StackError):
        owner_dsn(home, {})
    state.forget_stack()
    state.forget_stack()
