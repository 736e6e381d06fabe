"""Settings of the embedder."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from sagwan_runtime.settings import RpcSettings


class EmbedderSettings(RpcSettings):
    """`SAGWAN_EMBEDDER_…`."""

    model_config = SettingsConfigDict(env_prefix="SAGWAN_EMBEDDER_")

    port: int = Field(default=50_051, ge=0, le=65_535, description="gRPC port; 0 takes a free one.")
    metrics_port: int = Field(default=9_101, ge=0, le=65_535, description="Prometheus port; 0 takes a free one.")
    # 1,024 texts of 100,000 characters would be more; such a request is a mistake.
    message_bytes_max: int = Field(default=16 << 20, ge=1 << 10, description="Largest request in bytes.")
    call_timeout_ms: int = Field(
        default=120_000, ge=1, description="Longest a call may take when its caller sets no earlier deadline."
    )
    model_dir: Path = Field(
        default=Path("var/model"), description="Folder that `python -m sagwan_embedder.build` made."
    )
    threads: int = Field(default=0, ge=0, description="Threads that run the model; 0: the cores of this process.")
    batch_tokens_max: int = Field(
        default=2_048, ge=512, description="Padded tokens that go through the model at once: what memory depends on."
    )
    queue_tokens_max: int = Field(
        default=262_144, ge=1, description="Tokens that may wait for the model; more are refused."
    )
