"""Is the model keeping up with what is asked of it?"""

from grafana_foundation_sdk.models.dashboard import Dashboard

from sagwan_bench.targets import EMBEDDED_TEXT_S
from sagwan_monitoring.panels import Panel, board
from sagwan_monitoring.queries import quantile, rate, select, share, summed

_HERE = {"job": "embedder", "instance": "~$instance"}


def embedder() -> Dashboard:
    """The board of the embedder."""
    tokens = rate("sagwan_embedder_batch_tokens_total", **_HERE)
    cache = rate("sagwan_embedder_query_cache_total", **_HERE)
    return board(
        "embedder",
        "embedder",
        "What the model is asked for, how long it takes, and what waits for it.",
        [
            (
                "Time",
                [
                    Panel(
                        "Time a text",
                        "Time of the model for one text, its batch's shared out: the mean, and the P99 by kind; the"
                        " line is the"
                        " target, 100 ms a chunk.",
                        "longer texts, fewer cores or a busier machine: compare with *Tokens of a request* and with"
                        " CPU on"
                        " *capacity*; `make bench-embedder` says what the machine can do.",
                        {
                            "{{kind}} P99": quantile(0.99, "sagwan_embedder_text_seconds", "kind", **_HERE),
                            "mean": share(
                                summed(rate("sagwan_embedder_text_seconds_sum", **_HERE)),
                                summed(rate("sagwan_embedder_text_seconds_count", **_HERE)),
                            ),
                        },
                        lines={EMBEDDED_TEXT_S: "red"},
                    ),
                    Panel(
                        "Stages of a request, P99",
                        "Time of a request by stage.",
                        "`queue` above `inference` means more work than the model can do: follow runbook,"
                        " EmbedderRefusesWork.",
                        {"{{stage}}": quantile(0.99, "sagwan_embedder_stage_seconds", "stage", **_HERE)},
                    ),
                ],
            ),
            (
                "Load",
                [
                    Panel(
                        "Texts",
                        "Texts a second by what they are for, and those that lost their tail to the model's limit.",
                        "truncated texts mean that chunks are cut larger than the model reads: compare the chunk"
                        " limits of"
                        " ingest with the model's card.",
                        {
                            "{{kind}}": summed(rate("sagwan_embedder_texts_total", **_HERE), "kind"),
                            "truncated": summed(rate("sagwan_embedder_texts_truncated_total", **_HERE)),
                        },
                        unit="short",
                        width=8,
                    ),
                    Panel(
                        "Tokens that wait",
                        "Tokens in the queue of each lane. Queries have a lane of their own and should hardly wait.",
                        "passages that pile up are bulk ingest and harmless to searches; queries that do are too many"
                        " searches for one embedder: add another.",
                        {"{{kind}}": summed(select("sagwan_embedder_queue_tokens", **_HERE), "kind")},
                        unit="short",
                        width=8,
                    ),
                    Panel(
                        "Refused and dropped",
                        "Calls refused because the queue was full or the answer would have been late, and texts dropped"
                        " because nobody waited for them any more, a second.",
                        "`late` and `expired` mean deadlines shorter than the queue; `full` means one caller floods"
                        " it.",
                        {
                            "refused {{kind}} {{reason}}": summed(
                                rate("sagwan_embedder_refused_total", **_HERE), "kind", "reason"
                            ),
                            "dropped {{kind}} {{reason}}": summed(
                                rate("sagwan_embedder_dropped_total", **_HERE), "kind", "reason"
                            ),
                        },
                        unit="short",
                        width=8,
                    ),
                ],
            ),
            (
                "The model",
                [
                    Panel(
                        "Busy",
                        "Share of the time in which a lane's model ran.",
                        "at 1 the lane is full: what comes more, waits. See *Tokens that wait*.",
                        {"{{kind}}": summed(rate("sagwan_embedder_busy_seconds_total", **_HERE), "kind")},
                        unit="percentunit",
                        lines={0.9: "yellow"},
                        width=6,
                    ),
                    Panel(
                        "Texts of a batch, P50",
                        "How many texts went through the model together.",
                        "1 under load means that texts are too long to share a batch, or that callers send them one"
                        " by one.",
                        {"{{kind}}": quantile(0.5, "sagwan_embedder_batch_texts", "kind", **_HERE)},
                        unit="short",
                        width=6,
                    ),
                    Panel(
                        "Padding",
                        "Share of the tokens that went through the model and were padding.",
                        "above a third, texts of very different length share batches: see"
                        " SAGWAN_EMBEDDER_WINDOW_TOKENS.",
                        {
                            "{{kind}}": share(
                                summed(rate("sagwan_embedder_batch_tokens_total", **_HERE, what="padding"), "kind"),
                                summed(tokens, "kind"),
                            )
                        },
                        unit="percentunit",
                        width=6,
                    ),
                    Panel(
                        "Queries known from before",
                        "Share of the queries whose vector was kept.",
                        "it only informs; 0 is normal for questions that nobody asks twice.",
                        {
                            "hit": share(
                                summed(rate("sagwan_embedder_query_cache_total", **_HERE, outcome="hit")), summed(cache)
                            )
                        },
                        unit="percentunit",
                        width=6,
                    ),
                    Panel(
                        "Tokens of a request",
                        "How large requests are.",
                        "memory follows the batch and not the request; large requests wait longer, and are cheaper a"
                        " text.",
                        {
                            "P50": quantile(0.5, "sagwan_embedder_request_tokens", **_HERE),
                            "P99": quantile(0.99, "sagwan_embedder_request_tokens", **_HERE),
                        },
                        unit="short",
                        width=24,
                    ),
                ],
            ),
        ],
        job="embedder",
    )
