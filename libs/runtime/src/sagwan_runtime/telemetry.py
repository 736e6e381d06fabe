"""Structured logs and traces. Both carry the trace id; neither holds a key or a meeting's words."""

import logging
import sys
import threading
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased, Sampler, TraceIdRatioBased

from sagwan_runtime.settings import TelemetrySettings

# A collector that hangs costs the thread that sends so much a batch, and the process so much at its end.
_EXPORT_TIMEOUT_S = 2.0
_CLOSE_TIMEOUT_S = 3.0

_LEVELS: Mapping[str, int] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


class Telemetry:
    """The tracer of a process, and how to end it without losing spans."""

    def __init__(self, settings: TelemetrySettings, *, service: str, version: str) -> None:
        sampler: Sampler = ALWAYS_OFF
        if settings.otlp_endpoint:
            sampler = ParentBased(TraceIdRatioBased(settings.trace_sample_ratio))
        self._provider = TracerProvider(
            sampler=sampler,
            resource=Resource.create({"service.name": service, "service.version": version}),
            shutdown_on_exit=False,
        )
        if settings.otlp_endpoint:
            exporter = OTLPSpanExporter(endpoint=settings.otlp_endpoint, insecure=True, timeout=_EXPORT_TIMEOUT_S)
            self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self.tracer: trace.Tracer = self._provider.get_tracer("sagwan", version)

    def close(self) -> None:
        """Sends what is still held, and gives up where the collector does not take it: a stop must not wait for it."""
        # The provider's own timeout holds for each batch anew.
        ending = threading.Thread(target=self._provider.shutdown, name="last spans", daemon=True)
        ending.start()
        ending.join(_CLOSE_TIMEOUT_S)


def configure_logging(settings: TelemetrySettings, *, service: str) -> None:
    """Sends every log line of the process to standard error, one JSON object a line or coloured for a terminal."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_service(service),
        _add_trace,
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    last: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer()
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    logging.basicConfig(handlers=[handler], level=_LEVELS[settings.log_level], force=True)


def _add_service(service: str) -> structlog.typing.Processor:
    def add(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["service"] = service
        return event

    return add


def _add_trace(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = trace.format_trace_id(context.trace_id)
        event["span_id"] = trace.format_span_id(context.span_id)
    return event
