import json
from pathlib import Path

import pytest
from google.protobuf import descriptor_pool, json_format
from google.protobuf.message_factory import GetMessageClass

from sagwan.embedder.v1 import embedder_pb2
from sagwan.search.v1 import search_pb2

CONFIGS = sorted((Path(__file__).resolve().parents[2] / "ghz").glob("*.json"))
FILES = (embedder_pb2.DESCRIPTOR, search_pb2.DESCRIPTOR)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_ghz_config_names_a_method_and_sends_what_it_takes(path):
    config = json.loads(path.read_text(encoding="utf-8"))
    service, _, method = config["call"].partition("/")
    request = GetMessageClass(descriptor_pool.Default().FindServiceByName(service).methods_by_name[method].input_type)
    assert any(service in {s.full_name for s in f.services_by_name.values()} for f in FILES)
    for data in config["data"]:
        assert json_format.ParseDict(data, request()).ByteSize() > 0


def test_both_load_profiles_are_there():
    assert [path.stem for path in CONFIGS] == ["embed", "search"]
