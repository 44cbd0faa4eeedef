"""A random checkpoint, and what the library itself finds with it.

Run by the Python that has groundingdino-py:

    groundingdino_checkpoint.py FOLDER IMAGE QUERY BOX_THRESHOLD TEXT_THRESHOLD
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import groundingdino
import torch
import transformers
from groundingdino.models import build_model
from groundingdino.util.inference import load_image, predict
from groundingdino.util.slconfig import SLConfig

CHECKPOINT = "groundingdino_swint_random.pth"
CONFIG = "GroundingDINO_SwinT_random.cfg.py"
SMALLER = {
    "enc_layers": 1,
    "dec_layers": 1,
    "dim_feedforward": 32,
    "num_queries": 20,
}
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", "?", "red", "blue", "bar", "legend"]


def save(place: Path) -> Any:
    """The published architecture with small layers on its Swin-T; the model."""
    _save_text_model(place / "bert-base-uncased")
    published = Path(groundingdino.__file__).parent / "config" / "GroundingDINO_SwinT_OGC.py"
    lines = [f"{name} = {value}\n" for name, value in SMALLER.items()]
    (place / CONFIG).write_text(published.read_text() + "\n" + "".join(lines))
    torch.manual_seed(0)
    model = _build(place)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            # The backbone is initialised as for training; what is on it would say one
            # and the same everywhere.
            if parameter.ndim > 1 and not name.startswith("backbone"):
                parameter.normal_(0, 0.03)
        # Scores that are neither 0 nor 1.
        model.transformer.decoder.norm.weight.fill_(0.05)
    torch.save({"model": model.state_dict()}, place / CHECKPOINT)
    return model.eval()


def find(model: Any, image: str, query: str, box: float, text: float) -> list[Any]:
    """Scores, pixel boxes and labels, best first."""
    source, prepared = load_image(image)
    boxes, scores, labels = predict(model, prepared, query, box, text, device="cpu")
    height, width = source.shape[:2]
    boxes = boxes * torch.tensor([width, height, width, height])
    corners = torch.cat((boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2), dim=1)
    return sorted(zip(scores.tolist(), corners.tolist(), labels, strict=True), reverse=True)


def _build(place: Path) -> Any:
    arguments = SLConfig.fromfile(str(place / CONFIG))
    arguments.text_encoder_type = str(place / "bert-base-uncased")
    arguments.device = "cpu"
    arguments.use_checkpoint = arguments.use_transformer_ckpt = False
    return build_model(arguments)


def _save_text_model(place: Path) -> None:
    """A BERT of one small layer. The library wants its weights; the checkpoint has them too."""
    shutil.rmtree(place, ignore_errors=True)
    config = transformers.BertConfig(
        vocab_size=len(WORDS),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
    )
    transformers.BertModel(config).save_pretrained(place)
    (place / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    (place / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer"}')


if __name__ == "__main__":
    folder, image, query, box, text = sys.argv[1:]
    model = save(Path(folder))
    print(json.dumps(find(model, image, query, float(box), float(text))))
