"""Every metric's name, labels, buckets and meaning. Nothing else in the tree creates one."""

import math
from collections.abc import Iterable
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector

from sagwan_runtime.cores import available_cores

# Edges at 0.1, 0.5 and 1 s are the project's own targets, so that a quantile at a target is exact, not interpolated.
LATENCY_BUCKETS_S = (
    0.001, 0.0025, 0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 5.0, 10.0, 30.0,
)  # fmt: skip
# A long meeting waits for its turn and is embedded for minutes.
LAG_BUCKETS_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
COUNT_BUCKETS = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000)
TOKEN_BUCKETS = (16, 32, 64, 128, 256, 512, 1_024, 2_048, 4_096, 8_192, 16_384, 65_536)


_PROCESS_STATUS = Path("/proc/self/status")
# How an item ends: well, by its caller's mistake, or by what the objectives on errors count.
_ITEM_STATUSES = ("OK", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "INTERNAL", "UNAVAILABLE")
# What methods that nobody registered are counted under: callers choose their names.
OTHER_METHODS = "other"


class RpcMetrics:
    """What every gRPC server counts, shaped after gRFC A66. `grpc_method` is a registered full name or `other`."""

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
        self.in_flight_max = Gauge(
            "grpc_server_calls_in_flight_max",
            "Calls that may be answered at once; more are refused. 0 until the service listens.",
            registry=registry,
        )

    def expect(self, methods: Iterable[str]) -> None:
        """Begins the series of methods at 0: Prometheus sees no growth in a series that begins at 1."""
        for method in (*methods, OTHER_METHODS):
            self.started.labels(method)
            self.in_flight.labels(method)
            self.duration.labels(method, "UNIMPLEMENTED" if method == OTHER_METHODS else "OK")


class RpcClientMetrics:
    """What every channel to another service counts, shaped after gRFC A66. Targets are those of the settings."""

    def __init__(self, registry: CollectorRegistry) -> None:
        labels = ("grpc_target", "grpc_method")
        self.duration = Histogram(
            "grpc_client_call_duration_seconds",
            "Time from the beginning of a call to another service to its status.",
            (*labels, "grpc_status"),
            buckets=LATENCY_BUCKETS_S,
            registry=registry,
        )
        self.in_flight = Gauge(
            "grpc_client_calls_in_flight",
            "Calls to another service that wait for their end now.",
            labels,
            registry=registry,
        )


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
            "Wait for a pooled connection, whether one came or not.",
            buckets=LATENCY_BUCKETS_S,
            registry=registry,
        )
        self.acquire_waiting = Gauge(
            "sagwan_database_acquire_waiting", "Transactions that wait for a pooled connection now.", registry=registry
        )
        self.connections = Gauge(
            "sagwan_database_connections", "Pooled connections: busy, idle.", ("state",), registry=registry
        )
        self.connections_max = Gauge(
            "sagwan_database_connections_max", "Connections that the pool may have.", registry=registry
        )
        self.failures = Counter(
            "sagwan_database_failures",
            "What the database did not do: late (time ran out), unavailable (out of reach, or asks to try again).",
            ("reason",),
            registry=registry,
        )
        _begin(self.failures, "late", "unavailable")


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
        self.text_seconds = Histogram(
            "sagwan_embedder_text_seconds",
            "Time of the model for one text: that of its request, divided by the request's texts.",
            kind,
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
        _begin(self.query_cache, "hit", "miss")
        _begin(self.stage_seconds, "tokenize", "queue", "inference")
        for each in ("query", "passage"):
            for metric in (self.texts, self.text_seconds, self.batch_texts, self.busy_seconds):
                metric.labels(each)
            _begin(self.batch_tokens, (each, "real"), (each, "padding"))
            _begin(self.refused, (each, "full"), (each, "late"))
            _begin(self.dropped, (each, "expired"), (each, "cancelled"))


class IngestMetrics:
    """What the ingest service measures."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.meetings = Counter(
            "sagwan_ingest_meetings",
            "Meetings by outcome: created, updated, unchanged.",
            ("outcome",),
            registry=registry,
        )
        self.chunks = Counter(
            "sagwan_ingest_chunks",
            "Chunks by what became of their vector: computed, kept, or reembedded by a new model.",
            ("vector",),
            registry=registry,
        )
        self.mendings = Counter("sagwan_ingest_mendings", "Faults of transcripts that were mended.", registry=registry)
        self.stage_seconds = Histogram(
            "sagwan_ingest_stage_seconds",
            "Time of a meeting by stage: parse, count, chunk, terms, embed, wait (to write), write, statistics.",
            ("stage",),
            buckets=LATENCY_BUCKETS_S,
            registry=registry,
        )
        self.lag_seconds = Histogram(
            "sagwan_ingest_lag_seconds",
            "Time from when a meeting has been read until it can be found.",
            buckets=LAG_BUCKETS_S,
            registry=registry,
        )
        self.in_progress = Gauge(
            "sagwan_ingest_meetings_in_progress", "Meetings that are read and cannot be found yet.", registry=registry
        )
        self.import_items = Counter(
            "sagwan_ingest_import_items",
            "Items of imports by the status that each would have had as a call of its own.",
            ("grpc_status",),
            registry=registry,
        )
        _begin(self.import_items, *_ITEM_STATUSES)
        _begin(self.meetings, "created", "updated", "unchanged")
        _begin(self.chunks, "computed", "kept", "reembedded")
        _begin(self.stage_seconds, "parse", "count", "chunk", "terms", "embed", "wait", "write", "statistics")


class SearchMetrics:
    """What the search service measures."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.stage_seconds = Histogram(
            "sagwan_search_stage_seconds",
            "Time of a question by stage: embed, lexical, vector, fuse, fetch, total; alone, in batches, for contexts.",
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
            "Questions answered without a leg that should have taken part, by which; alone, in batches, for contexts.",
            ("reason",),
            registry=registry,
        )
        self.batch_questions = Counter(
            "sagwan_search_batch_questions",
            "Questions of batches by the status that each would have had as a call of its own.",
            ("grpc_status",),
            registry=registry,
        )
        _begin(self.batch_questions, *_ITEM_STATUSES)
        _begin(self.stage_seconds, "embed", "lexical", "vector", "fuse", "fetch", "total")
        _begin(self.leg_candidates, "lexical", "vector")
        _begin(self.empty_legs, "lexical", "vector")
        _begin(self.degraded, "lexical_leg", "vector_leg")


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
        for action in ("build", "measure", "tune"):
            _begin(self.upkeep, (action, "done"), (action, "failed"))


def _begin(metric: Counter | Histogram, *series: str | tuple[str, ...]) -> None:
    """Begins series at 0: what has not happened yet must show as 0, and its first time as growth."""
    for values in series:
        metric.labels(*((values,) if isinstance(values, str) else values))


def new_registry(service: str, version: str) -> CollectorRegistry:
    """A registry with the process's own figures (RSS and its peak, CPU, cores, descriptors) and its build."""
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
    peak = Gauge(
        "sagwan_process_resident_memory_peak_bytes",
        "The most memory that was ever resident (VmHWM).",
        registry=registry,
    )
    peak.set_function(_peak_resident_bytes)
    cores = Gauge("sagwan_process_cores", "Cores that the process may run on.", registry=registry)
    cores.set(available_cores())
    return registry


def _peak_resident_bytes() -> float:
    if not _PROCESS_STATUS.exists():  # macOS has no /proc
        return math.nan
    for line in _PROCESS_STATUS.read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1_024
    return math.nan
