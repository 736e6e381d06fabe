import os

import pytest
from pydantic import ValidationError
from pydantic_settings import SettingsConfigDict

from sagwan_runtime.settings import DatabaseSettings, RpcSettings, TelemetrySettings


class EchoSettings(RpcSettings):
    """As a service declares its own."""

    model_config = SettingsConfigDict(env_prefix="SAGWAN_ECHO_")

    port: int = 50_099
    metrics_port: int = 9_199


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch):
    for name in list(os.environ):
        if name.startswith("SAGWAN_"):
            monkeypatch.delenv(name)


def test_a_service_reads_its_settings_under_its_own_prefix(monkeypatch):
    monkeypatch.setenv("SAGWAN_ECHO_HOST", "0.0.0.0")
    monkeypatch.setenv("SAGWAN_ECHO_PORT", "0")
    monkeypatch.setenv("SAGWAN_ECHO_IN_FLIGHT_MAX", "7")
    monkeypatch.setenv("SAGWAN_SEARCH_METRICS_PORT", "1")

    settings = EchoSettings()

    assert (settings.host, settings.port, settings.in_flight_max) == ("0.0.0.0", 0, 7)
    assert settings.metrics_port == 9_199


def test_a_service_listens_on_loopback_unless_it_is_told_otherwise():
    assert EchoSettings().host == "127.0.0.1"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("IN_FLIGHT_MAX", "0"),
        ("MESSAGE_BYTES_MAX", "1023"),
        ("CALL_TIMEOUT_MS", "0"),
        ("DRAIN_GRACE_MS", "-1"),
        ("CONNECTION_AGE_MAX_MS", "999"),
        ("PORT", "http"),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused_at_the_start(monkeypatch, name, value):
    monkeypatch.setenv(f"SAGWAN_ECHO_{name}", value)

    with pytest.raises(ValidationError, match=name.lower()):
        EchoSettings()


def test_the_database_must_be_named():
    with pytest.raises(ValidationError, match="url"):
        DatabaseSettings()


def test_the_database_is_read_from_the_environment_and_its_password_is_not_shown(monkeypatch):
    monkeypatch.setenv("SAGWAN_DATABASE_URL", "postgresql://sagwan:hunter2@db/sagwan")
    monkeypatch.setenv("SAGWAN_DATABASE_POOL_SIZE_MAX", "3")

    settings = DatabaseSettings()

    assert settings.url.get_secret_value() == "postgresql://sagwan:hunter2@db/sagwan"
    assert settings.pool_size_max == 3
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in settings.model_dump_json()


@pytest.mark.parametrize("name", ["POOL_SIZE_MAX", "ACQUIRE_TIMEOUT_MS", "STATEMENT_TIMEOUT_MS"])
def test_a_database_without_connections_or_time_is_refused(monkeypatch, name):
    monkeypatch.setenv("SAGWAN_DATABASE_URL", "postgresql://db/sagwan")
    monkeypatch.setenv(f"SAGWAN_DATABASE_{name}", "0")

    with pytest.raises(ValidationError, match=name.lower()):
        DatabaseSettings()


def test_prepared_statements_can_be_turned_off_for_an_old_pgbouncer(monkeypatch):
    monkeypatch.setenv("SAGWAN_DATABASE_URL", "postgresql://db/sagwan")
    monkeypatch.setenv("SAGWAN_DATABASE_STATEMENT_CACHE_SIZE", "0")

    assert DatabaseSettings().statement_cache_size == 0


def test_no_spans_leave_unless_a_collector_is_named(monkeypatch):
    assert TelemetrySettings().otlp_endpoint == ""

    monkeypatch.setenv("SAGWAN_OTLP_ENDPOINT", "collector:4317")
    assert TelemetrySettings().otlp_endpoint == "collector:4317"


@pytest.mark.parametrize(
    ("name", "value"), [("LOG_LEVEL", "loud"), ("LOG_FORMAT", "xml"), ("TRACE_SAMPLE_RATIO", "1.5")]
)
def test_telemetry_that_makes_no_sense_is_refused(monkeypatch, name, value):
    monkeypatch.setenv(f"SAGWAN_{name}", value)

    with pytest.raises(ValidationError, match=name.lower()):
        TelemetrySettings()
