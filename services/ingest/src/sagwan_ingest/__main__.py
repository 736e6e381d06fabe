"""`python -m sagwan_ingest`."""

import asyncio

from sagwan_ingest.app import run
from sagwan_ingest.settings import IngestSettings
from sagwan_runtime.settings import DatabaseSettings, TelemetrySettings

if __name__ == "__main__":
    asyncio.run(run(IngestSettings(), DatabaseSettings(), TelemetrySettings()))
