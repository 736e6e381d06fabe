"""Settings that more than one service has, read from the environment (`SAGWAN_…`)."""

from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class TelemetrySettings(BaseSettings):
    """Where logs and traces go."""

    model_config = SettingsConfigDict(env_prefix="SAGWAN_")

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"
    otlp_endpoint: str = Field(
        default="", description="host:port of an OTLP gRPC collector. Empty: no spans are recorded."
    )
    trace_sample_ratio: float = Field(
        default=0.1, ge=0, le=1, description="Share of traces kept when the caller has not decided."
    )


class DatabaseSettings(BaseSettings):
    """How to reach PostgreSQL."""

    model_config = SettingsConfigDict(env_prefix="SAGWAN_DATABASE_")

    url: SecretStr = Field(description="DSN of PostgreSQL 15 or later with pgvector 0.8.3 or later.")
    pool_size_max: int = Field(default=10, ge=1, le=200)
    acquire_timeout_ms: int = Field(
        default=2_000, ge=1, description="Longest wait for a connection before UNAVAILABLE."
    )
    statement_timeout_ms: int = Field(default=30_000, ge=1, description="PostgreSQL ends a statement that runs longer.")
    statement_cache_size: int = Field(
        default=256,
        ge=0,
        description="Prepared statements a connection keeps; 0 behind PgBouncer before 1.21.",
    )


class RpcSettings(BaseSettings):
    """How a service listens. Each service gives its own prefix, ports and limits."""

    host: str = Field(default="127.0.0.1", description="Address to listen on; 0.0.0.0 in a container.")
    port: int = Field(ge=0, le=65_535, description="gRPC port; 0 takes a free one.")
    metrics_port: int = Field(ge=0, le=65_535, description="Prometheus port; 0 takes a free one.")
    in_flight_max: int = Field(
        default=256, ge=1, description="Calls at once; more are refused with RESOURCE_EXHAUSTED."
    )
    message_bytes_max: int = Field(default=4 << 20, ge=1 << 10, description="Largest request in bytes.")
    call_timeout_ms: int = Field(
        default=10_000,
        ge=1,
        description="Longest a call may take when its caller sets no earlier deadline.",
    )
    drain_grace_ms: int = Field(
        default=10_000, ge=0, description="Time that calls in flight get to finish after SIGTERM."
    )
    connection_age_max_ms: int = Field(
        default=300_000,
        ge=1_000,
        description="Age at which a connection is renewed, so that new replicas get traffic.",
    )
