"""What a tool author writes against: `Tool`, and the `Call` it is given."""

from __future__ import annotations

import importlib
import math
import typing
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, Protocol, TypeVar

from google.protobuf.message import Message

from thinkimg_rpc.contract import ContractError, ToolContract
from thinkimg_rpc.digest import digest_of
from thinkimg_rpc.errors import CallerError, FieldViolation, InvalidRequest, OutOfRange
from thinkimg_rpc.settings import CannotStart, ModelSettings
from thinkimg_rpc.v1 import Box, Image, ImageFormat, Point, ResultImage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]
    """(H, W, 3) RGB."""

Request = TypeVar("Request", bound=Message)
Response = TypeVar("Response", bound=Message)


class Tool(Generic[Request, Response]):
    """A capability of the mesh.

    Subclass it with the request and the response of a service's unary method;
    the service is found through the request's descriptor. A worker makes one
    instance, calls `setup` once, then `run` from several threads at a time.
    """

    version: ClassVar[str] = "1"
    """Shown by `thinkimg tools`; raise it when answers change."""
    backend: str = "python"
    """What computes the answer, with its version; `setup` may set it."""
    backends: ClassVar[tuple[str, ...]] = ()
    """The names `settings.backend` may have beside "auto"; none: there is no choice."""
    cacheable: ClassVar[bool] = False
    """Whether answers are kept by request: for what costs more than looking it up,
    and depends on nothing but the request, the version and the backend."""
    settings: ModelSettings = ModelSettings()
    """What `mesh.toml` says of the backend; the worker sets it before `setup`."""

    def setup(self) -> None:
        """Load what the tool needs. The worker serves only once this returns."""

    def run(self, request: Request, call: Call) -> Response:
        """Answer one request. Raise a `CallerError` for the caller's mistakes.

        Any other exception is a bug: the caller gets INTERNAL, the log the traceback.
        A tool that defines `run_batch` need not define this.
        """
        (answer,) = self.run_batch([request], [call])
        if isinstance(answer, CallerError):
            raise answer
        return answer

    def run_batch(
        self, requests: Sequence[Request], calls: Sequence[Call]
    ) -> Sequence[Response | CallerError]:
        """Answer several requests in one pass, instead of `run`, where `batches` says so.

        One answer for each request, in their order; a `CallerError` in its place is
        that request's alone. If it raises, each request is tried by itself. One pass
        runs at a time; the images of all requests are decoded when it begins.
        """
        raise NotImplementedError

    def batches(self) -> bool:
        """Whether calls are gathered for `run_batch`. Asked once, after `setup`."""
        return type(self).run_batch is not Tool.run_batch

    @classmethod
    def contract(cls) -> ToolContract:
        """The contract this tool serves.

        Raises: ContractError, saying what the tool's author has to mend.
        """
        for owner in cls.__mro__:
            for base in getattr(owner, "__orig_bases__", ()):
                arguments = typing.get_args(base)
                if typing.get_origin(base) is Tool and not isinstance(arguments[0], TypeVar):
                    return ToolContract.from_request(arguments[0].DESCRIPTOR)
        raise ContractError(
            f"{cls.__name__} does not say what it answers: "
            f"write `class {cls.__name__}(Tool[YourRequest, YourResponse])`"
        )


class PixelBox(NamedTuple):
    """A box in whole pixels: columns [x0, x1), rows [y0, y1)."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def rows(self) -> slice:
        return slice(self.y0, self.y1)

    @property
    def columns(self) -> slice:
        return slice(self.x0, self.x1)


class ImageAccess(Protocol):
    """What a call needs of its worker's images."""

    def pixels(self, image: Image, clock: Clock) -> Pixels:
        """Raises: ValueError, when the bytes are not an image; ImageNotCached."""
        ...

    def reply(self, pixels: Pixels, image_format: ImageFormat.ValueType) -> ResultImage: ...


class Clock(Protocol):
    """What a call needs to know of its own time."""

    def remaining_s(self) -> float | None:
        """Seconds left; None without a deadline.

        Raises: DeadlineExceeded when there are none, Cancelled when the caller is gone.
        """
        ...


class Call:
    """One call, as the tool sees it. Used in the thread that runs the tool."""

    __slots__ = ("_clock", "_images", "_on_upload", "_request", "worker_id")

    def __init__(
        self,
        request: Message,
        images: ImageAccess,
        clock: Clock,
        on_upload: Callable[[], None] = lambda: None,
        worker_id: str = "",
    ) -> None:
        self._request = request
        self._images = images
        self._clock = clock
        self._on_upload = on_upload
        self.worker_id = worker_id

    def image(self, image: Image) -> Pixels:
        """The decoded image, (H, W, 3) uint8 RGB, read-only because it is shared.

        Raises: InvalidRequest, when it is not an image; ImageNotCached, when the
        digest is known neither here nor at the front door.
        """
        try:
            pixels = self._images.pixels(image, self._clock)
        except ValueError as error:
            raise InvalidRequest.field(self.field(image), str(error)) from error
        if image.WhichOneof("source") == "data":
            self._on_upload()
        return pixels

    def image_digest(self, image: Image) -> str:
        """The image's sha256, to keep by it what was computed from it."""
        return image.digest or digest_of(image.data)

    def reply_image(
        self,
        pixels: Pixels,
        image_format: ImageFormat.ValueType = ImageFormat.IMAGE_FORMAT_UNSPECIFIED,
    ) -> ResultImage:
        """Encode (H, W, 3) uint8 RGB pixels and keep them for further calls by digest."""
        return self._images.reply(pixels, image_format)

    def box(self, box: Box, within: Pixels) -> PixelBox:
        """A box in whole pixels: floor of the near edges, ceiling of the far ones.

        Raises: InvalidRequest, when it is empty; OutOfRange, when it is not inside.
        """
        name = self.field(box)
        height, width = within.shape[:2]
        wrong = [
            FieldViolation(f"{name}.{far}", f"must be larger than {near} ({b:g} <= {a:g})")
            for near, far, a, b in (("x0", "x1", box.x0, box.x1), ("y0", "y1", box.y0, box.y1))
            if not a < b
        ]
        if wrong:
            raise InvalidRequest.fields(wrong)
        outside = [
            FieldViolation(f"{name}.{edge}", f"{value:g} is outside the image: 0 to {limit}")
            for edge, value, limit in (
                ("x0", box.x0, width),
                ("y0", box.y0, height),
                ("x1", box.x1, width),
                ("y1", box.y1, height),
            )
            if not 0 <= value <= limit
        ]
        if outside:
            raise OutOfRange.fields(outside)
        return PixelBox(
            math.floor(box.x0), math.floor(box.y0), math.ceil(box.x1), math.ceil(box.y1)
        )

    def point(self, point: Point, within: Pixels) -> tuple[float, float]:
        """A point (x, y) that lies on a pixel of the image.

        Raises: OutOfRange, when it does not.
        """
        name = self.field(point)
        height, width = within.shape[:2]
        outside = [
            FieldViolation(f"{name}.{axis}", f"{value:g} is outside the image: 0 to below {limit}")
            for axis, value, limit in (("x", point.x, width), ("y", point.y, height))
            if not 0 <= value < limit
        ]
        if outside:
            raise OutOfRange.fields(outside)
        return point.x, point.y

    def check_deadline(self) -> None:
        """Stop a long computation nobody waits for: call it between its steps.

        Raises: DeadlineExceeded or Cancelled.
        """
        self._clock.remaining_s()

    def remaining_s(self) -> float | None:
        """How long the caller still waits; None without a deadline: for what has its own timeout.

        Raises: DeadlineExceeded or Cancelled.
        """
        return self._clock.remaining_s()

    def field(self, part: Message) -> str:
        """Where in the request `part` stands, as a dotted path, for error messages."""
        return _path_of(part, self._request) or type(part).__name__.lower()


def check_backend(tool: Tool[Any, Any], settings: ModelSettings) -> None:
    """Refuse a choice that the tool does not offer. Raises: CannotStart."""
    if settings.backend == "auto" or settings.backend in tool.backends:
        return
    offered = ", ".join(("auto", *tool.backends))
    raise CannotStart(
        f'{type(tool).__name__} has no backend "{settings.backend}"; choose one of: {offered}'
        if tool.backends
        else f"{type(tool).__name__} has one backend only: leave backend out, or give the "
        "tools that have a choice a [[worker]] of their own"
    )


def load_tool(spec: str) -> type[Tool[Message, Message]]:
    """The tool class that "package.module:Class" names.

    Raises: CannotStart, saying which part of it is wrong.
    """
    module_name, separator, class_name = spec.partition(":")
    if not (separator and module_name and class_name):
        raise CannotStart(f'tool "{spec}": write it as "package.module:Class"')
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise CannotStart(
            f'tool "{spec}": no module named {error.name}; is it installed in this environment?'
        ) from error
    found = getattr(module, class_name, None)
    if not (isinstance(found, type) and issubclass(found, Tool)):
        raise CannotStart(f'tool "{spec}": {module_name} has no Tool class named {class_name}')
    return found


def _path_of(part: Message, whole: Message) -> str | None:
    for descriptor, value in whole.ListFields():
        if descriptor.message_type is None:
            continue
        items = enumerate(value) if isinstance(value, typing.Sequence) else [(None, value)]
        for index, item in items:
            name = descriptor.name if index is None else f"{descriptor.name}[{index}]"
            if item is part:
                return name
            if isinstance(item, Message) and (deeper := _path_of(part, item)) is not None:
                return f"{name}.{deeper}"
    return None
