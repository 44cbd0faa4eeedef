"""What a run keeps of its model: checkpoints to go on from, and what comes out in the end."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list

from thinkimg_train.checkpoints import Checkpoints, finish_folder, save_random_state
from thinkimg_train.config import EvaluationSection, LoraSection, ModelSection
from thinkimg_train.distribution import Stepper
from thinkimg_train.evaluation import evaluate, free_port, is_evaluated
from thinkimg_train.loading import save_merged, save_model
from thinkimg_train.origin import RUN

MODEL, ADAPTER, CHECKPOINTS, EVALUATIONS = "model", "adapter", "checkpoints", "evaluations"


@dataclass(frozen=True)
class Keeping:
    """The model of a run and where it is kept. All processes call all of its functions."""

    out: Path
    accelerator: Accelerator
    stepper: Stepper
    checkpoints: Checkpoints
    processor: Any
    """As it is saved beside the model."""

    def write(self, made: int, more: Callable[[Path], None] = lambda folder: None) -> None:
        """All that the run needs to go on after `made` steps; the first process adds `more`."""
        first = self.accelerator.is_main_process
        weights = self.stepper.weights()
        if first:
            folder = self.checkpoints.begin(made)
            shutil.copy(self.out / RUN, folder)
            more(folder)
            save_model(self.stepper.inner_model, self.processor, folder / MODEL, weights)
        self.accelerator.wait_for_everyone()
        folder = self.checkpoints.unfinished(made)
        self.stepper.save(folder)
        save_random_state(folder, self.accelerator.process_index)
        self.accelerator.wait_for_everyone()
        if first:
            self.checkpoints.finish(made)
        self.accelerator.wait_for_everyone()

    def evaluated(self, made: int, section: EvaluationSection) -> dict[str, float]:
        """What the checkpoint after `made` steps answers, all processes sharing the questions;
        nothing if that is known already."""
        several = self.accelerator.num_processes > 1
        port = [free_port() if several else None]
        broadcast_object_list(port)
        torch.cuda.empty_cache()
        model = self.checkpoints.at(made) / MODEL
        out = self.out / EVALUATIONS / model.parent.name
        if is_evaluated(out):
            return {}
        numbers = evaluate(section, model, out, port=port[0])
        self.accelerator.wait_for_everyone()
        return numbers

    def finish(self, made: int, model: ModelSection, lora: LoraSection) -> Path:
        """What came out, as a model like any other, from the checkpoint after `made` steps."""
        last = self.checkpoints.at(made) / MODEL
        if self.accelerator.is_main_process:
            if lora.rank:
                finish_folder(self.out / ADAPTER, partial(_copy, last))
                finish_folder(self.out / MODEL, partial(save_merged, model, last))
            else:
                finish_folder(self.out / MODEL, partial(_copy, last))
        self.accelerator.wait_for_everyone()
        return self.out / MODEL


def _copy(source: Path, place: Path) -> None:
    shutil.copytree(source, place, dirs_exist_ok=True)
