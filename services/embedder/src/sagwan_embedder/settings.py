"""Settings of the embedder."""

from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict

from sagwan_embedder.backends import Backend
from sagwan_runtime.settings import RpcSettings


class EmbedderSettings(RpcSettings):
    """`SAGWAN_EMBEDDER_…`."""

    model_config = SettingsConfigDict(env_prefix="SAGWAN_EMBEDDER_")

    port: int = Field(default=50_051, ge=0, le=65_535, description="gRPC port; 0 takes a free one.")
    metrics_port: int = Field(
        default=9_101,
        ge=0,
        le=65_535,
        description="Prometheus port of the first process, the next ones take the next; 0 takes free ones.",
    )
    processes: int = Field(default=1, ge=1, le=64, description="Processes that share the gRPC port.")
    # 1,024 texts of 100,000 characters would be more; such a request is a mistake.
    message_bytes_max: int = Field(default=16 << 20, ge=1 << 10, description="Largest request in bytes.")
    # What waits is bounded in tokens; this only bounds the requests that are held in memory.
    in_flight_max: int = Field(
        default=1_024, ge=1, description="Calls at once; more are refused with RESOURCE_EXHAUSTED."
    )
    call_timeout_ms: int = Field(
        default=120_000,
        ge=1,
        description="Longest that texts may take when the caller sets no earlier deadline; a stream's texts each anew.",
    )
    backend: Backend = Field(default=Backend.ONNX, description="What runs the model.")
    model: str = Field(
        default="var/model",
        description="Folder that `python -m sagwan_embedder.build` or `sagwan-embedder export` wrote; with the backend"
        " sentence-transformers the name or folder of any of its models.",
    )
    device: str = Field(
        default="", description="Where the backend sentence-transformers computes: cpu, cuda, …; empty: it chooses."
    )
    threads: int = Field(
        default=0,
        ge=0,
        description="Threads that run the model; 0: the cores of this process, shared by all processes.",
    )
    batch_tokens_max: int = Field(
        default=512, ge=128, description="Padded tokens of a batch, of which two run at once: what memory depends on."
    )
    window_tokens: int = Field(
        default=8_192,
        ge=512,
        description="Waiting tokens among which texts of similar length are sought for a batch: more pads less, and"
        " lets a text be overtaken by more others.",
    )
    queue_tokens_max: int = Field(
        default=262_144, ge=1, description="Tokens of passages that may wait for the model, and of queries."
    )
    query_cache_entries: int = Field(default=4_096, ge=1, description="Queries whose vectors are kept: 1.6 kB each.")

    @model_validator(mode="after")
    def _known_port_for_several_processes(self) -> Self:
        if self.processes > 1 and self.port == 0:
            raise ValueError("several processes cannot share a port that is not known: set SAGWAN_EMBEDDER_PORT")
        return self
