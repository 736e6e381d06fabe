"""Where a client finds its services and its key."""

import json
from pathlib import Path

import pytest

from sagwan_client import ClientSettings


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "var" / "run").mkdir(parents=True)
    return tmp_path


def _settings(home: Path, **environment: str) -> ClientSettings:
    return ClientSettings.from_environment({"SAGWAN_HOME": str(home), **environment})


def test_without_anything_the_default_ports_are_used_and_no_key(home):
    settings = _settings(home)
    assert settings.search_target == "127.0.0.1:50053"
    assert settings.ingest_target == "127.0.0.1:50052"
    assert settings.embedder_target == "127.0.0.1:50051"
    assert settings.api_key == ""


def test_the_key_of_the_local_stack_is_used_unless_the_environment_has_one(home):
    (home / "var" / "api_key").write_text("sgw_local\n")
    assert _settings(home).api_key == "sgw_local"
    assert _settings(home, SAGWAN_API_KEY="sgw_mine").api_key == "sgw_mine"


def test_addresses_of_the_local_stack_are_used_unless_the_environment_has_others(home):
    stack = {"services": {"search": {"address": "127.0.0.1:6001"}}}
    (home / "var" / "run" / "stack.json").write_text(json.dumps(stack))
    assert _settings(home).search_target == "127.0.0.1:6001"
    assert _settings(home).ingest_target == "127.0.0.1:50052"
    assert _settings(home, SAGWAN_SEARCH_TARGET="search:1").search_target == "search:1"


@pytest.mark.parametrize("content", ["", "{", "[]", "null"])
def test_a_stack_file_that_cannot_be_read_is_as_good_as_none(home, content):
    (home / "var" / "run" / "stack.json").write_text(content)
    assert _settings(home).search_target == "127.0.0.1:50053"
