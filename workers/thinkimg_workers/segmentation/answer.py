"""A region as the contracts have it."""

from __future__ import annotations

import numpy as np

from thinkimg_rpc.imaging.mask import mask_of
from thinkimg_rpc.v1 import Box, Segment
from thinkimg_workers.segmentation.region import Region
from thinkimg_workers.segmentation.segmenter import Scene


def segment_of(region: Region, scene: Scene) -> Segment:
    """The mask of the whole image with its box, its area and its score."""
    frame = region.frame
    return Segment(
        mask=mask_of(region.whole(*scene.pixels.shape[:2])),
        box=None if frame is None else Box(**frame._asdict()),
        area=int(np.count_nonzero(region.mask)),
        score=region.score,
    )
