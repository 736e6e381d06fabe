import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sagwan_runtime import errors
from sagwan_runtime.errors import InvalidRequest, NotFound, SagwanError, Violation
from sagwan_runtime.status import internal_status, rich_status, status_code_number

CODES = [
    (InvalidRequest.field("query", "is blank"), grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST"),
    (errors.Unauthenticated("no key"), grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED"),
    (errors.PermissionDenied("not yours"), grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED"),
    (NotFound("meetings/m"), grpc.StatusCode.NOT_FOUND, "NOT_FOUND"),
    (errors.AlreadyExists("taken"), grpc.StatusCode.ALREADY_EXISTS, "ALREADY_EXISTS"),
    (errors.Conflict("changed"), grpc.StatusCode.ABORTED, "CONFLICT"),
    (errors.PreconditionFailed("models/m", "serves"), grpc.StatusCode.FAILED_PRECONDITION, "PRECONDITION_FAILED"),
    (errors.Overloaded("full", retry_after_ms=100), grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED"),
    (errors.DependencyUnavailable("down"), grpc.StatusCode.UNAVAILABLE, "DEPENDENCY_UNAVAILABLE"),
    (errors.DeadlineExceeded("late"), grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED"),
    (errors.NotImplementedYet("later"), grpc.StatusCode.UNIMPLEMENTED, "NOT_IMPLEMENTED_YET"),
]
IN_THE_TABLE = {type(error) for error, _, _ in CODES}
# What C-core takes of metadata before it drops the status, and what the coding of the message and details may cost.
METADATA_BYTES_MAX = 8_192
PERCENT_CODED = 3
BASE64_CODED = 4 / 3


def details_of(status):
    return status_pb2.Status.FromString(dict(status.trailing_metadata)["grpc-status-details-bin"])


def detail_of(status, kind):
    found = kind()
    assert any(each.Unpack(found) for each in details_of(status).details)
    return found


def test_every_domain_error_has_a_code():
    kinds = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, SagwanError)}

    assert kinds - {SagwanError} == IN_THE_TABLE


@pytest.mark.parametrize(("error", "code", "reason"), CODES, ids=lambda each: type(each).__name__)
def test_a_domain_error_leaves_with_its_code_its_words_and_its_reason(error, code, reason):
    status = rich_status(error)

    assert (status.code, status.message) == (code, str(error))
    assert details_of(status).code == code.value[0] == status_code_number(code)
    assert details_of(status).message == str(error)
    info = detail_of(status, error_details_pb2.ErrorInfo)
    assert (info.reason, info.domain) == (reason, "sagwan")


def test_an_invalid_request_names_each_field():
    status = rich_status(InvalidRequest(Violation("query", "is blank"), Violation("filter.start_date", "is no date")))

    violations = detail_of(status, error_details_pb2.BadRequest).field_violations
    assert [(each.field, each.description) for each in violations] == [
        ("query", "is blank"),
        ("filter.start_date", "is no date"),
    ]


def test_what_is_in_the_wrong_state_is_named_with_the_reason():
    failure = detail_of(
        rich_status(errors.PreconditionFailed("models/m", "serves")), error_details_pb2.PreconditionFailure
    )

    (violation,) = failure.violations
    assert (violation.type, violation.subject, violation.description) == ("models", "models/m", "models/m serves")


def test_what_is_not_found_is_named_by_kind_and_name():
    resource = detail_of(rich_status(NotFound("meetings/m-1")), error_details_pb2.ResourceInfo)

    assert (resource.resource_type, resource.resource_name) == ("meetings", "meetings/m-1")


@pytest.mark.parametrize("kind", [errors.Overloaded, errors.DependencyUnavailable])
def test_errors_that_pass_say_when_to_try_again(kind):
    status = rich_status(kind("busy", retry_after_ms=1_250))

    assert detail_of(status, error_details_pb2.RetryInfo).retry_delay.ToMilliseconds() == 1_250
    assert dict(status.trailing_metadata)["grpc-retry-pushback-ms"] == "1250"


@pytest.mark.parametrize("error", [error for error, _, _ in CODES if not hasattr(error, "retry_after_ms")])
def test_errors_that_stay_ask_nobody_to_try_again(error):
    assert "grpc-retry-pushback-ms" not in dict(rich_status(error).trailing_metadata)


def test_a_kind_of_error_that_the_table_lacks_says_nothing_of_itself():
    class Leak(SagwanError):
        pass

    status = rich_status(Leak("password=hunter2"))

    assert status == internal_status()
    assert (status.code, status.message, status.trailing_metadata) == (grpc.StatusCode.INTERNAL, "internal error", ())


def test_a_narrower_error_has_the_code_of_its_kind_and_a_reason_of_its_own():
    class MeetingNotFound(NotFound):
        pass

    status = rich_status(MeetingNotFound("meetings/m"))

    assert status.code is grpc.StatusCode.NOT_FOUND
    assert detail_of(status, error_details_pb2.ErrorInfo).reason == "MEETING_NOT_FOUND"


def test_violations_past_what_a_status_can_carry_are_counted():
    status = rich_status(InvalidRequest(*(Violation(f"texts[{i}]", "is blank") for i in range(1_024))))

    *told, last = detail_of(status, error_details_pb2.BadRequest).field_violations
    assert [each.field for each in told] == [f"texts[{i}]" for i in range(len(told))]
    assert len(told) >= 50
    assert (last.field, last.description) == ("", f"and {1_024 - len(told):,} more")


@settings(deadline=None)  # a thousand violations take longer on a busy machine, and time is not the matter here
@example([Violation("texts[100]", "is blank")] * 1_024)
@example([Violation("가" * 300, "나" * 3_000)] * 1_024)
@given(st.lists(st.builds(Violation, st.text(max_size=300), st.text(max_size=3_000)), min_size=1, max_size=200))
def test_a_status_always_fits_into_what_grpc_takes(violations):
    status = rich_status(InvalidRequest(*violations))

    carried = len(status.message.encode()) * PERCENT_CODED
    carried += sum(len(key) + len(value) * BASE64_CODED for key, value in status.trailing_metadata)
    assert carried < METADATA_BYTES_MAX * 0.9
    assert detail_of(status, error_details_pb2.BadRequest).field_violations


@pytest.mark.parametrize("name", ["meetings/" + "x" * 20_000, "가" * 20_000])
def test_a_long_resource_name_fits_too(name):
    status = rich_status(NotFound(name))

    assert sum(len(value) for _, value in status.trailing_metadata) * BASE64_CODED < METADATA_BYTES_MAX * 0.6
