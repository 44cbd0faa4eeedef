"""`--dry-run`: what is said of a run that is not made."""

from __future__ import annotations

import io
import shutil
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from transformers import AutoConfig, Qwen2VLConfig

from thinkimg_rpc.errors import InvalidRequest
from thinkimg_train.config import LoraSection, ModelSection, SftConfig
from thinkimg_train.dry_run import tell_of_grpo, tell_of_sft
from thinkimg_train.estimates import GIB, Training, compute_of, memory_of, size_of
from thinkimg_train.grpo_config import GrpoConfig
from thinkimg_train.loading import load_model, weightless_model
from thinkimg_train.reading import read_config

from ..thinkimg_rpc.running_mesh import thinkimg
from .grpo.conftest import echo_mesh  # noqa: F401
from .grpo.runs import words as rl_words
from .runs import words

CONFIGS = Path(__file__).parents[2] / "train" / "configs"
QWEN2_VL_2B: dict[str, dict[str, Any]] = {
    "text": {
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": 1e6,
            "mrope_section": [16, 24, 24],
        },
        "hidden_size": 1536,
        "num_hidden_layers": 28,
        "num_attention_heads": 12,
        "num_key_value_heads": 2,
        "intermediate_size": 8960,
        "vocab_size": 151_936,
        "tie_word_embeddings": True,
    },
    "vision": {"depth": 32, "embed_dim": 1280, "hidden_size": 1536, "num_heads": 16},
}
"""Of its published config.json."""


@pytest.fixture(scope="module")
def large(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of Qwen2-VL-2B as far as it can be made here: without weights, and with the
    words of a tiny one."""
    folder = tmp_path_factory.mktemp("large") / "model"
    shutil.copytree(tiny_model, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    tiny: Any = AutoConfig.from_pretrained(tiny_model)
    tokens = ("image_token_id", "video_token_id", "vision_start_token_id", "vision_end_token_id")
    config: Any = Qwen2VLConfig(
        text_config=QWEN2_VL_2B["text"],
        vision_config=QWEN2_VL_2B["vision"],
        tie_word_embeddings=True,
        **{name: getattr(tiny, name) for name in tokens},
    )
    config.save_pretrained(folder)
    return folder


def said(tell: Any, config: Any, processes: int = 1) -> str:
    screen = Console(file=io.StringIO(), width=200)
    tell(config, processes, screen)
    written: Any = screen.file
    return str(written.getvalue())


def test_the_papers_own_run_is_told_without_its_weights(
    large: Path,
    echo_mesh: str,  # noqa: F811
    tmp_path: Path,
) -> None:
    over = ["--out", str(tmp_path / "run"), "--model.path", str(large)]
    over += ["--mesh.address", echo_mesh, "--rollout.tools", "Echo"]
    config = read_config(GrpoConfig, CONFIGS / "grpo-qwen2-vl-2b.toml", over)
    told = said(tell_of_grpo, config, processes=8)
    # 2,208,985,600 parameters; the words of the tiny one are fewer than it has room for.
    assert "2,20" in told
    assert "14,501 of synthcharts" in told
    assert "900 of 16 questions × 8 episodes" in told
    assert "8, ZeRO-3" in told
    assert "not here" in told
    assert "vLLM" in told
    assert not (tmp_path / "run").exists()


def test_a_run_of_fine_tuning_is_told_and_not_made(
    tiny_model: Path, recorded: Path, tmp_path: Path
) -> None:
    finished = thinkimg("train", "sft", "--dry-run", *words(tmp_path / "run", tiny_model, recorded))
    assert finished.returncode == 0, finished.stderr
    assert "10, 0 left out" in finished.stdout
    assert "all of them trained" in finished.stdout
    assert not (tmp_path / "run").exists()


def test_what_the_run_would_refuse_is_refused(
    tiny_model: Path,
    recorded: Path,
    echo_mesh: str,  # noqa: F811
    tmp_path: Path,
) -> None:
    lost = read_config(SftConfig, None, words(tmp_path, tmp_path / "lost", recorded))
    with pytest.raises(InvalidRequest, match=r"model\.path"):
        tell_of_sft(lost, 1, Console(quiet=True))
    game = "only_the_tool_wins"
    for over, problem in (
        ({"naming__names__Crop": "Zoom"}, r"naming\.names\.Crop"),
        ({"deepspeed__config": "zero3"}, r"rollout\.engine.*ZeRO-3"),
        ({"reward__weights__acuracy": 1}, r"reward\.weights"),
    ):
        asked = rl_words(tmp_path, tiny_model, echo_mesh, game, **over)
        with pytest.raises(InvalidRequest, match=problem):
            tell_of_grpo(read_config(GrpoConfig, None, asked), 1, Console(quiet=True))


def test_a_number_of_processes_belongs_to_a_dry_run(tmp_path: Path) -> None:
    finished = thinkimg("train", "grpo", "--processes", "2", *rl_words(tmp_path, tmp_path, "", ""))
    assert finished.returncode != 0
    assert "--dry-run" in finished.stderr


def test_a_model_without_weights_has_the_size_of_one_with_them(tiny_model: Path) -> None:
    for lora in (LoraSection(), LoraSection(rank=4)):
        section = ModelSection(path=str(tiny_model), freeze_vision=True)
        assert size_of(weightless_model(section, lora)) == size_of(load_model(section, lora))


def test_what_is_shared_out_takes_its_share_only(large: Path) -> None:
    size = size_of(weightless_model(ModelSection(path=str(large)), LoraSection()))

    def memory(stage: int, *, bf16: bool = False) -> dict[str, int]:
        zero = {"zero_optimization": {"stage": stage}} if stage else {}
        return memory_of(size, Training(8, 1024, bf16, checkpointed=True, deepspeed=zero))

    alone = memory(0)
    assert alone["weights"] == alone["gradients"] == alone["optimizer"] // 2 == 4 * size.parameters
    assert memory(2)["gradients"] == alone["gradients"] // 8
    assert memory(2)["weights"] == alone["weights"]
    shared = memory(3, bf16=True)
    # Sixteen bytes of a parameter, as deepspeed's own documentation reckons.
    assert sum(shared[name] for name in ("weights", "gradients", "optimizer")) == pytest.approx(
        16 * size.parameters / 8, rel=1e-6
    )
    assert memory(0)["scores"] == 4 * 3 * 1024 * 151_936 < 2 * GIB


def test_a_token_that_is_learned_takes_three_times_one_that_is_read(large: Path) -> None:
    size = size_of(weightless_model(ModelSection(path=str(large)), LoraSection()))
    read = compute_of(size, learned=0, written=10, checkpointed=False)
    assert compute_of(size, learned=10, checkpointed=False) == 3 * read
    assert compute_of(size, learned=10, checkpointed=True) == 4 * read
