from uuid import UUID

import grpc
import pytest

from sagwan_runtime.auth import Principal, authenticated, current_principal, key_digest
from sagwan_runtime.calls import translated
from sagwan_runtime.errors import DependencyUnavailable, Unauthenticated

ONE = "/sagwan.test.v1.TestService/One"
MANY = "/sagwan.test.v1.TestService/Many"
ALICE = Principal(UUID(int=1), b"secret of 1", frozenset({"admin"}))
BOB = Principal(UUID(int=2), b"secret of 2")


class KeysInMemory:
    async def principal_of(self, key_sha256):
        if key_sha256 == key_digest("unreachable"):
            raise DependencyUnavailable("the database cannot be reached")
        return {key_digest("key-a"): ALICE, key_digest("key-b"): BOB}.get(key_sha256)


@pytest.fixture
async def channel(serve_handlers):
    """A service that answers with its caller."""

    async def one(_, context):
        return str(current_principal().tenant_id.int).encode()

    async def many(_, context):
        yield await one(_, context)
        yield await one(_, context)

    return await serve_handlers(
        {"One": grpc.unary_unary_rpc_method_handler(one), "Many": grpc.unary_stream_rpc_method_handler(many)},
        translated(),
        authenticated(KeysInMemory()),
    )


def bearing(header):
    return (("authorization", header),)


@pytest.mark.parametrize("header", ["Bearer key-a", "bearer key-a", "BEARER  key-a "])
async def test_a_known_key_names_the_caller(channel, header):
    assert await channel.unary_unary(ONE)(b"", metadata=bearing(header)) == b"1"


async def test_a_stream_knows_its_caller_to_the_end(channel):
    answers = [answer async for answer in channel.unary_stream(MANY)(b"", metadata=bearing("Bearer key-b"))]

    assert answers == [b"2", b"2"]


async def test_each_call_has_its_own_caller(channel):
    answers = [
        await channel.unary_unary(ONE)(b"", metadata=bearing(f"Bearer {key}")) for key in ("key-a", "key-b", "key-a")
    ]

    assert answers == [b"1", b"2", b"1"]


@pytest.mark.parametrize(
    "metadata",
    [
        (),
        bearing(""),
        bearing("key-a"),
        bearing("Basic key-a"),
        bearing("Bearer"),
        bearing("Bearer "),
        bearing("Bearer x"),
    ],
)
async def test_a_call_without_a_known_key_is_refused(channel, metadata):
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await channel.unary_unary(ONE)(b"", metadata=metadata)

    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_a_refusal_does_not_repeat_the_key(channel):
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await channel.unary_unary(ONE)(b"", metadata=bearing("Bearer sgw_hunter2"))

    assert "hunter2" not in refused.value.debug_error_string()


async def test_a_key_that_cannot_be_looked_up_is_not_called_unknown(channel):
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await channel.unary_unary(ONE)(b"", metadata=bearing("Bearer unreachable"))

    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE


def test_outside_a_call_there_is_no_caller():
    with pytest.raises(Unauthenticated):
        current_principal()
