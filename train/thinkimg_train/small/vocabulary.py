"""What the small model's tokenizer knows whole: the words of charts, questions and tools."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from transformers import PreTrainedTokenizerFast

from thinkimg_eval.synthcharts.looks import PALETTES
from thinkimg_eval.synthcharts.subjects import SUBJECTS
from thinkimg_eval.synthcharts.wording import words_of_questions
from thinkimg_rpc.schema import signatures
from thinkimg_train.collect.wording import words_of_thoughts
from thinkimg_train.rewriting import shipped_contracts
from thinkimg_train.small.tokenizer import small_tokenizer

_WORD = re.compile(r"[A-Z][a-z]+|[A-Z]+| ?[a-z]+")

_OF_TOOLS = """
bars line slices points point legend color colors entry axis tick title panel mark swatch label
image images img text box spans detections subplots masks score query description max results
min y x scale region name arguments answer yes no red Error unknown field fields did you mean
was named tool called argument try once again Once not too itself further left right up down
crop enlarged high low all more series words required Separate Nothing found Ask things plain
colour shape category reading classic slice dark stops understood Age Time Size Read Where
Numbers Names numbers Bars Colors Texts Places Order first place lying scatter pie bar kind
kinds drawn each have panels many
"""

_PHRASES = (
    # What tools write of texts and of marks.
    *('{"spans": [{"box": [', '], "text": "', '", "score": 1.0}, {"box": [', "}]}"),
    *('", "score": 1.0}]}', '", "score": ', '}, {"box": [', '{"detections": [{"box": ['),
    *('], "score": 0.9, "label": "', '], "score": 0.85, "label": "', '"}, {"box": [', '"}]}'),
    *('{"spans": []}', '{"detections": []}', '{"box": [', '], "image": "img_', '{"image": "img_'),
    '{"subplots": [{"box": [',
    *('", "title": "', '", "score": ', "<tool_response>\n", "\n</tool_response>", ", ", " [", "]"),
    # How tools are called.
    *('<tool_call>\n{"name": "', '", "arguments": {"image": "img_', '"}}\n</tool_call>'),
    *('", "query": "', '", "description": "', '", "max_results": ', "}}\n</tool_call>"),
    *('", "box": {"x0": ', ', "y0": ', ', "x1": ', ', "y1": ', "}}}\n</tool_call>"),
    *('", "y": ', '", "x": ', "<answer>", "</answer>", "user\n", "assistant\n", "system\n"),
    # What stands in every prompt.
    *("(image?, ", ", format?): ", "{x0, y0, x1, y1}", "<tool_call>", "</tool_call>"),
    *('{"name": "…", "arguments": {…}}', "your answer", "Answer the question about the images."),
    "Answer with a name as it is written in the chart, with a number, or with yes or no.",
    "x runs from 0 at the left edge of the image to 1000 at the right edge, y from 0 at the top "
    "to 1000 at the bottom, whatever the image's size.",
)


def names() -> list[str]:
    """What categories and series are called in synthetic charts, in order."""
    found = (name for one in SUBJECTS for name in (*one.categories, *one.series))
    return sorted({name for name in found if name[0].isalpha()})


def headings() -> list[str]:
    """What stands above charts and beside their axes."""
    found = (text for one in SUBJECTS for text in (*one.titles, *one.values, one.label))
    return sorted(set(found))


def colors() -> list[str]:
    return sorted({color.name for palette in PALETTES for color in palette})


def chart_tokenizer() -> PreTrainedTokenizerFast:
    """Of a model for charts: what a tool that comes along is for is one token."""
    contracts = list(shipped_contracts().values())
    purposes = (line.partition("): ")[2] for line in signatures(contracts).splitlines())
    texts = [*_of_charts(), *words_of_questions(), *words_of_thoughts(), _OF_TOOLS, *colors()]
    texts += [contract.name for contract in contracts]
    # Of boxes, which are most of what tools write: with the comma they are four tokens, not seven.
    places = (f"{number}, " for number in range(1000))
    return small_tokenizer(_words(texts), [*_PHRASES, *places, *purposes])


def _of_charts() -> Iterator[str]:
    for one in SUBJECTS:
        yield from (*one.categories, *one.series, *one.titles, *one.values, one.label, one.noun)


def _words(texts: Iterable[str]) -> list[str]:
    """Each with and without the space that other words take before them."""
    found = [word for text in texts for word in _WORD.findall(text)]
    small = [word.strip() for word in found if word.strip().islower()]
    return [*found, *(word.lower() for word in found), *small, *(f" {word}" for word in small)]
