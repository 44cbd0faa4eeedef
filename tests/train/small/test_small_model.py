"""The small model: what is one token, how large it is, and where its weights begin."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import (
    AutoModelForImageTextToText,
    PreTrainedTokenizerFast,
    Qwen2VLForConditionalGeneration,
)

from thinkimg_train.small.architecture import MERGED, PATCH, small_config
from thinkimg_train.small.starting_point import begin
from thinkimg_train.small.tokenizer import SPECIAL, small_tokenizer
from thinkimg_train.small.vocabulary import chart_tokenizer

WORDS = ("Kenya", "Wind", "Spain", " value", " of", "Which")
PHRASE = '", "box": ['
TOKENIZER = small_tokenizer(WORDS, [PHRASE])


def pieces(text: str) -> list[str]:
    return [str(TOKENIZER.decode([token])) for token in TOKENIZER(text)["input_ids"]]


@pytest.fixture(scope="module")
def model() -> Qwen2VLForConditionalGeneration:
    made = Qwen2VLForConditionalGeneration(small_config(TOKENIZER))
    made.train(mode=False)
    begin(made, TOKENIZER, seed=0)
    return made


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=80))
def test_any_text_comes_back_as_it_was(text: str) -> None:
    tokens = TOKENIZER(text, add_special_tokens=False)["input_ids"]
    assert TOKENIZER.decode(tokens, clean_up_tokenization_spaces=False) == text


def test_a_name_is_the_same_token_in_a_question_and_in_what_a_tool_wrote() -> None:
    assert pieces('"Kenya"') == ['"', "Kenya", '"']
    assert pieces("Which value of Kenya?") == ["Which", " value", " of", " ", "Kenya", "?"]


def test_numbers_below_a_thousand_and_known_phrases_are_one_token() -> None:
    assert all(len(TOKENIZER(str(number))["input_ids"]) == 1 for number in range(1000))
    assert pieces('Wind", "box": [7, 412') == ["Wind", PHRASE, "7", ",", " ", "412"]
    assert pieces("1963.07") == ["1", "963", ".", "07"]


def test_special_tokens_are_one_token_each_and_are_left_out_of_plain_text() -> None:
    for text in SPECIAL:
        [token] = TOKENIZER(text)["input_ids"]
        assert TOKENIZER.decode([token], skip_special_tokens=True) == ""


def test_it_has_two_to_six_million_parameters(model: Qwen2VLForConditionalGeneration) -> None:
    assert 2e6 < model.num_parameters() < 6e6


def test_it_reads_an_image_and_is_saved_and_loaded_like_any_model(
    model: Qwen2VLForConditionalGeneration, tmp_path: Path
) -> None:
    model.save_pretrained(tmp_path)
    TOKENIZER.save_pretrained(tmp_path)
    again: Any = AutoModelForImageTextToText.from_pretrained(tmp_path)
    again.train(mode=False)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(tmp_path)
    assert tokenizer("Kenya")["input_ids"] == TOKENIZER("Kenya")["input_ids"]
    side = 4
    image = "<|vision_start|>" + "<|image_pad|>" * (side // MERGED) ** 2 + "<|vision_end|>"
    ids = tokenizer(f"{image}Kenya", return_tensors="pt")["input_ids"]
    inputs = {
        "input_ids": ids,
        "mm_token_type_ids": (ids == model.config.image_token_id).int(),
        "image_grid_thw": torch.tensor([[1, side, side]]),
        "pixel_values": torch.rand(side * side, 3 * 2 * PATCH * PATCH),
    }
    with torch.no_grad():
        assert torch.equal(model(**inputs).logits, again(**inputs).logits)


def test_the_first_weights_look_back_to_where_names_and_places_stand(
    model: Qwen2VLForConditionalGeneration,
) -> None:
    model.set_attn_implementation("eager")
    ids = torch.randint(0, len(TOKENIZER) - len(SPECIAL), (1, 40), generator=torch.manual_seed(0))
    with torch.no_grad():
        attention = model(input_ids=ids, output_attentions=True).attentions[0][0]
    for head, back in enumerate((1, 2, 3, 4, 5)):
        looked = attention[head, 10:].argmax(-1)
        assert torch.equal(looked, torch.arange(10, 40) - back)


def test_the_first_weights_find_the_box_of_a_name_and_what_stands_right_of_it() -> None:
    tokenizer = chart_tokenizer()
    model = Qwen2VLForConditionalGeneration(small_config(tokenizer))
    begin(model, tokenizer, seed=0)
    model.set_attn_implementation("eager")
    spans = (
        '{"spans": [{"box": [100, 300, 160, 340], "text": "Kenya", "score": 1.0}, '
        '{"box": [700, 300, 760, 340], "text": "Peru", "score": 1.0}, '
        '{"box": [170, 300, 230, 340], "text": "Spain", "score": 1.0}]}\n'
        "Kenya [100, 300, 160, 340] ["
    )
    ids = tokenizer(spans, return_tensors="pt")["input_ids"]
    words = [tokenizer.decode([token]) for token in ids[0].tolist()]
    with torch.no_grad():
        attentions = model(input_ids=ids, output_attentions=True).attentions
    own, aligned = attentions[1][0, 2, words.index(" [")], attentions[2][0, 2, -1]
    kenya, peru, spain = (words.index(name) for name in ("Kenya", "Peru", "Spain"))
    assert own[kenya] > 10 * max(own[peru], own[spain])
    assert aligned[spain] > 2 * aligned[peru]


def test_near_numbers_begin_more_alike_than_far_ones(
    model: Qwen2VLForConditionalGeneration,
) -> None:
    begin(model, TOKENIZER, seed=0)
    numbers = torch.tensor([TOKENIZER(str(number))["input_ids"][0] for number in (100, 104, 700)])
    embedded = model.get_input_embeddings()(numbers)
    near, far = (torch.cosine_similarity(embedded[0], embedded[n], dim=0) for n in (1, 2))
    assert near > far + 0.2


def test_the_first_weights_are_the_same_for_the_same_seed(
    model: Qwen2VLForConditionalGeneration,
) -> None:
    def first_keys(seed: int) -> torch.Tensor:
        begin(model, TOKENIZER, seed)
        layer: Any = model.model.language_model.layers[1]
        return torch.clone(layer.self_attn.k_proj.weight.detach())

    assert torch.equal(first_keys(1), first_keys(1))
    assert not torch.equal(first_keys(1), first_keys(2))
