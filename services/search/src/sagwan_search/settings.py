"""Settings of the search service."""

from pydantic import Field
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
        default=20_000,
        ge=1,
        description="Chunks that the matched terms of a query may select together.",
    )
    terms_max: int = Field(default=64, ge=1, le=1_024, description="Distinct terms of a query that count.")
    batch_searches_at_once_max: int = Field(
        default=4,
        ge=1,
        le=100,
        description="Searches of all batches that run at once, each with a database connection; the others wait.",
    )
