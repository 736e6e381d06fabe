import asyncio
import time
from contextlib import suppress
from uuid import uuid4

import asyncpg
import pytest

from sagwan_runtime.deadline import Deadline
from sagwan_runtime.errors import DeadlineExceeded, DependencyUnavailable
from sagwan_runtime.postgres.database import SERVICE_ROLE
from sagwan_runtime.postgres.queries import Query

pytestmark = pytest.mark.integration

COUNT = Query("count_terms", "SELECT count(*) FROM term_stats")
INSERT = Query(
    "insert_term", "INSERT INTO term_stats (tenant_id, term_id, chunk_count) VALUES (current_tenant(), $1, 1)"
)
LOCK = Query("lock_term", "SELECT FROM term_stats WHERE term_id = $1 FOR UPDATE")
PROCESS = Query("process", "SELECT pg_backend_pid()")
SLEEP = Query("sleep", "SELECT pg_sleep(60)")
RUNNING = """
    SELECT count(*) FROM pg_stat_activity
    WHERE starts_with(query, $1) AND state = 'active' AND datname = current_database()
"""


def soon():
    return Deadline.after(10)


@pytest.fixture
async def database(open_service_database, database_url):
    """With one connection only, so that a connection that is not handed back is missed at once."""
    return await open_service_database(database_url, pool_size_max=1, acquire_timeout_ms=2_000)


async def count(database, tenant_id):
    async with database.tenant(tenant_id, soon(), read_only=True) as session:
        return await session.fetch_value(COUNT)


async def test_what_was_done_is_kept_when_the_transaction_is_left(database, tenants):
    async with database.tenant(tenants.a, soon()) as session:
        await session.execute(INSERT, 1)
        await session.execute_many(INSERT, [(2,), (3,)])
        rows = await session.fetch(Query("all", "SELECT term_id FROM term_stats ORDER BY term_id"))
        row = await session.fetch_row(Query("first", "SELECT term_id FROM term_stats ORDER BY term_id"))
        none = await session.fetch_row(Query("none", "SELECT FROM term_stats WHERE term_id = 99"))

    assert [each["term_id"] for each in rows] == [1, 2, 3]
    assert (row["term_id"], none) == (1, None)
    assert await count(database, tenants.a) == 3


async def test_an_exception_undoes_what_was_done_and_is_not_changed(database, tenants):
    async def failing():
        async with database.tenant(tenants.a, soon()) as session:
            await session.execute(INSERT, 1)
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await failing()

    assert await count(database, tenants.a) == 0


async def test_a_transaction_sees_its_tenant_only(database, tenants):
    async with database.tenant(tenants.a, soon()) as session:
        await session.execute(INSERT, 1)

    assert (await count(database, tenants.a), await count(database, tenants.b)) == (1, 0)
    async with database.untenanted(soon()) as session:
        assert await session.fetch_value(COUNT) == 0


async def test_the_tenant_does_not_stay_with_the_connection(database, tenants):
    async with database.tenant(tenants.a, soon()) as session:
        process = await session.fetch_value(PROCESS)
    async with database.untenanted(soon()) as session:
        same = await session.fetch_value(PROCESS)
        tenant_id = await session.fetch_value(Query("tenant", "SELECT current_tenant()"))

    assert (same, tenant_id) == (process, None)


async def test_connections_run_as_the_services_role_and_cannot_leave_it(database, tenants):
    who = Query("who", "SELECT current_user::text")
    async with database.untenanted(soon()) as session:
        assert await session.fetch_value(who) == SERVICE_ROLE
        await session.execute(Query("reset", "RESET ROLE"))
        assert await session.fetch_value(who) == SERVICE_ROLE
    async with database.tenant(tenants.a, soon()) as session:
        assert await session.fetch_value(who) == SERVICE_ROLE


async def test_a_reading_transaction_refuses_to_write(database, tenants):
    with pytest.raises(DependencyUnavailable):
        async with database.tenant(tenants.a, soon(), read_only=True) as session:
            await session.execute(INSERT, 1)

    assert await count(database, tenants.a) == 0


async def test_a_statement_past_its_deadline_is_stopped_here_and_in_the_server(database, tenants, owner):
    begun = time.monotonic()

    with pytest.raises(DeadlineExceeded):
        async with database.tenant(tenants.a, Deadline.after(0.3)) as session:
            await session.execute(SLEEP)

    assert time.monotonic() - begun < 5
    assert await owner.fetchval(RUNNING, SLEEP.sql) == 0
    assert await count(database, tenants.a) == 0


async def test_a_deadline_that_has_passed_reaches_no_database(database, tenants):
    with pytest.raises(DeadlineExceeded):
        async with database.tenant(tenants.a, Deadline.after(0)):
            pytest.fail("a transaction began")


async def test_a_deadline_is_that_of_the_transaction_and_not_of_each_statement(database, tenants):
    async def many_statements():
        async with database.tenant(tenants.a, Deadline.after(0.5)) as session:
            for _ in range(100):
                await session.execute(Query("nap", "SELECT pg_sleep(0.1)"))

    with pytest.raises(DeadlineExceeded):
        await many_statements()


async def test_the_server_ends_statements_that_run_too_long(open_service_database, database_url, tenants):
    database = await open_service_database(database_url, statement_timeout_ms=100)
    begun = time.monotonic()

    with pytest.raises(DeadlineExceeded):
        async with database.tenant(tenants.a, soon()) as session:
            await session.execute(SLEEP)

    assert time.monotonic() - begun < 5


async def test_a_server_that_is_not_there_is_unavailable(open_service_database, unused_tcp_port):
    database = await open_service_database(f"postgresql://sagwan@127.0.0.1:{unused_tcp_port}/sagwan")

    with pytest.raises(DependencyUnavailable, match="cannot be reached"):
        async with database.untenanted(soon()):
            pytest.fail("there was a connection")


async def test_a_full_pool_is_unavailable_after_its_wait(open_service_database, database_url, tenants):
    database = await open_service_database(database_url, pool_size_max=1, acquire_timeout_ms=50)

    async with database.tenant(tenants.a, soon()):
        with pytest.raises(DependencyUnavailable, match="no database connection was free"):
            async with database.untenanted(soon()):
                pytest.fail("there was a second connection")

    assert await count(database, tenants.a) == 0


async def test_a_caller_in_a_hurry_waits_for_the_pool_until_its_deadline_only(database, tenants):
    async with database.tenant(tenants.a, soon()):
        with pytest.raises(DeadlineExceeded):
            async with database.untenanted(Deadline.after(0.05)):
                pytest.fail("there was a second connection")


async def test_a_cancelled_call_hands_its_connection_back_and_stops_its_statement(database, tenants, owner):
    async def sleeping():
        async with database.tenant(tenants.a, soon()) as session:
            await session.execute(INSERT, 1)
            await session.execute(SLEEP)

    for _ in range(3):
        task = asyncio.create_task(sleeping())
        async with asyncio.timeout(5):
            while not await owner.fetchval(RUNNING, SLEEP.sql):  # noqa: ASYNC110  # the server rings no bell
                await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert await owner.fetchval(RUNNING, SLEEP.sql) == 0
    assert await count(database, tenants.a) == 0


async def test_a_call_that_is_cancelled_at_any_moment_hands_its_connection_back(database, tenants):
    async def working():
        async with database.tenant(tenants.a, soon()) as session:
            await session.fetch_value(COUNT)

    for steps in range(40):
        task = asyncio.create_task(working())
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    assert await count(database, tenants.a) == 0


async def test_a_call_that_is_cancelled_while_it_waits_for_a_connection_loses_none(database, tenants):
    async with database.tenant(tenants.a, soon()):
        waiting = [asyncio.create_task(count(database, tenants.a)) for _ in range(5)]
        await asyncio.sleep(0.01)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    assert await count(database, tenants.a) == 0


@pytest.fixture
def cut(owner):
    """Cuts a session's connection at the server, and waits until the session notices or does not wait at all."""

    async def terminate(session, *, noticed):
        process = await session.fetch_value(PROCESS)
        await owner.execute("SELECT pg_terminate_backend($1)", process)
        await asyncio.sleep(0.1 if noticed else 0)

    return terminate


noticed_or_not = pytest.mark.parametrize("noticed", [False, True], ids=["not noticed yet", "noticed"])


@noticed_or_not
async def test_a_connection_that_the_server_cuts_is_unavailable_and_replaced(database, tenants, cut, noticed):
    async def one_more_statement():
        async with database.tenant(tenants.a, soon()) as session:
            await cut(session, noticed=noticed)
            await session.execute(SLEEP)

    with pytest.raises(DependencyUnavailable):
        await one_more_statement()
    assert await count(database, tenants.a) == 0


@noticed_or_not
async def test_a_connection_that_is_cut_between_statements_hides_no_other_error(database, tenants, cut, noticed):
    async def failing():
        async with database.tenant(tenants.a, soon()) as session:
            await cut(session, noticed=noticed)
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await failing()
    assert await count(database, tenants.a) == 0


@noticed_or_not
async def test_what_was_not_committed_because_the_connection_was_cut_is_not_called_done(
    database, tenants, cut, noticed
):
    async def writing():
        async with database.tenant(tenants.a, soon()) as session:
            await session.execute(INSERT, 1)
            await cut(session, noticed=noticed)

    with pytest.raises(DependencyUnavailable):
        await writing()
    assert await count(database, tenants.a) == 0


@noticed_or_not
async def test_an_answer_stands_when_its_connection_is_cut_afterwards(database, tenants, cut, noticed):
    async with database.untenanted(soon()) as session:
        await cut(session, noticed=noticed)

    # What nobody has noticed may be in the way of one more call, which has done nothing yet and may be tried again.
    with suppress(*([] if noticed else [DependencyUnavailable])):
        assert await count(database, tenants.a) == 0
    assert await count(database, tenants.a) == 0


async def test_two_that_wait_for_each_other_are_told_to_try_again(open_service_database, database_url, tenants):
    database = await open_service_database(database_url, connection_settings={"statement_timeout": "8000"})
    async with database.tenant(tenants.a, soon()) as session:
        await session.execute_many(INSERT, [(1,), (2,)])
    both_hold_one = asyncio.Barrier(2)

    async def take(first, second):
        async with database.tenant(tenants.a, soon()) as session:
            await session.execute(LOCK, first)
            await both_hold_one.wait()
            await session.execute(LOCK, second)

    outcomes = await asyncio.gather(take(1, 2), take(2, 1), return_exceptions=True)

    (refused,) = [outcome for outcome in outcomes if outcome is not None]
    assert isinstance(refused, DependencyUnavailable)
    assert refused.retry_after_ms < 1_000


async def test_a_server_that_has_stopped_answering_holds_no_call_past_its_deadline(
    open_service_database, database_url, tenants, slow_line
):
    database = await open_service_database(slow_line.url_of(database_url), pool_size_max=1)
    assert await count(database, tenants.a) == 0

    async def counting():
        async with database.tenant(tenants.a, Deadline.after(0.5)) as session:
            slow_line.stall()
            await session.fetch_value(COUNT)

    begun = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        await counting()

    assert time.monotonic() - begun < 6
    slow_line.flow()
    assert await count(database, tenants.a) == 0


async def test_settings_of_a_service_reach_its_connections(open_service_database, database_url):
    database = await open_service_database(database_url, connection_settings={"work_mem": "7MB"})

    async with database.untenanted(soon()) as session:
        shown = [await session.fetch_value(Query("show", f"SHOW {name}")) for name in ("work_mem", "application_name")]
    assert shown == ["7MB", "sagwan-test"]


async def test_vectors_travel_as_numbers(database, tenants):
    async with database.tenant(tenants.a, soon()) as session:
        vector = await session.fetch_value(Query("vector", "SELECT '[1,2.5,3]'::vector"))

    assert vector.to_list() == [1.0, 2.5, 3.0]


async def test_each_statement_is_timed_and_traced_under_its_name(database, tenants, registry, spans):
    async def fast_and_slow():
        async with database.tenant(tenants.a, Deadline.after(0.5)) as session:
            await session.fetch_value(COUNT)
            await session.execute(SLEEP)

    with pytest.raises(DeadlineExceeded):
        await fast_and_slow()

    timed = {
        name: registry.get_sample_value("sagwan_database_statement_seconds_count", {"query": name})
        for name in (COUNT.name, SLEEP.name)
    }
    assert timed == {COUNT.name: 1, SLEEP.name: 1}
    assert registry.get_sample_value("sagwan_database_acquire_seconds_count") == 1
    assert [span.name for span in spans.get_finished_spans()] == [COUNT.name, SLEEP.name]
    assert all(span.attributes["db.system.name"] == "postgresql" for span in spans.get_finished_spans())


async def test_a_tenant_that_does_not_exist_has_nothing(database):
    assert await count(database, uuid4()) == 0


async def test_a_transaction_names_its_trace_to_the_server(database, tenants, owner, tracer):
    seen = "SELECT query FROM pg_stat_activity WHERE application_name = $1"
    named = Query("named", "SHOW application_name")

    with tracer.start_as_current_span("a call") as span:
        trace_id, span_id = f"{span.get_span_context().trace_id:032x}", f"{span.get_span_context().span_id:016x}"
        name = f"sagwan-test {trace_id}"
        async with database.tenant(tenants.a, soon()) as session:
            began = await owner.fetchval(seen, name)
            assert await session.fetch_value(named) == name
            assert await session.fetch_value(COUNT) is not None
            assert await session.fetch_value(named) == name

    assert began.endswith(f"/*traceparent='00-{trace_id}-{span_id}-01'*/")
    assert await owner.fetchval(seen, name) is None


async def test_a_transaction_of_no_trace_that_is_kept_has_the_name_of_its_service(database, tenants):
    async with database.tenant(tenants.a, soon()) as session:
        assert await session.fetch_value(Query("named", "SHOW application_name")) == "sagwan-test"


async def test_a_statement_that_fails_marks_its_span_and_quotes_nothing(database, tenants, registry, spans):
    with pytest.raises(asyncpg.DataError):
        async with database.tenant(tenants.a, soon()) as session:
            await session.fetch(Query("bad", "SELECT $1::text::int"), "what somebody said")
    with pytest.raises(DeadlineExceeded):
        async with database.tenant(tenants.a, Deadline.after(0.3)) as session:
            await session.execute(SLEEP)

    bad, late = spans.get_finished_spans()
    assert (bad.attributes["error.type"], late.attributes["error.type"]) == (
        "InvalidTextRepresentationError",
        "TimeoutError",
    )
    assert not bad.status.description
    assert not late.status.description
    assert not bad.events
    assert registry.get_sample_value("sagwan_database_failures_total", {"reason": "late"}) == 1


async def test_the_pool_says_how_full_it_is(database, tenants, registry, eventually):
    def of(name, **labels):
        return registry.get_sample_value(name, labels)

    async with database.tenant(tenants.a, soon()):
        assert of("sagwan_database_connections", state="busy") == of("sagwan_database_connections_max") == 1
        waiting = asyncio.create_task(count(database, tenants.a))
        await eventually(lambda: of("sagwan_database_acquire_waiting") == 1)
    await waiting

    assert of("sagwan_database_connections", state="busy") == of("sagwan_database_acquire_waiting") == 0
    assert of("sagwan_database_connections", state="idle") == 1


async def test_a_statement_that_its_caller_gives_up_leaves_the_connection_to_the_next_one(database, tenants):
    async with database.tenant(tenants.a, soon()) as session:
        await session.execute(INSERT, 1)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await session.execute(SLEEP)

    # Neither kept nor in the way: the statement has ended its transaction.
    assert await count(database, tenants.a) == 0
