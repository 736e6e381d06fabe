"""Where the services are and which key to send, from the environment or from the stack that runs here."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

_DEFAULT_PORTS = {"embedder": 50051, "ingest": 50052, "search": 50053}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """What a client needs to know.

    Attributes:
        search_target: Where SearchService listens.
        ingest_target: Where IngestService listens.
        embedder_target: Where EmbedderService listens.
        api_key: Names the tenant; empty when there is none.
        home: The folder whose `var/` holds the state of a local stack.
    """

    search_target: str
    ingest_target: str
    embedder_target: str
    api_key: str
    home: Path

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Reads `SAGWAN_API_KEY` and `SAGWAN_{SEARCH,INGEST,EMBEDDER}_TARGET`.

        What is not set comes from the stack of `sagwan up` in the same home (`SAGWAN_HOME`, else the current folder):
        the key from var/api_key, the addresses from var/run/stack.json. Failing that, they are the default ports here.
        """
        home = home_folder(environment)
        stack = local_stack(home)

        def target(service: str) -> str:
            here = stack.get("services", {}).get(service, {}).get("address")
            default = here or f"127.0.0.1:{_DEFAULT_PORTS[service]}"
            return environment.get(f"SAGWAN_{service.upper()}_TARGET") or default

        return cls(
            search_target=target("search"),
            ingest_target=target("ingest"),
            embedder_target=target("embedder"),
            api_key=environment.get("SAGWAN_API_KEY") or _local_key(home),
            home=home,
        )


def home_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """`SAGWAN_HOME`, else the current folder."""
    return Path(environment.get("SAGWAN_HOME") or ".").resolve()


def local_stack(home: Path) -> dict[str, Any]:
    """What `sagwan up` wrote about the stack that runs here; empty when none does."""
    try:
        stack = json.loads((home / "var" / "run" / "stack.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stack if isinstance(stack, dict) else {}


def _local_key(home: Path) -> str:
    try:
        return (home / "var" / "api_key").read_text(encoding="utf-8").strip()
    except OSError:
        return ""
