"""Page tokens: opaque to callers, signed, and bound to the tenant and the request that they were made for."""

import base64
import hashlib
import hmac

from google.protobuf import message

from sagwan_runtime.errors import InvalidRequest

_SIGNATURE_BYTES = hashlib.sha256().digest_size
# What may differ from page to page.
_PAGE_FIELDS = ("page_token", "page_size")


def page_token(request: message.Message, key: bytes, position: bytes) -> str:
    """A token for the next page of a request.

    Args:
        request: What was asked. When the token comes back, only its page token and page size may be others.
        key: The tenant's secret, `Principal.token_key`.
        position: Where the next page begins. Callers can read it, and cannot change it.

    Returns:
        The position behind its HMAC-SHA256, in base64 for addresses.
    """
    signature = hmac.digest(key, _request_digest(request) + position, hashlib.sha256)
    return base64.urlsafe_b64encode(signature + position).decode()


def page_position(request: message.Message, key: bytes, token: str) -> bytes | None:
    """The position in a token that came with a request; None on the first page, which has no token.

    Raises:
        InvalidRequest: The token is not, to the letter, one that `page_token` makes for this request with this key.
    """
    if not token:
        return None
    try:
        given = token.encode("ascii")
        position = base64.urlsafe_b64decode(given)[_SIGNATURE_BYTES:]
    except ValueError:
        raise refused_token() from None
    if not hmac.compare_digest(page_token(request, key, position).encode(), given):
        raise refused_token()
    return position


def refused_token() -> InvalidRequest:
    """What the caller is told of a token that cannot be used."""
    reason = "is not a token that was given for this request; every field but page_size must stay as it was"
    return InvalidRequest.field("page_token", reason)


def _request_digest(request: message.Message) -> bytes:
    """What must stay the same from page to page, the kind of the request included.

    It is of a fixed length, so that it cannot run into the position that follows it.
    """
    same = type(request)()
    same.CopyFrom(request)
    for field in _PAGE_FIELDS:
        same.ClearField(field)
    kind = request.DESCRIPTOR.full_name.encode()
    return hashlib.sha256(kind + b"\x00" + same.SerializeToString(deterministic=True)).digest()
