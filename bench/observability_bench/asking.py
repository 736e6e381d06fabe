"""Searches one after the other from a few callers at once, as fast as they are answered."""

import asyncio
import time
from collections.abc import Sequence

import grpc
from stack import Stack

from sagwan.search.v1 import search_pb2, search_pb2_grpc

_DEADLINE_S = 30.0


def asked(stack: Stack, questions: Sequence[str], *, seconds: float, callers: int) -> list[float]:
    """How long each search took, in seconds."""

    async def ask() -> list[float]:
        took: list[float] = []
        give_up = time.perf_counter() + seconds
        metadata = (("authorization", f"Bearer {stack.api_key}"),)
        async with grpc.aio.insecure_channel(stack.address("search")) as channel:
            search = search_pb2_grpc.SearchServiceStub(channel)

            async def one(caller: int) -> None:
                number = caller
                while (begun := time.perf_counter()) < give_up:
                    request = search_pb2.SearchRequest(query=questions[number % len(questions)])
                    await search.Search(request, metadata=metadata, timeout=_DEADLINE_S)
                    took.append(time.perf_counter() - begun)
                    number += callers

            await asyncio.gather(*(one(each) for each in range(callers)))
        return took

    return asyncio.run(ask())
