"""Proto in, proto out, for the administration of models."""

from collections.abc import AsyncIterator
from typing import Any

import grpc
from google.protobuf import empty_pb2

from sagwan.ingest.v1 import models_pb2, models_pb2_grpc
from sagwan_ingest.ports import ModelState
from sagwan_ingest.reembedding import ListedModel, Reembedding
from sagwan_runtime.auth import require_scope
from sagwan_runtime.deadline import Deadline
from sagwan_runtime.errors import InvalidRequest, NotFound

Context = grpc.aio.ServicerContext[Any, Any]

_SCOPE = "admin"
_PREFIX = "models/"
_STATES = {
    ModelState.FILLING: models_pb2.MODEL_STATE_FILLING,
    ModelState.SERVING: models_pb2.MODEL_STATE_SERVING,
    ModelState.RETIRED: models_pb2.MODEL_STATE_RETIRED,
}


class ModelServicer(models_pb2_grpc.ModelServiceServicer):
    """Answers ModelService. Models are all tenants', so every call takes a key with the scope `admin`."""

    def __init__(self, reembedding: Reembedding, *, call_timeout_s: float) -> None:
        self._reembedding = reembedding
        self._call_timeout_s = call_timeout_s

    async def ListModels(  # noqa: N802  # the name is the contract's
        self,
        request: models_pb2.ListModelsRequest,  # noqa: ARG002  # the signature is gRPC's
        context: Context,
    ) -> models_pb2.ListModelsResponse:
        """Lists models."""
        require_scope(_SCOPE)
        models = await self._reembedding.models(self._deadline(context))
        return models_pb2.ListModelsResponse(models=map(_message, models))

    async def AddModel(  # noqa: N802  # the name is the contract's
        self, request: models_pb2.AddModelRequest, context: Context
    ) -> models_pb2.Model:
        """Adds a model."""
        require_scope(_SCOPE)
        sha256 = _sha256_of(request.name) if request.name else ""
        return _message(await self._reembedding.add(sha256, self._deadline(context)))

    async def FillModel(  # noqa: N802  # the name is the contract's
        self,
        request: models_pb2.FillModelRequest,
        context: Context,  # noqa: ARG002  # the signature is gRPC's; the time limit is each step's
    ) -> AsyncIterator[models_pb2.FillModelProgress]:
        """Fills a model."""
        require_scope(_SCOPE)
        async for each in self._reembedding.fill(_sha256_of(request.name)):
            yield models_pb2.FillModelProgress(
                vector_count=each.vector_count,
                chunk_count=each.chunk_count,
                written_count=each.written_count,
                rate=each.rate,
                done=each.done,
            )

    async def SwitchModel(  # noqa: N802  # the name is the contract's
        self, request: models_pb2.SwitchModelRequest, context: Context
    ) -> models_pb2.Model:
        """Switches to a model."""
        require_scope(_SCOPE)
        return _message(await self._reembedding.switch(_sha256_of(request.name), self._deadline(context)))

    async def DropModel(  # noqa: N802  # the name is the contract's
        self, request: models_pb2.DropModelRequest, context: Context
    ) -> empty_pb2.Empty:
        """Drops a model."""
        require_scope(_SCOPE)
        try:
            await self._reembedding.drop(_sha256_of(request.name), self._deadline(context))
        except NotFound:
            if not request.allow_missing:
                raise
        return empty_pb2.Empty()

    def _deadline(self, context: Context) -> Deadline:
        return Deadline.of_call(context, longest_s=self._call_timeout_s)


def _sha256_of(name: str) -> str:
    sha256 = name.removeprefix(_PREFIX)
    if not sha256 or sha256 == name:
        raise InvalidRequest.field("name", "must be `models/{sha256}`, as ListModels gives it")
    return sha256


def _message(listed: ListedModel) -> models_pb2.Model:
    model, known = listed.model, listed.known
    message = models_pb2.Model(
        name=f"{_PREFIX}{model.sha256}",
        label=f"{model.name}@{model.revision}/{model.quantization}",
        dimension=model.dimension,
        state=models_pb2.MODEL_STATE_AVAILABLE if known is None else _STATES[known.state],
        reachable=listed.reachable,
    )
    if known is not None:
        message.vector_count = known.vector_count
        message.chunk_count = known.chunk_count
        message.create_time.FromDatetime(known.created_at)
    return message
