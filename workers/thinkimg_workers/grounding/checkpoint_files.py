"""The files that the package groundingdino-py wants: a configuration, weights, and BERT's words.

BERT's own weights are not among them: they are in the checkpoint.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from thinkimg_rpc.settings import CannotStart
from thinkimg_workers.weights import named_weights, weights_folder

SHIPPED_CONFIGS = {"swint": "GroundingDINO_SwinT_OGC.py", "swinb": "GroundingDINO_SwinB_cfg.py"}
"""Those in the package itself, by the part of a checkpoint's name that tells them apart."""
_BERT_FILES = ("config.json", "tokenizer.json", "tokenizer_config.json", "vocab.txt")


@dataclass(frozen=True)
class CheckpointFiles:
    """A checkpoint and what describes it."""

    config: Path | None
    """None: the one of the package that `shipped_config` names."""
    weights: Path

    @property
    def shipped_config(self) -> str:
        """The package's own configuration for such weights. Raises: CannotStart."""
        for part, name in SHIPPED_CONFIGS.items():
            if part in self.weights.name.lower():
                return name
        raise CannotStart(
            f"no configuration beside {self.weights}; put the .py file it was trained with there"
        )


def find_files(place: Path) -> CheckpointFiles:
    """The checkpoint that `place`, a .pth file or the folder of one, means.

    Where a folder has several, as the published one does, the smaller Swin-T is taken.

    Raises: CannotStart, when there is none.
    """
    if place.is_file():
        weights = place
    else:
        found = sorted(place.glob("*.pth"))
        if not found:
            raise CannotStart(f"{place} has no .pth file; give the path of a checkpoint")
        weights = next((file for file in found if "swint" in file.name.lower()), found[0])
    return CheckpointFiles(_config_beside(weights), weights)


def find_text_model(named: str, folder: Path) -> Path:
    """The folder with BERT's configuration and tokenizer.

    `named` is what the configuration in `folder` says: a path, or "bert-base-uncased",
    which is looked for beside the checkpoint, among the weights and in the Hugging Face
    cache.

    Raises: CannotStart, with the command that fetches it.
    """
    for place in (folder / Path(named).expanduser(), weights_folder() / named):
        if place.is_dir():
            return place
    try:
        return named_weights(f"google-bert/{named}" if "/" not in named else named)
    except CannotStart:
        raise CannotStart(
            f"the tokenizer {named} is not here; put {', '.join(_BERT_FILES)} into "
            f"{folder / named}, or fetch them with `hf download google-bert/{named} "
            f"{' '.join(_BERT_FILES)}`"
        ) from None


def _config_beside(weights: Path) -> Path | None:
    configs = sorted(weights.parent.glob("*.py"))
    if len(configs) <= 1:
        return configs[0] if configs else None
    for part in SHIPPED_CONFIGS:
        if part in weights.name.lower():
            return next((file for file in configs if part in file.name.lower()), None)
    raise CannotStart(
        f"which of {', '.join(file.name for file in configs)} describes {weights}? Keep one"
    )
