"""What every service process has besides its service: logs, a tracer, and a metrics page."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import version

from opentelemetry import trace
from prometheus_client import CollectorRegistry

from sagwan_runtime.exposition import serve_metrics
from sagwan_runtime.metrics import new_registry
from sagwan_runtime.settings import RpcSettings, TelemetrySettings
from sagwan_runtime.telemetry import Telemetry, configure_logging


@dataclass(frozen=True, slots=True)
class Observed:
    """How a process is seen.

    Attributes:
        registry: Holds its metrics.
        tracer: Writes its spans.
    """

    registry: CollectorRegistry
    tracer: trace.Tracer


@contextmanager
def observed(settings: RpcSettings, telemetry_settings: TelemetrySettings, *, service: str) -> Iterator[Observed]:
    """Sets up logs, tracer and metrics page, and takes the last two down on leaving.

    Args:
        settings: Where the metrics page is.
        telemetry_settings: Where logs and spans go.
        service: The distribution's name, such as `sagwan-search`; its version is told along with it.
    """
    configure_logging(telemetry_settings, service=service)
    registry = new_registry(service, version(service))
    with ExitStack() as stack:
        telemetry = Telemetry(telemetry_settings, service=service, version=version(service))
        stack.callback(telemetry.close)
        page = serve_metrics(registry, settings.host, settings.metrics_port)
        stack.callback(page.close)
        yield Observed(registry, telemetry.tracer)
