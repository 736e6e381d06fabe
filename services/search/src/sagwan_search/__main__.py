"""`python -m sagwan_search`."""

import asyncio

from sagwan_runtime.settings import DatabaseSettings, TelemetrySettings
from sagwan_search.app import run
from sagwan_search.settings import SearchSettings

if __name__ == "__main__":
    asyncio.run(run(SearchSettings(), DatabaseSettings(), TelemetrySettings()))
