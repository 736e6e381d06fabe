import asyncio
from uuid import UUID

from sagwan_runtime.auth import CachedKeyStore, Principal, key_digest

ALICE = Principal(UUID(int=1), b"secret of 1", frozenset({"admin"}))
BOB = Principal(UUID(int=2), b"secret of 2")


class KeysInMemory:
    """Keys by digest, and how often each was asked for."""

    def __init__(self, known):
        self.known = {key_digest(key): principal for key, principal in known.items()}
        self.asked = []

    async def principal_of(self, key_sha256):
        self.asked.append(key_sha256)
        return self.known.get(key_sha256)


async def test_a_known_key_is_looked_up_once():
    store = KeysInMemory({"a": ALICE})
    keys = CachedKeyStore(store)

    found = [await keys.principal_of(key_digest("a")) for _ in range(3)]

    assert found == [ALICE] * 3
    assert store.asked == [key_digest("a")]


async def test_a_revoked_key_works_no_longer_than_it_is_remembered():
    store = KeysInMemory({"a": ALICE})
    keys = CachedKeyStore(store, ttl_s=0.02)
    assert await keys.principal_of(key_digest("a")) == ALICE

    store.known.clear()
    await asyncio.sleep(0.03)

    assert await keys.principal_of(key_digest("a")) is None


async def test_a_key_that_is_used_all_the_time_is_still_looked_up_again():
    store = KeysInMemory({"a": ALICE})
    keys = CachedKeyStore(store, ttl_s=0.05)

    for _ in range(20):
        await keys.principal_of(key_digest("a"))
        await asyncio.sleep(0.01)

    assert len(store.asked) >= 2


async def test_an_unknown_key_is_not_remembered_so_that_a_new_one_works_at_once():
    store = KeysInMemory({})
    keys = CachedKeyStore(store)
    assert await keys.principal_of(key_digest("b")) is None

    store.known[key_digest("b")] = BOB

    assert await keys.principal_of(key_digest("b")) == BOB


async def test_no_more_keys_are_remembered_than_the_limit_and_the_oldest_goes_first():
    store = KeysInMemory({"a": ALICE, "b": BOB, "c": BOB})
    keys = CachedKeyStore(store, entries_max=2)
    for key in "abc":
        await keys.principal_of(key_digest(key))
    store.asked.clear()

    for key in "cba":
        await keys.principal_of(key_digest(key))

    assert store.asked == [key_digest("a")]


async def test_a_flood_of_unknown_keys_drives_no_known_one_out():
    store = KeysInMemory({"a": ALICE})
    keys = CachedKeyStore(store, entries_max=2)
    await keys.principal_of(key_digest("a"))

    for guess in range(100):
        await keys.principal_of(key_digest(f"guess {guess}"))
    store.asked.clear()

    assert await keys.principal_of(key_digest("a")) == ALICE
    assert store.asked == []


async def test_two_keys_are_not_confused():
    keys = CachedKeyStore(KeysInMemory({"a": ALICE, "b": BOB}))

    assert [await keys.principal_of(key_digest(key)) for key in "abab"] == [ALICE, BOB, ALICE, BOB]
