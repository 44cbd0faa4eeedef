"""Errors, split by whose fault they are.

A `CallerError` is shown to the model, which can repair its call. A `MeshFault`
is retried on another worker, and if it stays the episode is aborted and never
becomes a training signal. The two are never mixed.

A tool raises these; the worker turns them into a `google.rpc.Status`; the
client turns the status back into the same class. `to_status` and `from_status`
are each other's inverse.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import DecodeError, Message
from google.rpc import code_pb2, error_details_pb2, status_pb2

Detail = TypeVar("Detail", bound=Message)

ERROR_DOMAIN = "thinkimg_rpc"
IMAGE_NOT_CACHED = "IMAGE_NOT_CACHED"
UNKNOWN_TOOL = "UNKNOWN_TOOL"


@dataclass(frozen=True)
class FieldViolation:
    """One thing wrong with a request: a dotted field path and what to do about it."""

    field: str
    description: str

    def __str__(self) -> str:
        return f"{self.field}: {self.description}" if self.field else self.description


class ThinkImgError(Exception):
    """Anything this package raises on purpose."""

    code: ClassVar[int] = code_pb2.UNKNOWN
    """The `google.rpc.Code` that stands for this class on the wire."""
    reason: ClassVar[str] = ""
    """The `ErrorInfo.reason` that tells this class from others of the same code."""

    def __init__(
        self,
        message: str,
        *,
        violations: Iterable[FieldViolation] = (),
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.violations = tuple(violations)
        self.retry_after_s = retry_after_s


class CallerError(ThinkImgError):
    """The request is at fault: the same request will fail everywhere."""

    @classmethod
    def field(cls, field: str, description: str) -> CallerError:
        """An error about one field: `InvalidRequest.field("box.x1", "must be > box.x0")`."""
        return cls.fields([FieldViolation(field, description)])

    @classmethod
    def fields(cls, violations: Iterable[FieldViolation]) -> CallerError:
        """An error about several fields at once."""
        found = tuple(violations)
        return cls("; ".join(map(str, found)), violations=found)


class InvalidRequest(CallerError):
    """A value that is wrong whatever image it is applied to."""

    code = code_pb2.INVALID_ARGUMENT


class OutOfRange(CallerError):
    """A value that is wrong for this image: a box outside it, say."""

    code = code_pb2.OUT_OF_RANGE


class NotFound(CallerError):
    """Something named in the request does not exist."""

    code = code_pb2.NOT_FOUND


class UnknownTool(NotFound):
    """No worker in the mesh hosts that tool; the message lists near names."""

    reason = UNKNOWN_TOOL


class ImageNotCached(CallerError):
    """A digest this worker does not hold. `Mesh` resends the bytes by itself."""

    code = code_pb2.FAILED_PRECONDITION
    reason = IMAGE_NOT_CACHED


class TooLarge(CallerError):
    """A message over the size limit (RESOURCE_EXHAUSTED without a RetryInfo)."""

    code = code_pb2.RESOURCE_EXHAUSTED


class Unauthenticated(CallerError):
    """The mesh wants a token, and the call has none or another one."""

    code = code_pb2.UNAUTHENTICATED


class Conflict(CallerError):
    """The mesh already holds something else of that name."""

    code = code_pb2.ALREADY_EXISTS


class Unsupported(CallerError):
    """The server has no such method."""

    code = code_pb2.UNIMPLEMENTED


class Cancelled(CallerError):
    """The caller gave the call up."""

    code = code_pb2.CANCELLED


class MeshFault(ThinkImgError):
    """The mesh is at fault: the same request may succeed on another worker, or later."""


class Unavailable(MeshFault):
    """No worker could be reached, or the one called went away."""

    code = code_pb2.UNAVAILABLE


class Overloaded(MeshFault):
    """A worker's queue is full; `retry_after_s` says when to come back."""

    code = code_pb2.RESOURCE_EXHAUSTED


class DeadlineExceeded(MeshFault):
    """No answer within the time the call had."""

    code = code_pb2.DEADLINE_EXCEEDED


class InternalFault(MeshFault):
    """A bug in a tool or in the mesh; the worker's log has the traceback."""

    code = code_pb2.INTERNAL


_LEAVES: tuple[type[ThinkImgError], ...] = (
    InvalidRequest,
    OutOfRange,
    NotFound,
    UnknownTool,
    ImageNotCached,
    TooLarge,
    Unauthenticated,
    Conflict,
    Unsupported,
    Cancelled,
    Unavailable,
    Overloaded,
    DeadlineExceeded,
    InternalFault,
)
_BY_CODE_AND_REASON = {(leaf.code, leaf.reason): leaf for leaf in _LEAVES if leaf is not TooLarge}


# A status travels in the trailers, which gRPC limits to 8 KiB, so what quotes the
# caller's own input is cut. In UTF-8 bytes, of which a message may take three in a
# header (percent-encoded) and details four thirds (base64).
_MAX_MESSAGE_BYTES = 1000
_MAX_FIELD_BYTES = 80
_MAX_DESCRIPTION_BYTES = 200
_MAX_VIOLATIONS = 8


def to_status(error: ThinkImgError) -> status_pb2.Status:
    """The `google.rpc.Status` of an error, with its details packed in."""
    message = _shorten(error.message, _MAX_MESSAGE_BYTES)
    status = status_pb2.Status(code=error.code, message=message)
    if error.violations:
        bad = error_details_pb2.BadRequest()
        for violation in error.violations[:_MAX_VIOLATIONS]:
            bad.field_violations.add(
                field=_shorten(violation.field, _MAX_FIELD_BYTES),
                description=_shorten(violation.description, _MAX_DESCRIPTION_BYTES),
            )
        _pack(status, bad)
    if error.reason:
        _pack(status, error_details_pb2.ErrorInfo(reason=error.reason, domain=ERROR_DOMAIN))
    if isinstance(error, Overloaded) or error.retry_after_s is not None:
        # Without it, RESOURCE_EXHAUSTED would be taken for the caller's fault.
        delay = duration_pb2.Duration()
        delay.FromNanoseconds(int((error.retry_after_s or 0) * 1e9))
        _pack(status, error_details_pb2.RetryInfo(retry_delay=delay))
    return status


def from_status(status: status_pb2.Status) -> ThinkImgError:
    """The error a status stands for; a code of no class of ours is an `InternalFault`."""
    reason = ""
    violations: list[FieldViolation] = []
    retry_after_s: float | None = None
    for detail in status.details:
        if (info := _unpack(detail, error_details_pb2.ErrorInfo)) is not None:
            reason = info.reason if info.domain == ERROR_DOMAIN else ""
        elif (bad := _unpack(detail, error_details_pb2.BadRequest)) is not None:
            violations += [FieldViolation(v.field, v.description) for v in bad.field_violations]
        elif (retry := _unpack(detail, error_details_pb2.RetryInfo)) is not None:
            retry_after_s = retry.retry_delay.ToNanoseconds() / 1e9
    if status.code == code_pb2.RESOURCE_EXHAUSTED and retry_after_s is None:
        return TooLarge(status.message, violations=violations)
    kind = _BY_CODE_AND_REASON.get((status.code, reason)) or _BY_CODE_AND_REASON.get(
        (status.code, "")
    )
    if kind is None:
        return InternalFault(f"status {status.code}: {status.message}")
    return kind(status.message, violations=violations, retry_after_s=retry_after_s)


def _shorten(text: str, max_bytes: int) -> str:
    """At most `max_bytes` of UTF-8. What UTF-8 cannot hold (a lone surrogate) becomes `?`."""
    encoded = text.encode(errors="replace")
    if len(encoded) > max_bytes:
        return encoded[: max_bytes - len("…".encode())].decode(errors="ignore") + "…"
    return encoded.decode()


def _pack(status: status_pb2.Status, detail: Message) -> None:
    status.details.add().Pack(detail)


def _unpack(detail: any_pb2.Any, kind: type[Detail]) -> Detail | None:
    message = kind()
    try:
        return message if detail.Unpack(message) else None
    except DecodeError:
        return None
