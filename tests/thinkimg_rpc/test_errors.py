"""Errors travel as google.rpc.Status and come back as the same class."""

from __future__ import annotations

import pytest
from google.protobuf import any_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from hypothesis import given
from hypothesis import strategies as st

from thinkimg_rpc import errors
from thinkimg_rpc.errors import (
    CallerError,
    FieldViolation,
    ImageNotCached,
    InternalFault,
    InvalidRequest,
    MeshFault,
    NotFound,
    Overloaded,
    ThinkImgError,
    TooLarge,
    UnknownTool,
    from_status,
    to_status,
)

KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type)
    and issubclass(kind, CallerError | MeshFault)
    and kind not in (CallerError, MeshFault)
]
TRAILERS_LIMIT = 8192
"""What a stock gRPC client accepts as trailers, names and all."""


def _wire_bytes(status: status_pb2.Status) -> int:
    """Bytes of the trailers that carry a status: percent-encoded message, base64 details."""
    message = sum(
        1 if 0x20 <= byte <= 0x7E and byte != ord("%") else 3 for byte in status.message.encode()
    )
    return message + 4 * (status.ByteSize() + 2) // 3 + 200


@pytest.mark.parametrize("kind", KINDS)
def test_every_class_comes_back_as_itself(kind: type[ThinkImgError]) -> None:
    back = from_status(to_status(kind("it is so")))

    assert type(back) is kind
    assert back.message == "it is so"


@pytest.mark.parametrize("kind", KINDS)
def test_the_fields_at_fault_come_back(kind: type[ThinkImgError]) -> None:
    violations = (FieldViolation("box.x1", "must be larger"), FieldViolation("", "empty"))

    back = from_status(to_status(kind("two things", violations=violations)))

    assert back.violations == violations


def test_the_time_to_wait_comes_back() -> None:
    back = from_status(to_status(Overloaded("full", retry_after_s=0.25)))

    assert isinstance(back, Overloaded)
    assert back.retry_after_s == 0.25


def test_a_field_error_reads_as_one_line_naming_the_field() -> None:
    error = InvalidRequest.field("box.x1", "must be larger than box.x0 (10 <= 20)")

    assert str(error) == "box.x1: must be larger than box.x0 (10 <= 20)"


def test_resource_exhausted_is_the_meshs_fault_only_with_a_time_to_wait() -> None:
    bare = status_pb2.Status(code=code_pb2.RESOURCE_EXHAUSTED, message="larger than max")

    assert type(from_status(bare)) is TooLarge
    assert not to_status(TooLarge("larger than max")).details


@pytest.mark.parametrize(("kind", "plain"), [(UnknownTool, NotFound), (ImageNotCached, None)])
def test_a_reason_counts_only_in_our_own_domain(
    kind: type[ThinkImgError], plain: type[ThinkImgError] | None
) -> None:
    status = status_pb2.Status(code=kind.code, message="from another system")
    info = error_details_pb2.ErrorInfo(reason=kind.reason, domain="example.com")
    status.details.add().Pack(info)

    assert type(from_status(status)) is (plain or InternalFault)


def test_a_code_of_no_class_of_ours_is_the_meshs_fault() -> None:
    error = from_status(status_pb2.Status(code=code_pb2.DATA_LOSS, message="lost"))

    assert type(error) is InternalFault
    assert "lost" in error.message


def test_details_that_do_not_parse_are_passed_over() -> None:
    status = status_pb2.Status(code=code_pb2.NOT_FOUND, message="gone")
    broken = any_pb2.Any(type_url="type.googleapis.com/google.rpc.BadRequest", value=b"\xff\xff")
    status.details.append(broken)

    assert type(from_status(status)) is NotFound


@given(
    text=st.text(max_size=2000),
    fields=st.lists(st.tuples(st.text(max_size=400), st.text(max_size=400)), max_size=20),
)
def test_a_status_fits_into_the_trailers_whatever_it_quotes(
    text: str, fields: list[tuple[str, str]]
) -> None:
    violations = [FieldViolation(*field) for field in fields]

    assert _wire_bytes(to_status(InvalidRequest(text, violations=violations))) < TRAILERS_LIMIT


@pytest.mark.parametrize("character", ["a", "é", "漢", "🖼", "\x00", "%", "\udc80"])
def test_huge_text_of_any_script_fits_into_the_trailers(character: str) -> None:
    huge = character * 100_000
    error = InvalidRequest(huge, violations=[FieldViolation(huge, huge)] * 50)

    status = to_status(error)

    assert _wire_bytes(status) < TRAILERS_LIMIT
    assert status.message.endswith("…")


def test_cut_text_is_still_worth_reading() -> None:
    status = to_status(InvalidRequest.field("text", "漢" * 5000))

    assert status.message.startswith("text: 漢漢漢")
    assert len(status.message) > 200
