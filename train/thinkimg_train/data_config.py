"""What is trained on, and how it is put together: sections of every trainer's configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec

AtLeastOne = Annotated[int, msgspec.Meta(ge=1)]
Count = Annotated[int, msgspec.Meta(ge=0)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class DataSection(msgspec.Struct, frozen=True, kw_only=True):
    """`[data]`: recorded episodes, and which of them are trained on."""

    trajectories: tuple[Path, ...]
    """Folders of runs, or files in them."""
    min_score: Share | None = None
    """Episodes that scored less, or were not scored, are not chosen."""
    tokens: Literal["either", "sampled", "text"] = "either"
    """What a turn becomes: the tokens it was sampled as, those of its text, or the former where
    they are this model's."""
    learn_failures: bool = True
    """Also learn from turns that could not be parsed or had a call that failed; else they are
    seen, as what came of them is, and only the turns that mend them are learned from."""
    dialect: str = ""
    """Put episodes into this one; empty: each stays in its own."""
    max_pixels: AtLeastOne = 1 << 20
    """Of an image; larger ones are reduced, where the episode does not count pixels."""
    max_tokens: AtLeastOne = 8192
    """Of an episode, images included; longer ones are left out, never cut off."""
    bad: Literal["skip", "refuse"] = "skip"
    """What is done about episodes that cannot be trained on. All are counted and named."""
    workers: Count = 0
    """Processes that make batches ready; 0: the trainer's own does it in between."""


class BatchSection(msgspec.Struct, frozen=True, kw_only=True):
    """`[batch]`: what is learned from at once."""

    episodes: AtLeastOne = 64
    """Of one optimizer step, of all processes together."""
    tokens: AtLeastOne = 16384
    """The most that one forward takes of them, what fills rows up included."""
    image_tokens: AtLeastOne = 16384
    """The most of these that stand for images."""
    sorted_steps: AtLeastOne = 8
    """Steps whose samples are sorted by length among them: more fill up less, and make a step
    of samples that are alike. 1: every step is as mixed as all."""
