"""Episodes from elsewhere: photographs as cameras write them, and no system prompt."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import msgspec
import pytest
from PIL import Image

from thinkimg_agent.policies.chat_tokens import ChatTokens
from thinkimg_agent.trajectory import ImageRecord, Trajectory
from thinkimg_rpc.digest import digest_of
from thinkimg_train.bad_data import BadSample
from thinkimg_train.chat import chat_of
from thinkimg_train.samples import TrainingSample, sample_of

from ..workers.tiny_checkpoints import save_qwen_vl
from .recorded import dialect_named, record_three_turns

ORIENTATION, TURNED = 0x0112, 6


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> ChatTokens:
    return chat_of(str(save_qwen_vl(tmp_path_factory.mktemp("model"))))


@pytest.fixture(scope="module")
def episode(tmp_path_factory: pytest.TempPathFactory) -> Trajectory:
    return record_three_turns(tmp_path_factory.mktemp("run"), dialect_named("hermes"))[0]


def encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    data = BytesIO()
    picture.save(data, kind, **options)
    return data.getvalue()


def beginning_with(episode: Trajectory, data: bytes, size: tuple[int, int]) -> Trajectory:
    """The same episode about another image."""
    digest = digest_of(data)
    width, height = size
    first = ImageRecord(
        name="img_1",
        digest=digest,
        width=width,
        height=height,
        shown_digest=digest,
        shown_width=width,
        shown_height=height,
    )
    return msgspec.structs.replace(
        episode,
        images=[first, *episode.images[1:]],
        pictures={**episode.pictures, digest: data},
    )


def sample(episode: Trajectory, chat: ChatTokens, max_pixels: int = 1 << 14) -> TrainingSample:
    return sample_of(episode, chat, episode.pictures.get, source="", max_pixels=max_pixels)


def test_a_photograph_is_seen_upright(episode: Trajectory, chat: ChatTokens) -> None:
    picture = Image.linear_gradient("L").resize((84, 28)).convert("RGB")
    exif = Image.Exif()
    exif[ORIENTATION] = TURNED
    data = encoded(picture, "JPEG", quality=100, exif=exif)
    upright = encoded(picture.transpose(Image.Transpose.ROTATE_270), "PNG")
    turned = sample(beginning_with(episode, data, (28, 84)), chat)
    expected = sample(beginning_with(episode, upright, (28, 84)), chat)
    assert turned.input_ids.tolist() == expected.input_ids.tolist()
    apart = (turned.pixels["pixel_values"] - expected.pixels["pixel_values"]).abs()
    assert apart.mean() < 0.05
    with pytest.raises(BadSample, match="not the size"):
        sample(beginning_with(episode, data, (84, 28)), chat)


def test_what_is_transparent_is_seen_as_tools_see_it(episode: Trajectory, chat: ChatTokens) -> None:
    clear = encoded(Image.new("RGBA", (56, 56), (0, 0, 0, 0)), "PNG")
    white = encoded(Image.new("RGB", (56, 56), (255, 255, 255)), "PNG")
    one, other = (sample(beginning_with(episode, data, (56, 56)), chat) for data in (clear, white))
    assert one.pixels["pixel_values"].equal(other.pixels["pixel_values"])


def test_a_conversation_without_system_prompt_has_none(
    episode: Trajectory, chat: ChatTokens, tmp_path: Path
) -> None:
    bare = sample(msgspec.structs.replace(episode, system=""), chat)
    assert "<|im_start|>system" not in chat.tokenizer.decode(bare.input_ids.tolist())
    assert bare.trained.sum() == sample(episode, chat).trained.sum()


def test_a_smaller_image_is_said_to_be_smaller(episode: Trajectory, chat: ChatTokens) -> None:
    image = episode.images[0]
    small = chat.tokenizer.decode(sample(episode, chat, max_pixels=600).input_ids.tolist())
    assert f"img_1 ({image.shown_width}x{image.shown_height}):" not in small
    assert "img_1 (22x26):" in small


def test_a_turn_whose_call_failed_can_be_seen_only(episode: Trajectory, chat: ChatTokens) -> None:
    assert [bool(call.error) for turn in episode.turns for call in turn.calls] == [False, True]
    whole = sample(episode, chat)
    mended = sample_of(
        episode, chat, episode.pictures.get, source="", max_pixels=1 << 14, learn_failures=False
    )
    assert mended.input_ids.tolist() == whole.input_ids.tolist()
    assert mended.turns == whole.turns
    learned = [bool(mended.trained[start:end].all()) for start, end in mended.turns]
    assert learned == [True, False, True]
    (start, end) = mended.turns[1]
    assert not mended.trained[start:end].any()
    assert whole.trained.sum() - mended.trained.sum() == end - start
