"""What is learned from of an episode: what the assistant wrote, whatever the dialect and family."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from io import BytesIO
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec
import pytest
import transformers
from PIL import Image

from thinkimg_agent.conversation import Message, joined
from thinkimg_agent.coordinates import View
from thinkimg_agent.images import EpisodeImage
from thinkimg_agent.messages import conversation_of
from thinkimg_agent.policies import Generation, ScriptedPolicy
from thinkimg_agent.policies.chat_tokens import ChatTokens
from thinkimg_agent.sample import Sample
from thinkimg_agent.trajectory import ImageRecord, Trajectory
from thinkimg_rpc.contract import ToolContract
from thinkimg_train.bad_data import BadSample
from thinkimg_train.rewriting import in_dialect
from thinkimg_train.samples import TrainingSample, sample_of

from ..agent.policies.tiny_families import FAMILIES
from ..mesh_fixtures import png
from .recorded import dialect_named, record, record_three_turns, three_turns

MAX_PIXELS = 1 << 14
WRITTEN = ("hermes", "hermes-brief", "openthinkimg")
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


@pytest.mark.parametrize("dialect", WRITTEN)
def test_native_calls_are_learned_as_text_of_the_dialect_they_are_put_into(
    chat: ChatTokens, recorded: Callable[[str], Trajectory], dialect: str
) -> None:
    native, written = recorded("native"), recorded(dialect)
    with pytest.raises(BadSample, match="choose another dialect"):
        sampled_by(chat, native)
    rewritten, expected = sampled_by(chat, in_dialect(native, dialect)), sampled_by(chat, written)
    assert rewritten.input_ids.tolist() == expected.input_ids.tolist()
    assert rewritten.trained.tolist() == expected.trained.tolist()


def test_a_native_answer_without_tools_is_learned_as_it_is(
    chat: ChatTokens, family: str, tmp_path: Path
) -> None:
    sample = Sample("s", "Which?", (png(40, 48),))
    (episode,) = record(tmp_path, [(sample, ["<answer>red</answer>"])], dialect_named("native"))
    learned = runs_of(sampled_by(chat, episode), trained=True)
    end = chat.tokenizer.decode([chat.end_of_turn() or 0])
    expected = f"{FAMILIES[family].turns_begin_with}<answer>red</answer>{end}"
    assert [chat.tokenizer.decode(run) for run in learned] == [expected]


class Sampling(ScriptedPolicy):
    """Says what a script says in tokens, in the contexts of a real model."""

    def __init__(self, script: Sequence[str | Generation], chat: ChatTokens) -> None:
        super().__init__(script)
        self._chat = chat

    async def generate(
        self, conversation: Sequence[Message], tools: Sequence[ToolContract], max_tokens: int
    ) -> Generation:
        turn = await super().generate(conversation, tools, max_tokens)
        prompt = self._chat.prompt(conversation).ids
        ids = self._chat.turn_ids(turn.text)
        # A word in tokens that no tokenizer would make of it.
        odd = (*self._chat.tokenizer.encode("H", add_special_tokens=False), *ids)
        return replace(
            turn,
            prompt_ids=tuple(prompt),
            prompt_tokens=len(prompt),
            token_ids=odd,
            completion_tokens=len(odd),
        )


def test_a_sampled_episode_is_learned_in_the_very_tokens_it_was_sampled_in(
    chat: ChatTokens, tmp_path: Path
) -> None:
    dialect = dialect_named("hermes")
    sample = Sample("s", "Which?", (png(40, 48),))
    script = three_turns(dialect)
    (episode,) = record(tmp_path, [(sample, script)], dialect, lambda one: Sampling(one, chat))
    learned = sampled_by(chat, episode)
    assert learned.input_ids.tolist() == episode.context_ids
    assert list(learned.turns) == episode.sampled
    assert learned.trained.sum() == sum(end - start for start, end in learned.turns)

    retold = sample_of(
        episode, chat, episode.pictures.get, source="", max_pixels=MAX_PIXELS, tokens="text"
    )
    assert len(retold) == len(learned) - len(script)
    episode.context_ids = [*(episode.context_ids or ())[:-1], 1]
    assert sampled_by(chat, episode).input_ids.tolist() == retold.input_ids.tolist()
    with pytest.raises(BadSample, match="not those that this model"):
        sample_of(
            episode, chat, episode.pictures.get, source="", max_pixels=MAX_PIXELS, tokens="sampled"
        )


def test_a_turn_that_was_cut_off_is_not_taught_to_end(
    chat: ChatTokens, recorded: Callable[[str], Trajectory]
) -> None:
    whole = recorded("hermes")
    last = msgspec.structs.replace(whole.turns[-1], finish="length")
    cut = msgspec.structs.replace(whole, turns=[*whole.turns[:-1], last])
    assert (
        sampled_by(chat, cut).input_ids.tolist()
        == (sampled_by(chat, whole).input_ids.tolist()[:-1])
    )


@pytest.mark.parametrize(
    "family", [name for name, made in FAMILIES.items() if made.same_for_more], indirect=True
)
def test_what_is_learned_from_is_what_the_family_itself_makes_of_the_conversation(
    chat: ChatTokens, recorded: Callable[[str], Trajectory]
) -> None:
    episode = recorded("hermes")
    sample = sampled_by(chat, episode)
    messages: list[dict[str, Any]] = []
    for message in conversation_of(
        episode, dialect_named("hermes"), lambda image: shown(episode, image), as_sampled=False
    ):
        content = [
            {"type": "text", "text": part}
            if isinstance(part, str)
            else {"type": "image", "image": Image.open(BytesIO(part.shown))}
            for part in joined(message.parts)
        ]
        messages.append({"role": message.role, "content": content})
    processor = chat._processor
    rendered = processor.apply_chat_template(messages, tokenize=True, return_dict=True)
    ids: list[int] = rendered["input_ids"][0]
    assert ids[: len(sample)] == sample.input_ids.tolist()
    assert not processor.decode(ids[len(sample) :]).strip()


def shown(episode: Trajectory, image: ImageRecord) -> EpisodeImage:
    view = View(image.width, image.height, image.shown_width, image.shown_height)
    data = episode.pictures[image.shown_digest]
    return EpisodeImage(image.name, data, image.digest, data, image.shown_digest, view)
