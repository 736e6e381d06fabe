"""Settings of the ingest service."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from sagwan_runtime.settings import RpcSettings


class IngestSettings(RpcSettings):
    """`SAGWAN_INGEST_…`."""

    model_config = SettingsConfigDict(env_prefix="SAGWAN_INGEST_")

    port: int = Field(default=50_052, ge=0, le=65_535, description="gRPC port; 0 takes a free one.")
    metrics_port: int = Field(default=9_102, ge=0, le=65_535, description="Prometheus port; 0 takes a free one.")
    # A transcript of 32 MiB, and room for what travels with it.
    message_bytes_max: int = Field(default=40 << 20, ge=1 << 10, description="Largest request in bytes.")
    # Each call may hold a whole transcript, and what is made of it, in memory.
    in_flight_max: int = Field(default=16, ge=1, description="Calls at once; more are refused with RESOURCE_EXHAUSTED.")
    readers_max: int = Field(
        default=2, ge=1, description="Transcripts that are read at once; one of 32 MiB may take 300 MB while it is."
    )
    import_ahead: int = Field(
        default=4, ge=1, description="Items of one import that are read, embedded and written at the same time."
    )
    writers_max: int = Field(
        default=4, ge=1, description="Transactions that write at once; must leave connections of the pool to others."
    )
    call_timeout_ms: int = Field(default=600_000, ge=1, description="Longest one meeting or transcript may take.")
    embedder_target: str = Field(
        default="127.0.0.1:50051",
        min_length=1,
        description="gRPC target of the embedder; while the model is changed, those of both, separated by a comma.",
    )
    embedder_unavailable_ms: int = Field(
        default=30_000, ge=0, description="How long an embedder that is down is waited for."
    )
    embed_texts_max: int = Field(default=64, ge=1, le=1_024, description="Chunks of one call to the embedder.")
    chunk_tokens_target: int = Field(default=300, ge=16, description="Size in tokens that chunks grow to.")
    chunk_tokens_max: int = Field(default=480, ge=16, description="Size in tokens that no chunk passes.")
