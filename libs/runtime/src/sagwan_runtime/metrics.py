"""Every metric's name, labels, buckets and meaning. Nothing else in the tree creates one."""

import threading
from dataclasses import dataclass
from wsgiref.simple_server import WSGIServer

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    start_http_server,
)

# Edges at 0.1, 0.5 and 1 s are the project's own targets, so that a quantile at a target is exact, not interpolated.
LATENCY_BUCKETS_S = (
    0.001, 0.0025, 0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 5.0, 10.0, 30.0,
)  # fmt: skip
COUNT_BUCKETS = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000)
TOKEN_BUCKETS = (16, 32, 64, 128, 256, 512, 1_024, 2_048, 4_096, 8_192, 16_384, 65_536)


class RpcMetrics:
    """What every gRPC server counts, shaped after gRFC A66. `method` is a registered full name or `other`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        labels = ("grpc_method",)
        self.started = Counter(
            "grpc_server_call_started",
            "Calls begun, refused ones included.",
            labels,
            registry=registry,
        )
        self.duration = Histogram(
            "grpc_server_call_duration_seconds",
            "Time from the first byte of a call to its status.",
            (*labels, "grpc_status"),
            buckets=LATENCY_BUCKETS_S,
            registry=registry,
        )
        self.in_flight = Gauge("grpc_server_calls_in_flight", "Calls being answered now.", labels, registry=registry)


class DatabaseMetrics:
    """What every user of PostgreSQL measures."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.statement_seconds = Histogram(
            "sagwan_database_statement_seconds",
            "Time of one named query, as the service sees it.",
            ("query",),
            buckets=LATENCY_BUCKETS_S,
            registry=registry,
        )
        self.acquire_seconds = Histogram(
            "sagwan_database_acquire_seconds",
            "Wait for a pooled connection.",
            buckets=LATENCY_BUCKETS_S,
            registry=registry,
        )


class EmbedderMetrics:
    """What the embedder measures. `kind` is query or passage: each has a lane of its own."""

    def __init__(self, registry: CollectorRegistry) -> None:
        kind = ("kind",)
        self.texts = Counter("sagwan_embedder_texts", "Texts embedded.", kind, registry=registry)
        self.truncated = Counter("sagwan_embedder_texts_truncated", "Texts that lost their tail.", registry=registry)
        self.query_cache = Counter(
            "sagwan_embedder_query_cache",
            "Queries by whether their vector was kept from before: hit, miss.",
            ("outcome",),
            registry=registry,
        )
        self.request_tokens = Histogram(
            "sagwan_embedder_request_tokens",
            "Tokens of one request.",
            buckets=TOKEN_BUCKETS,
            registry=registry,
        )
        self.stage_seconds = Histogram(
            "sagwan_embedder_stage_seconds",
            "Time of a request by stage: tokenize, queue, inference.",
            ("stage",),
            buckets=LATENCY_BUCKETS_S,
            registry=registry,
        )
        self.queue_tokens = Gauge(
            "sagwan_embedder_queue_tokens", "Tokens that wait for the model.", kind, registry=registry
        )
        self.batch_texts = Histogram(
            "sagwan_embedder_batch_texts",
            "Texts that went through the model together.",
            kind,
            buckets=COUNT_BUCKETS,
            registry=registry,
        )
        self.batch_tokens = Counter(
            "sagwan_embedder_batch_tokens",
            "Tokens that went through the model: real, padding.",
            ("kind", "what"),
            registry=registry,
        )
        self.busy_seconds = Counter(
            "sagwan_embedder_busy_seconds",
            "Time in which the model ran at least one batch.",
            kind,
            registry=registry,
        )
        self.refused = Counter(
            "sagwan_embedder_refused",
            "Calls refused because the queue was full, or because the answer would have come late.",
            ("kind", "reason"),
            registry=registry,
        )
        self.dropped = Counter(
            "sagwan_embedder_dropped",
            "Texts that were dropped from the queue: expired, cancelled.",
            ("kind", "reason"),
            registry=registry,
        )


class IngestMetrics:
    """What the ingest service measures."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.meetings = Counter("sagwan_ingest_meetings", "Meetings by outcome.", ("outcome",), registry=registry)
        self.chunks = Counter(
            "sagwan_ingest_chunks",
            "Chunks by what became of their vector: computed, kept, or reembedded by a new model.",
            ("vector",),
            registry=registry,
        )
        self.mendings = Counter("sagwan_ingest_mendings", "Faults of transcripts that were mended.", registry=registry)
        self.stage_seconds = Histogram(
            "sagwan_ingest_stage_seconds",
            "Time of a meeting by stage: parse, count, chunk, terms, embed, write, statistics.",
            ("stage",),
            buckets=LATENCY_BUCKETS_S,
            registry=registry,
        )


class SearchMetrics:
    """What the search service measures."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.stage_seconds = Histogram(
            "sagwan_search_stage_seconds",
            "Time of a search by stage: embed, lexical, vector, fuse, fetch, total.",
            ("stage",),
            buckets=LATENCY_BUCKETS_S,
            registry=registry,
        )
        self.leg_candidates = Histogram(
            "sagwan_search_leg_candidates",
            "Candidates that a leg gave.",
            ("leg",),
            buckets=COUNT_BUCKETS,
            registry=registry,
        )
        self.empty_legs = Counter("sagwan_search_empty_legs", "Legs that found nothing.", ("leg",), registry=registry)
        self.degraded = Counter(
            "sagwan_search_degraded",
            "Answers that lack a leg, by why.",
            ("reason",),
            registry=registry,
        )


class IndexMetrics:
    """How the index of the serving model's vectors is, as `sagwan index status` shows it. Looked at once a while."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.kind = Gauge(
            "sagwan_index_kind", "1 for the kind that is in use: exact, hnsw, ivfflat.", ("kind",), registry=registry
        )
        self.rows = Gauge("sagwan_index_rows", "Rows of the table of vectors, about.", registry=registry)
        self.size_bytes = Gauge("sagwan_index_size_bytes", "Size of the index on disk.", registry=registry)
        self.buffered_share = Gauge(
            "sagwan_index_buffered_share", "Share of it in shared buffers; -1 when not known.", registry=registry
        )
        self.scans = Gauge("sagwan_index_scans", "Times it was scanned, as PostgreSQL counts.", registry=registry)
        self.tuples = Gauge(
            "sagwan_index_tuples", "Entries that its scans gave, as PostgreSQL counts.", registry=registry
        )
        self.lists = Gauge("sagwan_index_lists", "IVFFlat: its lists.", registry=registry)
        self.probes = Gauge("sagwan_index_probes", "IVFFlat: lists that a search looks at.", registry=registry)
        self.ef_search = Gauge("sagwan_index_ef_search", "HNSW: candidate list of a search.", registry=registry)
        self.recall = Gauge("sagwan_index_recall", "Recall@10 when last measured; -1 when never.", registry=registry)
        self.recall_target = Gauge("sagwan_index_recall_target", "Recall@10 that is aimed at.", registry=registry)
        self.upkeep = Counter(
            "sagwan_index_upkeep",
            "What was done to indexes, by what and how it ended: done, failed.",
            ("action", "outcome"),
            registry=registry,
        )


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


def new_registry(service: str, version: str) -> CollectorRegistry:
    """A registry with the process's own figures (RSS, CPU, descriptors) and its build."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    build = Gauge(
        "sagwan_build_info",
        "Always 1; the labels say what runs.",
        ("service", "version"),
        registry=registry,
    )
    build.labels(service, version).set(1)
    return registry


def serve_metrics(registry: CollectorRegistry, host: str, port: int) -> MetricsPage:
    """Serves the registry over HTTP from a thread of its own."""
    server, thread = start_http_server(port, addr=host, registry=registry)
    return MetricsPage(server, thread)
