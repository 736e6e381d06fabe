import json
import re
from pathlib import Path

import pytest
import yaml

DEPLOY = Path(__file__).resolve().parents[2]
ROOT = DEPLOY.parent
SERVICES = ("embedder", "ingest", "search")
IMAGES = (*SERVICES, "migrate")
COMPOSE_TEXT = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load(COMPOSE_TEXT)


def instructions(image):
    """A Dockerfile's instructions as (name, arguments), continued lines joined."""
    text = (DEPLOY / f"docker/{image}.Dockerfile").read_text(encoding="utf-8")
    text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    return [tuple(line.split(maxsplit=1)) for line in text.splitlines() if line.strip()]


def final_stage(image):
    found = instructions(image)
    last = max(index for index, (name, _) in enumerate(found) if name == "FROM")
    return dict(found[last:]), found[last:]


@pytest.mark.parametrize("image", IMAGES)
def test_everything_that_an_image_copies_from_the_repository_is_there(image):
    for name, arguments in instructions(image):
        if name == "COPY" and "--from=" not in arguments:
            *sources, _ = arguments.split()
            missing = [source for source in sources if not (ROOT / source).exists()]
            assert not missing


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_runs_as_nobody_in_particular_and_gets_signals_itself(image):
    last, _ = final_stage(image)
    assert last["USER"] == "10001:10001"
    assert last["STOPSIGNAL"] == "SIGTERM"
    for name in ("CMD", "ENTRYPOINT"):
        if name in last:
            assert all(isinstance(part, str) for part in json.loads(last[name]))
    assert "CMD" in last


@pytest.mark.parametrize("image", IMAGES)
def test_every_installation_is_hash_locked_or_from_wheels_made_of_what_was(image):
    commands = [arguments for name, arguments in instructions(image) if name == "RUN"]
    steps = [step for command in commands for step in command.split("&&")]
    for step in steps:
        if re.search(r"\bpip\b.*\b(install|wheel)\b", step):
            assert "--require-hashes" in step or "--no-deps" in step
            assert "--no-deps" not in step or "--no-index" in step or "--no-build-isolation" in step


@pytest.mark.parametrize("image", IMAGES)
def test_the_last_stage_installs_nothing(image):
    _, last = final_stage(image)
    assert not any("pip" in arguments for name, arguments in last if name == "RUN")


def test_the_embedder_s_last_stage_takes_the_model_and_not_what_built_it():
    _, last = final_stage("embedder")
    copied = [arguments for name, arguments in last if name == "COPY"]
    assert copied == ["--from=model /model /model", "--from=environment /opt/sagwan /opt/sagwan"]


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_s_image_asks_its_own_health_service(service):
    last, _ = final_stage(service)
    port, _ = last["EXPOSE"].split()
    probe = json.loads(last["HEALTHCHECK"].partition("CMD ")[2])
    assert probe[1:] == [
        "-m",
        "sagwan_runtime.probe",
        f"127.0.0.1:{port}",
        f"sagwan.{service}.v1.{service.capitalize()}Service",
    ]


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_held_to_its_memory_target_on_a_read_only_disk(service):
    running = COMPOSE["services"][service]
    assert running["mem_limit"] == running["memswap_limit"] == "500000000b"
    assert running["read_only"] is True
    assert running["cap_drop"] == ["ALL"]


@pytest.mark.parametrize("service", ["ingest", "search"])
def test_what_needs_the_schema_waits_for_the_migrations(service):
    waits = COMPOSE["services"][service]["depends_on"]
    assert waits["migrate"]["condition"] == "service_completed_successfully"
    assert waits["embedder"]["condition"] == "service_healthy"
    assert COMPOSE["services"]["migrate"]["depends_on"]["postgres"]["condition"] == "service_healthy"


def test_no_secret_has_a_value_or_a_default():
    variables = re.findall(r"\$\{(\w+)([^}]*)\}", COMPOSE_TEXT)
    assert {name for name, _ in variables} == {
        "POSTGRES_PASSWORD",
        "SAGWAN_APP_PASSWORD",
        "GRAFANA_ADMIN_PASSWORD",
    }
    assert all(modifier.startswith(":?") for _, modifier in variables)
    passwords = re.findall(r"^\s*\w*PASSWORD\w*:\s*(.*)$", COMPOSE_TEXT, flags=re.MULTILINE)
    assert passwords
    assert all(value.startswith("${") for value in passwords)


def test_services_do_not_get_the_owner_s_login():
    for service in SERVICES:
        assert "sagwan_owner" not in json.dumps(COMPOSE["services"][service])


def test_the_indexer_alone_builds_indexes_and_runs_what_the_search_service_runs():
    indexer, search = COMPOSE["services"]["indexer"], COMPOSE["services"]["search"]
    assert "sagwan_owner" in indexer["environment"]["SAGWAN_SEARCH_MAINTENANCE_URL"]
    assert "sagwan_owner" not in indexer["environment"]["SAGWAN_DATABASE_URL"]
    assert search["environment"]["SAGWAN_SEARCH_INDEX_UPKEEP"] == "false"
    assert "SAGWAN_SEARCH_INDEX_UPKEEP" not in indexer["environment"]
    assert (indexer["image"], indexer["mem_limit"]) == (search["image"], search["mem_limit"])


def test_every_port_is_published_on_this_machine_only():
    published = [port for each in COMPOSE["services"].values() for port in each.get("ports", [])]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_prometheus_scrapes_the_services_where_their_images_listen():
    config = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text(encoding="utf-8"))
    scraped = {job["job_name"]: job["static_configs"][0]["targets"] for job in config["scrape_configs"]}
    exposed = {service: final_stage(service)[0]["EXPOSE"].split()[1] for service in SERVICES}
    expected = {service: [f"{service}:{port}"] for service, port in exposed.items()}
    expected["search"].append(f"indexer:{exposed['search']}")
    assert scraped == expected


def test_every_file_that_compose_mounts_is_there():
    for service in COMPOSE["services"].values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert (DEPLOY / source).exists() if source.startswith("./") else source in COMPOSE["volumes"]
