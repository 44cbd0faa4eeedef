"""Chat templates of families whose checkpoints were saved without theirs.

A template in the model's folder always goes first: these are for folders that a
trainer or a conversion wrote, where only weights, tokenizer and processor are.
They write what the families' own templates write for text and images.
"""

from __future__ import annotations

from typing import Any

_PARTS = (
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}IMAGE{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}"
)
_CHATML = (
    "{% for message in messages %}"
    "<|im_start|>{{ message['role'] }}\n" + _PARTS + "<|im_end|>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
# All images of a message come before its text.
_LLAVA_ONEVISION = (
    "{% for message in messages %}"
    "<|im_start|>{{ message['role'] }} "
    "{% for part in message['content'] if part['type'] == 'image' %}<image>{% endfor %}"
    "{% for part in message['content'] if part['type'] == 'text' %}"
    "{{ '\n' + part['text'] }}{% endfor %}"
    "<|im_end|>"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_IDEFICS3 = (
    "BEGIN{% for message in messages %}"
    "{{ message['role'] | capitalize }}:"
    "{% if message['content'][0]['type'] != 'image' %} {% endif %}"
    + _PARTS.replace("IMAGE", "<image>")
    + "<end_of_utterance>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}Assistant:{% endif %}"
)
# It knows no system role: what the system says opens the first message.
_GEMMA3 = (
    "{{ bos_token }}"
    "{% for message in messages %}"
    "{% if message['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
    "<start_of_turn>{{ 'model' if message['role'] == 'assistant' else message['role'] }}\n"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<start_of_image>"
    "{% else %}{{ part['text'] | trim }}{% endif %}"
    "{% endfor %}<end_of_turn>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
_QWEN_VL = _CHATML.replace("IMAGE", "<|vision_start|><|image_pad|><|vision_end|>")

_OF_PROCESSOR = {
    "Qwen2VLProcessor": _QWEN_VL,
    "Qwen2_5_VLProcessor": _QWEN_VL,
    "Qwen3VLProcessor": _QWEN_VL,
    "InternVLProcessor": _CHATML.replace("IMAGE", "<IMG_CONTEXT>\n"),
    "LlavaOnevisionProcessor": _LLAVA_ONEVISION,
    "SmolVLMProcessor": _IDEFICS3.replace("BEGIN", "<|im_start|>"),
    "Idefics3Processor": _IDEFICS3.replace("BEGIN", "<|begin_of_text|>"),
    "Gemma3Processor": _GEMMA3,
}


def template_of_family(processor: Any) -> str | None:
    """The template of the family that a processor belongs to; None if it is not known here."""
    return _OF_PROCESSOR.get(type(processor).__name__)
