"""The HTTP page that Prometheus scrapes: OpenMetrics with exemplars for who asks for it, plain text for others."""

import threading
from dataclasses import dataclass
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, start_http_server


@dataclass(frozen=True, slots=True)
class MetricsPage:
    """The HTTP page that Prometheus scrapes."""

    _server: WSGIServer
    _thread: threading.Thread

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._server.server_port

    def close(self) -> None:
        """Stops answering."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def serve_metrics(registry: CollectorRegistry, host: str, port: int) -> MetricsPage:
    """Serves the registry over HTTP from a thread of its own."""
    server, thread = start_http_server(port, addr=host, registry=registry)
    return MetricsPage(server, thread)
