"""Molmo 2 and the Qwen-VL family through transformers."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

from thinkimg_rpc.errors import ThinkImgError
from thinkimg_rpc.settings import CannotStart, ModelSettings
from thinkimg_workers.model_view import ModelView, view_for_model
from thinkimg_workers.pointing.answers import points_in_image
from thinkimg_workers.pointing.endpoint import pointed_at_nothing
from thinkimg_workers.pointing.families import FAMILIES
from thinkimg_workers.pointing.pointer import Pointing, Question
from thinkimg_workers.torch_models import (
    backend_title,
    load_model,
    load_processor,
    place_model,
    read_config,
)

_MAX_PIXELS, _MAX_ASPECT = 2 << 20, 50.0
"""Up to 2,700 tokens of Qwen2.5-VL; its own limit of 16,384 takes a minute on a good GPU."""
LONGEST_ANSWER = 512
"""In tokens: about twenty points."""
_PICTURE_WORDS = ("image", "video", "vision", "frame")


class TransformersPointer:
    """One checkpoint. Thread-safe: passes take turns."""

    batches = True

    def __init__(self, settings: ModelSettings, place: Path) -> None:
        config = read_config(place, FAMILIES)
        self._family = FAMILIES[config.model_type]
        placement = place_model(settings, quantizable=True)
        self._model = load_model(transformers.AutoModelForImageTextToText, place, placement)
        self._processor = load_processor(transformers.AutoProcessor, place)
        if not self._processor.chat_template:
            raise CannotStart(f"{place} has no chat_template.jinja; fetch the weights again")
        # Generation goes on from the right end of a row, so rows are filled up on the left.
        self._processor.tokenizer.padding_side = "left"
        self._suppressed = _picture_tokens(config, self._processor)
        self._markup = [t for t in self._processor.tokenizer.get_added_vocab() if t.strip()]
        self._computing = threading.Lock()
        self.name = backend_title(place, placement)
        self._warm_up(place)

    def point(self, questions: Sequence[Question]) -> Sequence[Pointing]:
        """All questions in one pass."""
        views = [
            view_for_model(question.pixels, max_pixels=_MAX_PIXELS, max_aspect=_MAX_ASPECT)
            for question in questions
        ]
        with self._computing:  # tokenizers do not bear two threads either
            inputs = self._inputs(questions, views)
            answers, sureness = self._generate(inputs, questions, LONGEST_ANSWER)
        return [
            self._pointing_in(question, view, said, sure, resized)
            for question, view, said, sure, resized in zip(
                questions, views, answers, sureness, self._resized(inputs, views), strict=True
            )
        ]

    def _inputs(self, questions: Sequence[Question], views: Sequence[ModelView]) -> Any:
        prompts = []
        for question in questions:
            asked = self._family.ask(without(self._markup, question.description))
            text = {"type": "text", "text": asked}
            message = {"role": "user", "content": [{"type": "image"}, text]}
            prompts.append(
                self._processor.apply_chat_template(
                    [message], add_generation_prompt=True, tokenize=False
                )
            )
        return self._processor(
            text=prompts,
            images=[[view.pixels] for view in views],
            padding=True,
            return_tensors="pt",
            input_data_format="channels_last",  # said, because 3 rows look like 3 channels
        )

    def _generate(
        self, inputs: Any, questions: Sequence[Question], longest: int
    ) -> tuple[list[str], list[float]]:
        """What the model writes to each, and how sure it is of that, 0 to 1."""
        on_device = inputs.to(self._model.device, self._model.dtype)
        greedy = _greedy(self._model, self._suppressed, longest)
        sureness, waited_for = Sureness(), _SomebodyWaits(questions)
        with torch.inference_mode():
            rows = self._model.generate(
                **on_device,
                generation_config=greedy,
                logits_processor=[sureness],
                stopping_criteria=[waited_for],
            )
        waited_for.check()
        written = rows[:, inputs["input_ids"].shape[1] :]
        answers = self._processor.batch_decode(written, skip_special_tokens=True)
        return answers, sureness.of(written, greedy.eos_token_id)

    def _resized(self, inputs: Any, views: Sequence[ModelView]) -> list[tuple[int, int]]:
        """Width and height of the pictures that the model computes on."""
        if "image_grid_thw" not in inputs:
            return [(view.pixels.shape[1], view.pixels.shape[0]) for view in views]
        patch = self._processor.image_processor.patch_size
        grids = inputs["image_grid_thw"].tolist()
        return [(columns * patch, rows * patch) for _, rows, columns in grids]

    def _pointing_in(
        self,
        question: Question,
        view: ModelView,
        said: str,
        sure: float,
        resized: tuple[int, int],
    ) -> Pointing:
        height, width = question.pixels.shape[:2]
        points = points_in_image(
            self._family.read(said, resized), shown=view.shown, image=(width, height), score=sure
        )
        return Pointing(points, "" if points else pointed_at_nothing(said))

    def _warm_up(self, place: Path) -> None:
        """What does not fit together shows at start-up, not at the first call."""
        blank = np.full((64, 64, 3), 255, np.uint8)
        question = Question(blank, "the middle", list, lambda: None)
        view = view_for_model(blank, max_pixels=_MAX_PIXELS, max_aspect=_MAX_ASPECT)
        try:
            self._generate(self._inputs([question], [view]), [question], 1)
        except Exception as error:  # whatever foreign files provoke is their fault
            raise CannotStart(f"the model in {place} cannot compute: {error}") from error


class Sureness(transformers.LogitsProcessor):
    """Watches how probable each token was that a greedy model wrote."""

    def __init__(self) -> None:
        self._steps: list[torch.Tensor] = []

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Of (B, vocabulary) scores, unchanged."""
        scores = scores.float()
        self._steps.append((scores.amax(-1) - scores.logsumexp(-1)).cpu())
        return scores

    def of(self, written: torch.Tensor, end_tokens: list[int]) -> list[float]:
        """The geometric mean of each row's probabilities, up to the end of its answer.

        Args:
            written: (B, T) tokens.
        """
        log_probabilities = torch.stack(self._steps, dim=1)
        ended = torch.isin(written.cpu(), torch.tensor(end_tokens)).cumsum(1)
        counted = torch.cat([torch.zeros_like(ended[:, :1]), ended[:, :-1]], dim=1) == 0
        means = (log_probabilities * counted).sum(1) / counted.sum(1)
        return [float(mean) for mean in means.exp().clamp(0, 1)]


class _SomebodyWaits(transformers.StoppingCriteria):
    """Ends a pass when the callers of all its questions are gone."""

    def __init__(self, questions: Sequence[Question]) -> None:
        self._questions = questions
        self._reason: ThinkImgError | None = None

    def __call__(self, input_ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:
        self._reason = self._why_nobody()
        ended = self._reason is not None
        return torch.full((len(input_ids),), ended, device=input_ids.device)

    def check(self) -> None:
        """Raises: what the callers went for; what was written until then is no answer."""
        if self._reason is not None:
            raise self._reason

    def _why_nobody(self) -> ThinkImgError | None:
        reason: ThinkImgError | None = None
        for question in self._questions:
            try:
                question.remaining_s()
            except ThinkImgError as error:
                reason = error
            else:
                return None
        return reason


def without(tokens: Sequence[str], text: str) -> str:
    """A caller's text without what the model would read as markup: "<|image_pad|>" in a
    description would be taken for one more picture, and the next caller's at that."""
    while any(token in text for token in tokens):  # taking one out may make another
        for token in tokens:
            text = text.replace(token, " ")
    return text


def _greedy(model: Any, suppressed: list[int], longest: int) -> transformers.GenerationConfig:
    """The model's own end of an answer, and nothing of its sampling."""
    own = model.generation_config
    ends = own.eos_token_id if own.eos_token_id is not None else []
    ends = ends if isinstance(ends, list) else [ends]
    return transformers.GenerationConfig(  # type: ignore[no-untyped-call]
        do_sample=False,
        max_new_tokens=longest,
        suppress_tokens=suppressed or None,
        eos_token_id=ends,
        pad_token_id=own.pad_token_id if own.pad_token_id is not None else ends[0],
    )


def _picture_tokens(config: Any, processor: Any) -> list[int]:
    """The tokens that stand for pictures: one of them in an answer is never text."""
    tokens = {
        value
        for name, value in config.to_dict().items()
        if name.endswith(("_token_id", "_patch_id"))
        and name.startswith(_PICTURE_WORDS)
        and isinstance(value, int)
    }
    tokens.update(token for token in getattr(processor, "image_token_ids", None) or [] if token)
    return sorted(tokens)
