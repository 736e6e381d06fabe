"""Searches as ten people would, through gRPC. README.md in this folder has the command and the settings.

Closed loop: each user asks, waits for the answer, and asks again on a fixed pace, so that a slower answer does not
slow the next question as long as it stays within the pace.
"""

import os
import time
from pathlib import Path

import gevent  # type: ignore[import-untyped]
import grpc
import grpc.experimental.gevent as grpc_gevent
import locust.stats
from locust import User, constant_pacing, events, task
from locust.env import Environment
from sagwan_loadtest.questions import Asker, parse_questions

from sagwan.search.v1.search_pb2 import SearchResponse
from sagwan.search.v1.search_pb2_grpc import SearchServiceStub
from sagwan_client.settings import ClientSettings

_ROOT = Path(__file__).resolve().parent.parent
_CLIENT = ClientSettings.from_environment({"SAGWAN_HOME": str(_ROOT), **os.environ})
_QUERIES = Path(os.environ.get("SAGWAN_LOAD_QUERIES", _ROOT / "samples/questions.jsonl"))
_PACE_MS = int(os.environ.get("SAGWAN_LOAD_PACE_MS", "500"))
_SEED = int(os.environ.get("SAGWAN_LOAD_SEED", "0"))
_DEADLINE_S = 5.0
_FILTERED_SHARE = 0.1

# gRPC waits in C, where gevent cannot switch users, unless it is told before its first channel is made.
grpc_gevent.init_gevent()
# Locust rounds to two digits, which would blur a P99 near its target by 50 ms; a single process can keep each ms.
locust.stats.bucket_response_time = lambda response_time: round(response_time)


class SearchFailed(Exception):
    """A search that ended with a status other than OK."""


class Searcher(User):
    """One person with a connection of their own. All draw from one sequence of questions."""

    wait_time = constant_pacing(_PACE_MS / 1_000)
    asker = Asker(
        parse_questions(_QUERIES.read_text(encoding="utf-8").splitlines()),
        filtered_share=_FILTERED_SHARE,
        seed=_SEED,
    )

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        # Without a pool of its own every channel of a process shares one connection.
        self._channel = grpc.insecure_channel(_CLIENT.search_target, options=[("grpc.use_local_subchannel_pool", 1)])
        self._stub = SearchServiceStub(self._channel)
        self._metadata = (("authorization", f"Bearer {_CLIENT.api_key}"),)

    @task
    def search(self) -> None:
        """Asks once and tells locust how it went."""
        request = self.asker.next_request()
        response: SearchResponse | None = None
        failure: SearchFailed | None = None
        begun = time.perf_counter()
        try:
            response = self._stub.Search(request, timeout=_DEADLINE_S, metadata=self._metadata)
        except grpc.RpcError as error:
            failure = SearchFailed(f"{error.code().name}: {error.details()}")
        self.environment.events.request.fire(
            request_type="grpc",
            name="Search, filtered" if request.HasField("filter") else "Search",
            response_time=(time.perf_counter() - begun) * 1_000,
            response_length=0 if response is None else response.ByteSize(),
            exception=failure,
            context={},
        )

    def on_stop(self) -> None:
        """Hangs up."""
        self._channel.close()


@events.init.add_listener  # type: ignore[untyped-decorator]  # locust's event hooks carry no types
def wind_the_clock(**_: object) -> None:
    """Tells gevent the time: it last looked before the imports above, and would end the run that much too early."""
    gevent.get_hub().loop.update_now()


@events.quitting.add_listener  # type: ignore[untyped-decorator]  # the same
def print_failures(environment: Environment, **_: object) -> None:
    """Says what failed and how often; the JSON file of a run holds only how many."""
    for error in environment.stats.errors.values():
        print(f"{error.occurrences} x {error.name}: {error.error}")
