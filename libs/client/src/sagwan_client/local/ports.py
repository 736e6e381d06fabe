"""Where each service of a local stack listens, as its own settings say."""

import socket
from collections.abc import Mapping
from dataclasses import dataclass

from sagwan_client.errors import StackError

_ANY_HOST = frozenset({"0.0.0.0", "::", "[::]"})  # noqa: S104  # recognised, never bound
_PORT_MAX = 65_535


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a service listens.

    Attributes:
        host: The address it binds.
        port: For gRPC.
        metrics_port: For Prometheus.
    """

    host: str
    port: int
    metrics_port: int

    @property
    def address(self) -> str:
        """Where this machine reaches it."""
        return f"{self._reachable_host}:{self.port}"

    @property
    def metrics_address(self) -> str:
        """Where this machine reaches its metrics."""
        return f"{self._reachable_host}:{self.metrics_port}"

    @property
    def _reachable_host(self) -> str:
        return "127.0.0.1" if self.host in _ANY_HOST else self.host


def endpoint_of(service: str, environment: Mapping[str, str], *, port: int, metrics_port: int) -> Endpoint:
    """The endpoint that `SAGWAN_<SERVICE>_{HOST,PORT,METRICS_PORT}` say, both ports known to be free.

    Args:
        service: `embedder`, `ingest` or `search`.
        environment: Where the settings are; a port of 0 becomes a free one.
        port: For gRPC when the environment says none.
        metrics_port: For Prometheus when the environment says none.

    Raises:
        StackError: A port is not a number or is taken.
    """
    prefix = f"SAGWAN_{service.upper()}"
    host = environment.get(f"{prefix}_HOST") or "127.0.0.1"
    return Endpoint(
        host,
        _free_port(service, host, f"{prefix}_PORT", environment, port),
        _free_port(service, host, f"{prefix}_METRICS_PORT", environment, metrics_port),
    )


def _free_port(service: str, host: str, variable: str, environment: Mapping[str, str], default: int) -> int:
    given = environment.get(variable) or str(default)
    if not given.isdecimal() or int(given) > _PORT_MAX:
        raise StackError(f"{variable}={given} is not a port")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As the services do, so that a port whose last connections linger counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.strip("[]"), int(given)))
        except OSError as error:
            raise StackError(
                f"port {given} on {host}, meant for {service}, cannot be used: {error.strerror}. "
                f"Stop what listens there, or set {variable} (0 takes a free one)."
            ) from error
        port: int = probe.getsockname()[1]
    return port
