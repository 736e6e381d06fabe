from sagwan_embedder.domain.model import Kind, identity
from sagwan_runtime.cores import available_cores


def test_the_order_in_which_files_are_listed_does_not_matter():
    assert identity({"a": "1", "b": "2"}) == identity({"b": "2", "a": "1"})


def test_another_file_or_another_content_is_another_model():
    identities = [identity({"a": "1"}), identity({"a": "2"}), identity({"b": "1"}), identity({"a": "1", "b": "2"})]
    assert len(set(identities)) == len(identities)


def test_a_kind_is_written_as_models_write_it():
    assert [str(kind) for kind in Kind] == ["query", "passage"]


def test_a_container_quota_bounds_the_cores(tmp_path):
    quota = tmp_path / "cpu.max"
    quota.write_text("50000 100000\n")
    assert available_cores(quota) == 1


def test_without_a_quota_the_cores_are_those_of_the_process(tmp_path):
    quota = tmp_path / "cpu.max"
    unlimited = available_cores(tmp_path / "absent")
    quota.write_text("max 100000\n")
    assert available_cores(quota) == unlimited >= 1
