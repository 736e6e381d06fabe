"""Page tokens: opaque to callers, bound to the request they came from."""

import base64
import hashlib
import json
from typing import Any

from google.protobuf import message

from sagwan_runtime.errors import InvalidRequest

_FINGERPRINT_CHARACTERS = 16


def request_fingerprint(request: message.Message) -> str:
    """A digest of a request without its page token and page size: what must stay the same from page to page."""
    same = type(request)()
    same.CopyFrom(request)
    for field in ("page_token", "page_size"):
        same.ClearField(field)
    digest = hashlib.sha256(same.SerializeToString(deterministic=True)).hexdigest()
    return digest[:_FINGERPRINT_CHARACTERS]


def page_token(fingerprint: str, position: list[Any]) -> str:
    """A token for the page that begins after `position`."""
    return base64.urlsafe_b64encode(json.dumps([fingerprint, position]).encode()).decode()


def page_position(fingerprint: str, token: str) -> list[Any] | None:
    """Where the page of a token begins; None for the first page.

    Raises:
        InvalidRequest: The token was not made by `page_token`, or for another request.
    """
    if not token:
        return None
    try:
        made_for, position = json.loads(base64.urlsafe_b64decode(token.encode()))
    except (ValueError, TypeError, RecursionError):
        raise InvalidRequest.field("page_token", "is not a token of this service") from None
    if made_for != fingerprint or not isinstance(position, list):
        raise InvalidRequest.field("page_token", "belongs to another request")
    return position
