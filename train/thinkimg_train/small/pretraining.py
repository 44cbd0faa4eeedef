"""What the small model learns before it meets a tool: to look up, to compare and to see.

torchrun --nproc-per-node 2 -m thinkimg_train.small.pretraining OUT
"""

from __future__ import annotations

import copy
import json
import os
import random
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import torch
import torch.distributed as distributed
import transformers
import typer
from torch import Tensor
from transformers import Qwen2VLForConditionalGeneration

from thinkimg_train.small.architecture import MERGED, PATCH, small_config
from thinkimg_train.small.examination import examine
from thinkimg_train.small.exercises import Exercise, ExerciseBook, batches, collate, told_apart
from thinkimg_train.small.starting_point import begin
from thinkimg_train.small.vocabulary import chart_tokenizer

CHAT = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
    "{% for part in message['content'] %}{% if part['type'] == 'image' %}"
    "<|vision_start|><|image_pad|><|vision_end|>"
    "{% else %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""As Qwen's, without its words of a system that is not there."""
_MOST_PIXELS = 112 * 112


@dataclass(frozen=True)
class Term:
    """A part of the training, over which the learning rate rises once and falls once."""

    share: float
    """Of all tokens."""
    learning_rate: float
    decay_share: float
    """Of its tokens, the last ones: the learning rate falls to a fiftieth."""
    alone_share: float = 0.0
    """Of its tokens, the first ones: short tables, and nothing else."""
    full_share: float = 0.0
    """Lists are as long as those of charts from here on."""
    widened: bool = False
    """Whether look-ups come in all their forms; a few, as long as there is looking up to learn."""

    def rate(self, share: float, step: int, warmup_steps: int) -> float:
        rest = (1 - share) / self.decay_share
        return self.learning_rate * min(1.0, (step + 1) / warmup_steps, max(0.02, rest))

    def crowd(self, share: float) -> float:
        if share >= self.full_share:
            return 1.0
        return max(0.0, (share - self.alone_share) / (self.full_share - self.alone_share))


_TERMS = (
    Term(0.65, 1.5e-3, decay_share=0.4, alone_share=0.03, full_share=0.4),
    Term(0.35, 7e-4, decay_share=0.7, widened=True),
)


@dataclass(frozen=True)
class Recipe:
    tokens: int = 21_500_000
    """Of all processes together, with padding."""
    terms: tuple[Term, ...] = _TERMS
    batch_tokens: int = 2_500
    """Of a process at a time."""
    warmup_steps: int = 100
    form_weight: float = 0.1
    """Of commas, brackets and the like. They are learnt at once, and if they counted as much as
    numbers, that would undo the first weights before anything was looked up with them."""
    examined: int = 32
    """How many questions of each kind are asked in between."""
    seed: int = 0
    compiled: bool = True
    """A quarter faster, where there is a compiler; a minute goes by before the first step."""


def chart_processor() -> Any:
    """The tokenizer, the images and the chat of the small model."""
    images: Any = transformers.Qwen2VLImageProcessor
    videos: Any = transformers.Qwen2VLVideoProcessor
    processor: Any = transformers.Qwen2VLProcessor
    token = PATCH * MERGED
    return processor(
        image_processor=images(
            size={"shortest_edge": token * token, "longest_edge": _MOST_PIXELS}, patch_size=PATCH
        ),
        tokenizer=chart_tokenizer(),
        video_processor=videos(),
        chat_template=CHAT,
    )


def pretrain(out: Path, recipe: Recipe) -> None:
    """The base model, in OUT, with what it can do in OUT/examination.json."""
    rank, ranks = _processes()
    torch.manual_seed(recipe.seed)
    processor = chart_processor()
    model = Qwen2VLForConditionalGeneration(small_config(processor.tokenizer))
    begin(model, processor.tokenizer, recipe.seed)
    if recipe.compiled and shutil.which(os.environ.get("CXX", "g++")):
        for layer in model.model.language_model.layers:
            layer.compile(dynamic=True)
    for number, term in enumerate(recipe.terms):
        seed = 1000 * (len(recipe.terms) * recipe.seed + number) + rank
        book = ExerciseBook(processor, random.Random(seed), widened=term.widened)
        for step in _steps(model, book, recipe, term, rank, ranks):
            if rank == 0 and step % 1000 == 0:
                _save(model, processor, out, step, recipe.examined)
    if rank == 0:
        _save(model, processor, out, step, recipe.examined)


def _steps(
    model: Any, book: ExerciseBook, recipe: Recipe, term: Term, rank: int, ranks: int
) -> Iterator[int]:
    """The steps of a term, each after it was made, counted from 1."""
    book.only_tables = term.alone_share > 0
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=term.learning_rate, betas=(0.9, 0.98), weight_decay=0.01
    )
    worth, kept_out = told_apart(book.processor.tokenizer), book.never_answered()
    began, done = time.perf_counter(), 0
    losses: dict[str, float] = {}
    for step, batch in enumerate(batches(book, recipe.batch_tokens), 1):
        share = done / (term.share * recipe.tokens)
        if share >= 1:
            return
        book.crowd = term.crowd(share)
        book.only_tables = share < term.alone_share
        for group in optimizer.param_groups:
            group["lr"] = term.rate(share, step - 1, recipe.warmup_steps)
        weights = worth if book.only_tables else worth.clamp(min=recipe.form_weight)
        loss, tokens = _learn(model, optimizer, batch, weights, kept_out, ranks)
        for kind, value in loss.items():
            losses[kind] = 0.95 * losses.get(kind, value) + 0.05 * value
        done += tokens
        if rank == 0 and step % 50 == 0:
            seconds = time.perf_counter() - began
            print(
                f"{done / 1e6:.2f} of {term.share * recipe.tokens / 1e6:.1f} M tokens, "
                f"{seconds:.0f} s, crowd {book.crowd:.2f}, loss "
                + ", ".join(f"{value:.3f} ({kind})" for kind, value in losses.items()),
                flush=True,
            )
        yield step


def _learn(
    model: Any,
    optimizer: torch.optim.Optimizer,
    batch: list[Exercise],
    weights: Tensor,
    kept_out: Tensor,
    ranks: int,
) -> tuple[dict[str, float], int]:
    """One step; the loss of each kind of exercise, and the tokens that all processes have read."""
    inputs, trained = collate(batch, model.config.image_token_id)
    with torch.autocast("cpu", torch.bfloat16):
        losses = answers_losses(model, inputs, trained, kept_out)
        weighed = weights[inputs["input_ids"][:, 1:][trained[:, 1:]]]
        loss = (losses * weighed).sum() / weighed.sum().clamp(min=1)
    optimizer.zero_grad()
    torch.autograd.backward(loss)
    tokens = torch.tensor(float(inputs["input_ids"].numel()))
    if ranks > 1:
        _average(model, ranks)
        distributed.all_reduce(tokens)
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    kinds = [one.kind for one in batch for _ in range(sum(one.trained))]
    counted = weighed == 1
    of = {kind: torch.tensor([one == kind for one in kinds]) & counted for kind in set(kinds)}
    return {
        kind: float(losses.detach()[which].mean()) for kind, which in of.items() if which.any()
    }, int(tokens)


def answers_losses(
    model: Any, inputs: dict[str, Tensor], trained: Tensor, kept_out: Tensor
) -> Tensor:
    """Of each token of an answer; the vocabulary is looked at for no others.

    Args:
        kept_out: tokens that no answer has. They are not learnt to be wrong, which would make
            names alike that nobody asks for, and nobody could look them up any more.
    """
    hidden = model.model(**inputs, use_cache=False).last_hidden_state[:, :-1][trained[:, 1:]]
    scores = model.lm_head(hidden).float().index_fill(1, kept_out, -torch.inf)
    targets = inputs["input_ids"][:, 1:][trained[:, 1:]]
    return torch.nn.functional.cross_entropy(scores, targets, reduction="none")


def _average(model: Any, ranks: int) -> None:
    """Gradients over all processes; a part that one has not used is 0 there."""
    for weight in model.parameters():
        if weight.grad is None:
            weight.grad = torch.zeros_like(weight)
    flat = torch.cat([weight.grad.flatten() for weight in model.parameters()])
    distributed.all_reduce(flat)
    flat /= ranks
    start = 0
    for weight in model.parameters():
        weight.grad.copy_(flat[start : start + weight.numel()].view_as(weight))
        start += weight.numel()


def _processes() -> tuple[int, int]:
    ranks = int(os.environ.get("WORLD_SIZE", "1"))
    if ranks > 1:
        distributed.init_process_group("gloo")
        torch.set_num_threads(1)
        return distributed.get_rank(), ranks
    return 0, 1


def _save(model: Any, processor: Any, out: Path, step: int, count: int) -> None:
    found = examine(model, processor, count)
    print(", ".join(f"{name} {share:.2f}" for name, share in found.items()), flush=True)
    model.generation_config.eos_token_id = [model.config.text_config.eos_token_id]
    model.generation_config.pad_token_id = model.config.text_config.pad_token_id
    # Half as large, and no worse: it is loaded in whatever is asked for.
    copy.deepcopy(model).half().save_pretrained(out)
    processor.save_pretrained(out)
    told = json.dumps({"steps": step, "right": found}, indent=2)
    (out / "examination.json").write_text(told + "\n", encoding="utf-8")


def main(
    out: Annotated[Path, typer.Argument(help="Where the model goes.")],
    tokens: Annotated[int, typer.Option(help="Of all processes together.")] = Recipe.tokens,
    seed: Annotated[int, typer.Option(help="Of first weights and exercises.")] = Recipe.seed,
) -> None:
    """Train the small model on what it knows before it meets a tool."""
    pretrain(out, Recipe(tokens=tokens, seed=seed))


if __name__ == "__main__":
    typer.run(main)
