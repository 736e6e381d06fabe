"""The service in one process, or in several that share its port."""

import asyncio
import sys
from functools import partial

from sagwan_embedder.app import run
from sagwan_embedder.domain.model import ModelUnusable
from sagwan_embedder.settings import EmbedderSettings
from sagwan_runtime.replicas import run_replicas
from sagwan_runtime.settings import TelemetrySettings

# What a process needs besides draining, before it is killed.
_STOP_MARGIN_S = 5.0


def serve_in_processes(settings: EmbedderSettings) -> bool:
    """Serves until told to stop.

    Returns:
        Whether it ended because it was told to.
    """
    if settings.processes == 1:
        _serve(settings, 0)
        return True
    return run_replicas(
        partial(_replica, settings),
        settings.processes,
        host=settings.host,
        port=settings.port,
        stop_timeout_s=settings.drain_grace_ms / 1_000 + _STOP_MARGIN_S,
    )


def _replica(settings: EmbedderSettings, index: int) -> None:
    try:
        _serve(settings, index)
    except ModelUnusable as error:
        sys.exit(f"sagwan-embedder: {error}")


def _serve(settings: EmbedderSettings, index: int) -> None:
    metrics_port = settings.metrics_port + index if settings.metrics_port else 0
    asyncio.run(run(settings.model_copy(update={"metrics_port": metrics_port}), TelemetrySettings()))
