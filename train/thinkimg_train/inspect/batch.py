"""The batch that a run will take at a step, without the model."""

from __future__ import annotations

from contextlib import closing
from itertools import islice

from rich.console import Console

from thinkimg_rpc.errors import OutOfRange
from thinkimg_train.chat import chat_of
from thinkimg_train.config import SftConfig
from thinkimg_train.dataset import EpisodeDataset
from thinkimg_train.inspect.view import BatchView, view_of_batch
from thinkimg_train.loader import Position, StepLoader
from thinkimg_train.opening import open_data


def inspect_batch(config: SftConfig, step: int, batch: int, screen: Console) -> BatchView:
    """Batch number `batch` of step number `step`, both from 1, as one process would take it.

    Raises: InvalidRequest; OutOfRange, where the step has fewer batches.
    """
    dataset = open_data(config.data, config.model.path, screen)
    total = len(dataset) + len(dataset.left_out)
    loader = StepLoader(dataset, config.batch, seed=config.seed)
    epoch, in_epoch = divmod(step - 1, loader.steps_per_epoch)
    loader.go_on_from(Position(epoch, in_epoch, loader.position.data))
    with closing(loader.steps()) as steps:
        found = next(steps)
        batches = list(islice(found.batches, batch))
    if len(batches) < batch:
        raise OutOfRange.field("--batch", f"step {step} has {len(batches)}, for one process")
    tokens = int(dataset.lengths.tokens.sum())
    facts = {
        "model": config.model.path,
        "data": ", ".join(map(str, config.data.trajectories)),
        "episodes": f"{len(dataset):,} of {total:,}, with {tokens:,} tokens, "
        f"of which {int(dataset.lengths.trained.sum()):,} are trained on",
        "lengths": _spread(dataset),
        "step": f"{step:,}; {loader.steps_per_epoch:,} to an epoch, of "
        f"{config.batch.episodes:,} episodes each",
        "trained on in this step": f"{found.trained_tokens:,} tokens",
    }
    title = f"step {step}, batch {batch}"
    chat = chat_of(config.model.path)
    return view_of_batch(batches[-1], dataset, chat, title=title, facts=facts)


def _spread(dataset: EpisodeDataset) -> str:
    tokens = sorted(dataset.lengths.tokens.tolist())
    middle = tokens[len(tokens) // 2]
    return f"{tokens[0]:,} to {tokens[-1]:,} tokens, half of them below {middle:,}"
