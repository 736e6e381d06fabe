"""`python -m sagwan_embedder`."""

import asyncio

from sagwan_embedder.app import run
from sagwan_embedder.settings import EmbedderSettings
from sagwan_runtime.settings import TelemetrySettings

if __name__ == "__main__":
    asyncio.run(run(EmbedderSettings(), TelemetrySettings()))
