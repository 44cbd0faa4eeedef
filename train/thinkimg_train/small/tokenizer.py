"""The tokenizer of the small model: a word is a token, and so is a number below 1000.

A label is then one or two tokens wherever it stands, which makes copying it a matter of
attention and not of spelling. Whatever is unknown is spelled in bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel, Sequence, Split
from tokenizers.trainers import BpeTrainer
from transformers import PreTrainedTokenizerFast

SPECIAL = (
    *("<|endoftext|>", "<|im_start|>", "<|im_end|>"),
    *("<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"),
)

# A name begins with a capital, and its first word never takes the space before it: it is
# the same tokens in a question and in quotes. Other words do.
_PIECES = Regex(r"[A-Z][a-z]+|[A-Z]+| ?[a-z]+|\d{1,3}(?=(?:\d{3})*(?!\d))|\n+| +|[^A-Za-z\d\s]+")
_TIMES = 64
"""How often each known piece is shown, so that it is merged before anything accidental."""


def small_tokenizer(words: Iterable[str], phrases: Iterable[str]) -> PreTrainedTokenizerFast:
    """A tokenizer that knows words, numbers below 1000, and phrases whole.

    Args:
        words: in the case in which they are written; a phrase of several gives several.
        phrases: runs of signs, such as '", "box": [', that are to be one token wherever
            they stand.
    """
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = Sequence(
        [Split(_PIECES, "isolated"), ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = ByteLevelDecoder()
    known = [*dict.fromkeys(words), *map(str, range(1000)), *(f"{n:02}" for n in range(100))]
    known += [f"{n:03}" for n in range(100)]
    # Every piece is merged whole: there are fewer merges in all of them than may be learnt.
    trainer = BpeTrainer(
        vocab_size=1 << 15,
        min_frequency=_TIMES,
        initial_alphabet=ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator((one for one in known for _ in range(_TIMES)), trainer)
    wrapped: Any = PreTrainedTokenizerFast  # its constructor has no types
    fast: PreTrainedTokenizerFast = wrapped(
        tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>"
    )
    fast.add_special_tokens({"additional_special_tokens": list(SPECIAL)})
    fast.add_tokens([AddedToken(one, normalized=False) for one in dict.fromkeys(phrases)])
    return fast
