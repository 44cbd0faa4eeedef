"""The built-in tools as typed methods."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from google.protobuf.message import Message

from thinkimg_rpc.v1 import (
    CropRequest,
    CropResponse,
    DrawHorizontalLineByYRequest,
    DrawHorizontalLineByYResponse,
    DrawVerticalLineByXRequest,
    DrawVerticalLineByXResponse,
    GroundingDINORequest,
    GroundingDINOResponse,
    OCRRequest,
    OCRResponse,
    PointRequest,
    PointResponse,
    SAMRequest,
    SAMResponse,
    SegmentRegionAroundPointRequest,
    SegmentRegionAroundPointResponse,
    ZoominSubplotRequest,
    ZoominSubplotResponse,
)


class BuiltinTools(ABC):
    """One method for each tool whose contract ships with this package.

    Each raises CallerError for a mistake in the request, MeshFault when no
    worker could answer in time.
    """

    @abstractmethod
    async def send(self, request: Message, *, timeout_s: float | None = None) -> Any:
        """Call the tool whose request this is."""

    async def crop(self, request: CropRequest, *, timeout_s: float | None = None) -> CropResponse:
        """Cut a region out of an image."""
        response: CropResponse = await self.send(request, timeout_s=timeout_s)
        return response

    async def draw_horizontal_line_by_y(
        self, request: DrawHorizontalLineByYRequest, *, timeout_s: float | None = None
    ) -> DrawHorizontalLineByYResponse:
        """Draw a horizontal line across an image."""
        response: DrawHorizontalLineByYResponse = await self.send(request, timeout_s=timeout_s)
        return response

    async def draw_vertical_line_by_x(
        self, request: DrawVerticalLineByXRequest, *, timeout_s: float | None = None
    ) -> DrawVerticalLineByXResponse:
        """Draw a vertical line across an image."""
        response: DrawVerticalLineByXResponse = await self.send(request, timeout_s=timeout_s)
        return response

    async def ocr(self, request: OCRRequest, *, timeout_s: float | None = None) -> OCRResponse:
        """Read the text in an image."""
        response: OCRResponse = await self.send(request, timeout_s=timeout_s)
        return response

    async def grounding_dino(
        self, request: GroundingDINORequest, *, timeout_s: float | None = None
    ) -> GroundingDINOResponse:
        """Find what a text describes."""
        response: GroundingDINOResponse = await self.send(request, timeout_s=timeout_s)
        return response

    async def sam(self, request: SAMRequest, *, timeout_s: float | None = None) -> SAMResponse:
        """Segment what is inside boxes or under points."""
        response: SAMResponse = await self.send(request, timeout_s=timeout_s)
        return response

    async def segment_region_around_point(
        self, request: SegmentRegionAroundPointRequest, *, timeout_s: float | None = None
    ) -> SegmentRegionAroundPointResponse:
        """Segment the region around a point."""
        response: SegmentRegionAroundPointResponse = await self.send(request, timeout_s=timeout_s)
        return response

    async def point(
        self, request: PointRequest, *, timeout_s: float | None = None
    ) -> PointResponse:
        """Point at what a text describes."""
        response: PointResponse = await self.send(request, timeout_s=timeout_s)
        return response

    async def zoomin_subplot(
        self, request: ZoominSubplotRequest, *, timeout_s: float | None = None
    ) -> ZoominSubplotResponse:
        """Cut the described panels out of a figure."""
        response: ZoominSubplotResponse = await self.send(request, timeout_s=timeout_s)
        return response
