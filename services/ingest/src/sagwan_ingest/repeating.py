"""Requests that name themselves are answered once: a repeat gets the first answer."""

from collections.abc import Awaitable, Callable
from typing import TypeVar
from uuid import UUID

from google.protobuf.message import Message

from sagwan_ingest.ports import AnsweredMeanwhile, MeetingStore, RequestKey
from sagwan_runtime.deadline import Deadline
from sagwan_runtime.errors import Conflict, NotFound

_Response = TypeVar("_Response", bound=Message)

# The second look finds what the first one was too early for.
_LOOKS_MAX = 2


async def answered_once(
    store: MeetingStore,
    tenant_id: UUID,
    key: RequestKey | None,
    deadline: Deadline,
    *,
    act: Callable[[], Awaitable[_Response]],
    response: type[_Response],
) -> _Response:
    """The answer to a request, doing what it asks for only when it has not been done before.

    Args:
        store: Remembers the answers.
        tenant_id: Who asks.
        key: The request; None when it has no id, and is done whenever it comes.
        deadline: When nobody waits any more.
        act: Does it, and remembers the answer under the key with what it did.
        response: What the answer is.

    Raises:
        AlreadyExists: The id was used for another request.
        NotFound: What the request made was deleted since.
        Conflict: The same request is being answered and undone elsewhere.
    """
    if key is None:
        return await act()
    refusal: Exception = Conflict(f"request {key.request_id} is being answered elsewhere")
    for _ in range(_LOOKS_MAX):
        first = await store.reply(tenant_id, key, deadline)
        if first is not None:
            return response.FromString(first)
        try:
            return await act()
        except AnsweredMeanwhile:
            continue
        except (Conflict, NotFound) as error:
            # What stands in the way may be this very request's own effect.
            refusal = error
    raise refusal
