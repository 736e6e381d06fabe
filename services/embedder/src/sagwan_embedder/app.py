"""Composition root: the one place that builds and wires the embedder."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack

import numpy as np

from sagwan.embedder.v1 import embedder_pb2_grpc
from sagwan_embedder.adapters.priority import lower_priority
from sagwan_embedder.backends import LoadedModel, load_model
from sagwan_embedder.domain.batching import PaddedBatch
from sagwan_embedder.domain.model import Kind
from sagwan_embedder.domain.waiting import WaitingLine
from sagwan_embedder.embedding import Embedding
from sagwan_embedder.lanes import Lane
from sagwan_embedder.servicer import EmbedderServicer
from sagwan_embedder.settings import EmbedderSettings
from sagwan_runtime.cores import available_cores
from sagwan_runtime.metrics import EmbedderMetrics, RpcMetrics
from sagwan_runtime.process import observed
from sagwan_runtime.serving import Registration, serve
from sagwan_runtime.settings import TelemetrySettings

SERVICE = "sagwan-embedder"


async def run(settings: EmbedderSettings, telemetry_settings: TelemetrySettings) -> None:
    """Loads the model, serves until it is told to stop, and takes everything down in reverse order."""
    async with AsyncExitStack() as stack:
        seen = stack.enter_context(observed(settings, telemetry_settings, service=SERVICE))
        metrics = EmbedderMetrics(seen.registry)
        cutter = stack.enter_context(ThreadPoolExecutor(1, "cutting", lower_priority))
        # In a thread of low priority: the threads that the model starts inherit it, and queries bring one of their own.
        loop = asyncio.get_running_loop()
        model = await loop.run_in_executor(cutter, _loaded, settings)
        seconds_a_token = await loop.run_in_executor(cutter, _warmed_up, model, settings)
        runs_at_once = {Kind.QUERY: 1, Kind.PASSAGE: model.encoder.runs_at_once}
        executors = {
            Kind.QUERY: stack.enter_context(ThreadPoolExecutor(1, "queries")),
            Kind.PASSAGE: stack.enter_context(
                ThreadPoolExecutor(runs_at_once[Kind.PASSAGE], "passages", lower_priority)
            ),
        }
        lanes = {
            kind: await stack.enter_async_context(
                Lane(
                    kind,
                    model.encoder,
                    WaitingLine(batch_tokens_max=settings.batch_tokens_max, window_tokens=settings.window_tokens),
                    executor,
                    metrics,
                    runs_at_once=runs_at_once[kind],
                    queue_tokens_max=settings.queue_tokens_max,
                    seconds_a_token=seconds_a_token,
                )
            )
            for kind, executor in executors.items()
        }
        embedding = Embedding(
            model.card,
            model.tokenizer,
            lanes,
            cutter,
            metrics,
            query_cache_entries=settings.query_cache_entries,
        )
        servicer = EmbedderServicer(embedding, model.card, metrics, call_timeout_s=settings.call_timeout_ms / 1_000)
        await serve(
            settings,
            [
                Registration(
                    "sagwan.embedder.v1.EmbedderService",
                    lambda server: embedder_pb2_grpc.add_EmbedderServiceServicer_to_server(servicer, server),
                ),
            ],
            # The model was loaded, compared with its card and run once before this line.
            checks={f"{kind} lane": lane.check for kind, lane in lanes.items()},
            tracer=seen.tracer,
            rpc_metrics=RpcMetrics(seen.registry),
            share_port=settings.processes > 1,
        )


def _loaded(settings: EmbedderSettings) -> LoadedModel:
    return load_model(
        backend=settings.backend,
        model=settings.model,
        threads=settings.threads or max(1, available_cores() // settings.processes),
        device=settings.device,
    )


def _warmed_up(model: LoadedModel, settings: EmbedderSettings) -> float:
    """Runs the largest batch that will come, so that its buffers are there before the first caller is.

    Returns:
        Seconds a token.
    """
    shape = (max(1, settings.batch_tokens_max // model.card.tokens_max), model.card.tokens_max)
    batch = PaddedBatch(np.zeros(shape, np.int64), np.ones(shape, np.int64))
    model.encoder.run(batch, alone=False)
    started = time.monotonic()
    model.encoder.run(batch)
    return (time.monotonic() - started) / batch.input_ids.size
