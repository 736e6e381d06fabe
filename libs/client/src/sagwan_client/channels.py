"""How the client reaches a service: keepalive, message sizes, and retries as gRPC's own service config."""

import json

import grpc

# The largest answer is a page of 1,000 utterances or the mendings of a long transcript.
_RECEIVE_BYTES_MAX = 64 << 20
# The services allow a ping every 30 s and hang up on callers that ping more often.
_KEEPALIVE_TIME_MS = 60_000
_KEEPALIVE_TIMEOUT_MS = 10_000
_RECONNECT_BACKOFF_MIN_MS = 100
_RECONNECT_BACKOFF_MAX_MS = 2_000

# A call may have been done although its answer was lost. Doing it again is safe, because ingesting the same content is
# a no-op, except for an update or a delete, which would fail the second time: those two are not retried. Throttling
# stops all retries while more than about one call in ten fails.
SERVICE_CONFIG = {
    "methodConfig": [
        {
            "name": [
                {"service": "sagwan.ingest.v1.IngestService", "method": "UpdateMeeting"},
                {"service": "sagwan.ingest.v1.IngestService", "method": "DeleteMeeting"},
            ],
        },
        {
            "name": [
                {"service": "sagwan.search.v1.SearchService"},
                {"service": "sagwan.ingest.v1.IngestService"},
                {"service": "sagwan.embedder.v1.EmbedderService"},
            ],
            "retryPolicy": {
                "maxAttempts": 4,
                "initialBackoff": "0.1s",
                "maxBackoff": "2s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        },
    ],
    "retryThrottling": {"maxTokens": 10, "tokenRatio": 0.1},
}


def open_channel(target: str, credentials: grpc.ChannelCredentials | None = None) -> grpc.aio.Channel:
    """A channel to a service. It connects when first used, and again when cut off, until closed.

    Args:
        target: `host:port`, or any gRPC name such as `dns:///search:50053`, whose addresses are used in turn.
        credentials: For TLS; without them the connection is in the clear.
    """
    options = (
        ("grpc.service_config", json.dumps(SERVICE_CONFIG)),
        ("grpc.lb_policy_name", "round_robin"),
        ("grpc.keepalive_time_ms", _KEEPALIVE_TIME_MS),
        ("grpc.keepalive_timeout_ms", _KEEPALIVE_TIMEOUT_MS),
        ("grpc.initial_reconnect_backoff_ms", _RECONNECT_BACKOFF_MIN_MS),
        ("grpc.min_reconnect_backoff_ms", _RECONNECT_BACKOFF_MIN_MS),
        ("grpc.max_reconnect_backoff_ms", _RECONNECT_BACKOFF_MAX_MS),
        ("grpc.max_receive_message_length", _RECEIVE_BYTES_MAX),
    )
    if credentials is None:
        return grpc.aio.insecure_channel(target, options=options)
    return grpc.aio.secure_channel(target, credentials, options=options)
