"""Settings of the search service."""

from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from sagwan_runtime.settings import RpcSettings


class SearchSettings(RpcSettings):
    """`SAGWAN_SEARCH_…`."""

    model_config = SettingsConfigDict(env_prefix="SAGWAN_SEARCH_")

    port: int = Field(default=50_053, ge=0, le=65_535, description="gRPC port; 0 takes a free one.")
    metrics_port: int = Field(default=9_103, ge=0, le=65_535, description="Prometheus port; 0 takes a free one.")
    embedder_target: str = Field(
        default="127.0.0.1:50051",
        min_length=1,
        description="gRPC target of the embedder; while the model is changed, those of both, separated by a comma.",
    )
    embed_timeout_ms: int = Field(
        default=800,
        ge=1,
        description="Longest wait for the embedder; then the answer is lexical only.",
    )
    leg_depth: int = Field(
        default=100,
        ge=1,
        le=1_000,
        description="Candidates asked of each leg; pages reach to the end of both.",
    )
    match_candidates_max: int = Field(
        default=5_000,
        ge=1,
        description="Chunks that the matched terms of a query select together.",
    )
    terms_max: int = Field(default=64, ge=1, le=1_024, description="Distinct terms of a query that count.")
    batch_searches_at_once_max: int = Field(
        default=4,
        ge=1,
        le=100,
        description="Searches of all batches that run at once, each with a database connection; the others wait.",
    )
    maintenance_url: SecretStr = Field(
        default=SecretStr(""),
        description="DSN of a login that owns the tables of vectors, for building indexes, past any pooler; "
        "empty: that of SAGWAN_DATABASE_URL.",
    )
    index_upkeep: bool = Field(default=True, description="Whether this process builds, measures and tunes by itself.")
    index_upkeep_interval_s: float = Field(default=60.0, ge=0.1, description="Time between two looks at the indexes.")
    index_kind: Literal["hnsw", "ivfflat"] = Field(default="hnsw", description="What a table gets that has no index.")
    index_rows_min: int = Field(default=10_000, ge=1, description="Rows from which on an index pays.")
    index_recall: float = Field(default=0.95, gt=0, le=1, description="Recall@10 to aim at where none was tuned for.")
    index_build_memory_mb: int = Field(
        default=2_048, ge=64, description="Memory that a build may take on the database's machine; more is refused."
    )
    index_questions_max: int = Field(default=100, ge=1, le=1_000, description="Questions that recall is measured with.")
    index_questions_kept: int = Field(
        default=100,
        ge=0,
        le=1_000,
        description="Vectors of questions that this process keeps in memory for that; 0 keeps none.",
    )
