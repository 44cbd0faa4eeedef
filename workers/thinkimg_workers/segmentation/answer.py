"""A region as the contracts have it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from google.protobuf.message import Message

from thinkimg_rpc.errors import CallerError
from thinkimg_rpc.imaging.mask import mask_of
from thinkimg_rpc.tool import Call
from thinkimg_rpc.v1 import Box, Segment
from thinkimg_workers.segmentation.region import Region
from thinkimg_workers.segmentation.segmenter import Scene, Segmenter

Request = TypeVar("Request", bound=Message)
Response = TypeVar("Response", bound=Message)


def segment_of(region: Region, scene: Scene) -> Segment:
    """The mask of the whole image with its box, its area and its score."""
    frame = region.frame
    return Segment(
        mask=mask_of(region.whole(*scene.pixels.shape[:2])),
        box=None if frame is None else Box(**frame._asdict()),
        area=int(np.count_nonzero(region.mask)),
        score=region.score,
    )


def answer_together(
    requests: Sequence[Request],
    calls: Sequence[Call],
    segmenter: Segmenter,
    scene_of: Callable[[Request, Call], Scene],
    response_of: Callable[[Request, Call, Scene, Sequence[Region]], Response],
) -> Sequence[Response | CallerError]:
    """What `run_batch` of both tools does: bad requests fail alone, the rest share a pass."""
    asked = [
        _scene_or_error(request, call, scene_of)
        for request, call in zip(requests, calls, strict=True)
    ]
    scenes = [scene for scene in asked if isinstance(scene, Scene)]
    found = iter(segmenter.segment(scenes) if scenes else ())
    return [
        response_of(request, call, scene, next(found)) if isinstance(scene, Scene) else scene
        for request, call, scene in zip(requests, calls, asked, strict=True)
    ]


def _scene_or_error(
    request: Request, call: Call, scene_of: Callable[[Request, Call], Scene]
) -> Scene | CallerError:
    try:
        return scene_of(request, call)
    except CallerError as error:
        return error
