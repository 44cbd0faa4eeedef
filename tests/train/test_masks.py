"""What is learned from of an episode: what the assistant wrote, whatever the dialect and family."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from typing import Any

import pytest
import transformers

from thinkimg_agent.policies.chat_tokens import ChatTokens
from thinkimg_agent.trajectory import Trajectory
from thinkimg_train.bad_data import BadSample
from thinkimg_train.samples import TrainingSample, sample_of

from ..agent.policies.tiny_families import FAMILIES
from .recorded import dialect_named, record_three_turns

MAX_PIXELS = 1 << 14
WRITTEN = ("hermes", "openthinkimg")
"""Dialects in which calls are text; `native` ones have to be put into one of these."""


@pytest.fixture(scope="module", params=sorted(FAMILIES))
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def chat(family: str, tmp_path_factory: pytest.TempPathFactory) -> ChatTokens:
    made = FAMILIES[family]
    folder = made.save(tmp_path_factory.mktemp(family), made.chat)
    loader: Any = transformers.AutoProcessor
    return ChatTokens(
        loader.from_pretrained(folder), transformers.AutoConfig.from_pretrained(folder)
    )


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Trajectory]:
    episodes = {
        name: record_three_turns(tmp_path_factory.mktemp(name), dialect_named(name))[0]
        for name in (*WRITTEN, "native")
    }
    return episodes.__getitem__


def sampled_by(chat: ChatTokens, episode: Trajectory) -> TrainingSample:
    return sample_of(episode, chat, episode.pictures.get, source="here", max_pixels=MAX_PIXELS)


def runs_of(sample: TrainingSample, *, trained: bool) -> list[list[int]]:
    """Tokens that stand together and are learned from, or are not."""
    pairs = zip(sample.input_ids.tolist(), sample.trained.tolist(), strict=True)
    runs = [(is_trained, [t for t, _ in run]) for is_trained, run in groupby(pairs, lambda p: p[1])]
    return [run for is_trained, run in runs if is_trained is trained]


@pytest.mark.parametrize("dialect", WRITTEN)
def test_the_words_of_the_assistant_and_their_ends_are_learned_and_nothing_else(
    chat: ChatTokens, family: str, recorded: Callable[[str], Trajectory], dialect: str
) -> None:
    episode = recorded(dialect)
    assert [image.turn for image in episode.images] == [-1, 0]
    sample = sampled_by(chat, episode)
    end = chat.tokenizer.decode([chat.end_of_turn() or 0])
    begin = FAMILIES[family].turns_begin_with
    learned = [chat.tokenizer.decode(run) for run in runs_of(sample, trained=True)]
    assert learned == [f"{begin}{turn.text}{end}" for turn in episode.turns]


@pytest.mark.parametrize("dialect", WRITTEN)
def test_system_question_observations_and_images_are_only_seen(
    chat: ChatTokens, recorded: Callable[[str], Trajectory], dialect: str
) -> None:
    episode = recorded(dialect)
    sample = sampled_by(chat, episode)
    seen = runs_of(sample, trained=False)
    assert len(seen) == 3
    words = [chat.tokenizer.decode(run) for run in seen]
    assert episode.system.strip()[-40:] in words[0]
    assert episode.question in words[0]
    assert episode.turns[0].calls[0].observation in words[1]
    assert episode.turns[1].calls[0].observation in words[2]
    images = [sum(token in chat.image_token_ids for token in run) for run in seen]
    assert images[0] > 0
    assert images[1] > 0
    assert images[2] == 0
    assert sum(chat.count_placeholders(run) for run in seen) == sample.image_tokens > 0
    learned = [token for run in runs_of(sample, trained=True) for token in run]
    assert not chat.image_token_ids.intersection(learned)


def test_calls_that_a_server_took_out_of_the_text_cannot_be_learned_as_they_are(
    chat: ChatTokens, recorded: Callable[[str], Trajectory]
) -> None:
    with pytest.raises(BadSample, match="choose another dialect"):
        sampled_by(chat, recorded("native"))
