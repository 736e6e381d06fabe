import time

import grpc
import pytest

from sagwan_runtime.deadline import Deadline
from sagwan_runtime.errors import DeadlineExceeded

LONGEST_S = 60.0


def test_time_is_left_until_the_deadline():
    begun = time.monotonic()
    deadline = Deadline.after(60)

    left = deadline.remaining_s()

    assert 60 - (time.monotonic() - begun) <= left <= 60


@pytest.mark.parametrize("seconds", [0, -1])
def test_a_deadline_that_has_passed_is_an_error(seconds):
    with pytest.raises(DeadlineExceeded):
        Deadline.after(seconds).remaining_s()


def test_the_earlier_of_two_limits_holds():
    deadline = Deadline.after(60)

    assert deadline.no_later_than(1).remaining_s() <= 1
    assert deadline.no_later_than(3_600) == deadline


@pytest.mark.parametrize(
    ("timeout_s", "expected_s"),
    [(None, LONGEST_S), (5.0, 5.0), (3_600.0, LONGEST_S)],
    ids=["caller sets none", "caller is in a hurry", "caller has too much time"],
)
async def test_a_call_has_its_callers_deadline_within_ours(serve_handlers, timeout_s, expected_s):
    async def left(_, context):
        return str(Deadline.of_call(context, longest_s=LONGEST_S).remaining_s()).encode()

    channel = await serve_handlers({"Left": grpc.unary_unary_rpc_method_handler(left)})
    answer = await channel.unary_unary("/sagwan.test.v1.TestService/Left")(b"", timeout=timeout_s)

    # gRPC rounds a deadline up, by some milliseconds.
    assert expected_s - 2 < float(answer) < expected_s + 0.5
