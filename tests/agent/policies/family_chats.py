"""Chat templates as families ship them: what they write, what they want and what they refuse."""

from __future__ import annotations

CHATML_OPENS_WITH_SYSTEM = (
    "{% for message in messages %}"
    "{% if loop.first and message['role'] != 'system' %}"
    "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n{% endif %}"
    "<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
    "{% for part in message['content'] %}{% if part['type'] == 'image' %}IMAGE"
    "{% elif 'text' in part %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
QWEN_IMAGE = "<|vision_start|><|image_pad|><|vision_end|>"
QWEN2_VL = CHATML_OPENS_WITH_SYSTEM.replace("IMAGE", QWEN_IMAGE)
INTERNVL = CHATML_OPENS_WITH_SYSTEM.replace("IMAGE", "<IMG_CONTEXT>\n")

# Results have a role of their own here, written as a message of the user.
QWEN3_VL = (
    "{%- macro said(content) -%}{%- if content is string -%}{{ content }}{%- else -%}"
    "{%- for part in content -%}{%- if part.type == 'image' -%}" + QWEN_IMAGE + "{%- else -%}"
    "{{ part.text }}{%- endif -%}{%- endfor -%}{%- endif -%}{%- endmacro -%}"
    "{%- for message in messages -%}{%- if message.role == 'tool' -%}"
    "{{ '<|im_start|>user\n<tool_response>\n' + said(message.content) + '\n</tool_response>' }}"
    "{%- else -%}{{ '<|im_start|>' + message.role + '\n' + said(message.content) }}{%- endif -%}"
    "{{ '<|im_end|>\n' }}{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\n' }}{%- endif -%}"
)
# It opens the thought for the model, and forgets thoughts once a turn is over.
QWEN3_VL_THINKING = QWEN3_VL.replace(
    "+ said(message.content) }}{%- endif -%}{{ '<|im_end|>",
    "+ (said(message.content).split('</think>')[-1] if message.role == 'assistant' "
    "else said(message.content)) }}{%- endif -%}{{ '<|im_end|>",
).replace("<|im_start|>assistant\n' }}", "<|im_start|>assistant\n<think>\n' }}")

# Images first, then texts, each in a line of its own; turns are marked for training.
LLAVA_ONEVISION = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + ' ' }}"
    "{% for part in message['content'] | selectattr('type', 'equalto', 'image') %}"
    "<image>{% endfor %}"
    "{% for part in message['content'] | selectattr('type', 'equalto', 'text') %}"
    "{% if message['role'] == 'assistant' %}{% generation %}{{ '\n' + part['text'] }}"
    "{% endgeneration %}{% else %}{{ '\n' + part['text'] }}{% endif %}{% endfor %}"
    "{{ '<|im_end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
IDEFICS = (
    "BEGIN{% for message in messages %}{{ message['role'] | capitalize }}"
    "{{ ':' if message['content'][0]['type'] == 'image' else ': ' }}"
    "{% for part in message['content'] %}"
    "{{ part['text'] if part['type'] == 'text' else '<image>' }}{% endfor %}"
    "<end_of_utterance>\n{% endfor %}"
    "{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)
SMOLVLM = IDEFICS.replace("BEGIN", "<|im_start|>")
IDEFICS3 = IDEFICS.replace("BEGIN", "<|begin_of_text|>")

# The system's words open the first message, roles must alternate, texts are trimmed.
GEMMA3 = (
    "{{ bos_token }}{%- set opening = namespace(text='') -%}"
    "{%- if messages[0]['role'] == 'system' -%}"
    "{%- set opening.text = messages[0]['content'][0]['text'] + '\n\n' -%}"
    "{%- set messages = messages[1:] -%}{%- endif -%}"
    "{%- for message in messages -%}"
    "{%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}"
    "{{ raise_exception('Conversation roles must alternate') }}{%- endif -%}"
    "{{ '<start_of_turn>' + ('model' if message['role'] == 'assistant' else message['role'])"
    " + '\n' + (opening.text if loop.first else '') }}"
    "{%- for part in message['content'] -%}{%- if part['type'] == 'image' -%}"
    "{{ '<start_of_image>' }}{%- else -%}{{ part['text'] | trim }}{%- endif -%}{%- endfor -%}"
    "{{ '<end_of_turn>\n' }}{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '<start_of_turn>model\n' }}{%- endif -%}"
)
# Of a language model: it takes text only, and no system.
TEXT_ONLY = (
    "{% for message in messages %}{% if message['role'] == 'system' %}"
    "{{ raise_exception('System role not supported') }}{% endif %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
