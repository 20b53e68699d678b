"""Writes prompts/templates.json: see README.md beside this file.

    python tests/golden/make_templates.py

Needs transformers and tokenizers of requirements.txt, no torch. The templates are of our own: each does
what the published template of its name is documented to do, with the constructs that it uses.
"""

import json
from datetime import datetime
from pathlib import Path

from transformers import PreTrainedTokenizerFast
from transformers.utils import chat_template_utils

HERE = Path(__file__).parent / "prompts"
NOW = 1721952000  # 26 July 2024, UTC
PAIR = ["A red house."]
DOCUMENT = ["Two birds.", " A cat\nsleeps. "]


class Clock(datetime):
    """The time at which the templates are rendered."""

    @classmethod
    def now(cls, tz=None):
        return cls(2024, 7, 26)


# name -> whether content is a list of parts, and the template
TEMPLATES = {
    "llava-1.5": (True, (
        "{% for m in messages %}{% if m['role'] != 'system' %}{{ m['role'].upper() + ': '}}{% endif %}"
        "{# images first #}{% for c in m['content'] | selectattr('type', 'equalto', 'image') %}"
        "{{ '<image>\n' }}{% endfor %}{% if m['role'] != 'assistant' %}"
        "{% for c in m['content'] | selectattr('type', 'equalto', 'text') %}{{ c['text'] + ' '}}{% endfor %}"
        "{% else %}{% for c in m['content'] | selectattr('type', 'equalto', 'text') %}{% generation %}"
        "{{ c['text'] + ' '}}{% endgeneration %}{% endfor %}{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"
    )),
    "llama-2": (False, (
        "{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}"
        "{% set system = messages[0]['content'] %}{% else %}{% set loop_messages = messages %}"
        "{% set system = false %}{% endif %}{% for m in loop_messages %}"
        "{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}"
        "{{ raise_exception('Roles must alternate user/assistant') }}{% endif %}"
        "{% if loop.index0 == 0 and system != false %}"
        "{% set content = '<<SYS>>\\n' + system + '\\n<</SYS>>\\n\\n' + m['content'] %}{% else %}"
        "{% set content = m['content'] %}{% endif %}{% if m['role'] == 'user' %}"
        "{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}{% elif m['role'] == 'system' %}"
        "{{ '<<SYS>>\\n' + content.strip() + '\\n<</SYS>>\\n\\n' }}{% elif m['role'] == 'assistant' %}"
        "{{ ' ' + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}"
    )),
    "llama-3": (False, (
        "{% set loop_messages = messages %}{% for message in loop_messages %}"
        "{% set content = '<|turn|>' + message['role'] + '\n\n' + message['content'] | trim + '<|end|>' %}"
        "{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|turn|>assistant\n\n' }}{% endif %}"
    )),
    "llama-3.1": (False, (
        "{{- bos_token }}\n{%- if custom_tools is defined %}\n    {%- set tools = custom_tools %}\n{%- endif %}\n"
        "{%- if not tools_in_user is defined %}\n    {%- set tools_in_user = true %}\n{%- endif %}\n"
        "{%- if not date is defined %}\n    {%- set date = \"26 Jul 2024\" %}\n{%- endif %}\n"
        "{%- if not tools is defined %}\n    {%- set tools = none %}\n{%- endif %}\n\n"
        "{#- The system message comes out of the list. #}\n"
        "{%- if messages[0]['role'] == 'system' %}\n    {%- set system = messages[0]['content'] | trim %}\n"
        "    {%- set messages = messages[1:] %}\n{%- else %}\n    {%- set system = \"\" %}\n{%- endif %}\n\n"
        "{{- \"<|turn|>system\\n\\n\" }}\n{%- if builtin_tools is defined or tools is not none %}\n"
        "    {{- \"Environment: ipython\\n\" }}\n{%- endif %}\n"
        "{%- if builtin_tools is defined %}\n"
        "    {{- \"Tools: \" + builtin_tools | reject('equalto', 'code_interpreter') | join(\", \") + \"\\n\\n\"}}\n"
        "{%- endif %}\n{{- \"Today Date: \" + date + \"\\n\\n\" }}\n"
        "{%- if tools is not none and not tools_in_user %}\n    {%- for t in tools %}\n"
        "        {{- t | tojson(indent=4) }}\n    {%- endfor %}\n{%- endif %}\n{{- system }}\n{{- \"<|end|>\" }}\n"
        "{%- if tools_in_user and not tools is none %}\n    {{- raise_exception('no tools here') }}\n{%- endif %}\n"
        "{%- for message in messages %}\n"
        "    {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}\n"
        "        {{- '<|turn|>' + message['role'] + '\\n\\n' + message['content'] | trim + '<|end|>' }}\n"
        "    {%- elif 'tool_calls' in message %}\n        {%- if not message.tool_calls | length == 1 %}\n"
        "            {{- raise_exception('one call at a time') }}\n        {%- endif %}\n    {%- endif %}\n"
        "{%- endfor %}\n{%- if add_generation_prompt %}\n    {{- '<|turn|>assistant\\n\\n' }}\n{%- endif %}\n"
    )),
    "llama-3.2": (False, (
        "{{- bos_token }}\n{%- if not date is defined %}\n    {%- if strftime_now is defined %}\n"
        "        {%- set date = strftime_now(\"%d %b %Y\") %}\n    {%- else %}\n"
        "        {%- set date = \"1 Jan 2000\" %}\n    {%- endif %}\n{%- endif %}\n"
        "{{- \"<|turn|>system\\n\\nToday Date: \" + date + \"\\n\\n<|end|>\" }}\n"
        "{%- for message in messages %}\n    {{- '<|turn|>' + message['role'] + '\\n\\n' }}\n"
        "    {{- message['content'] | trim + '<|end|>' }}\n{%- endfor %}\n"
    )),
    "llama-3.2-vision": (True, (
        "{{- bos_token }}\n{#- Is there an image? #}\n{% set has_image = namespace(found=false) %}\n"
        "{%- for message in messages %}\n    {%- for part in message['content'] %}\n"
        "        {%- if part['type'] == 'image' %}\n            {%- set has_image.found = true %}\n"
        "        {%- endif %}\n    {%- endfor %}\n{%- endfor %}\n"
        "{%- if has_image.found and system is defined %}\n    {{- raise_exception('no system message') }}\n"
        "{%- endif %}\n{%- for message in messages %}\n"
        "    {{- '<|turn|>' + message['role'] + '\\n\\n' }}\n    {%- if message['content'] is string %}\n"
        "        {{- message['content'] }}\n    {%- else %}\n"
        "        {%- for content in message['content'] %}\n            {%- if content['type'] == 'image' %}\n"
        "                {{- '<image>' }}\n            {%- elif content['type'] == 'text' %}\n"
        "                {{- content['text'] }}\n            {%- endif %}\n        {%- endfor %}\n"
        "    {%- endif %}\n    {{- '<|end|>' }}\n{%- endfor %}\n"
    )),
    "mistral": (False, (
        "{%- if messages[0][\"role\"] == \"system\" %}\n    {%- set system = messages[0][\"content\"] %}\n"
        "    {%- set loop_messages = messages[1:] %}\n{%- else %}\n    {%- set loop_messages = messages %}\n"
        "{%- endif %}\n{%- if not tools is defined %}\n    {%- set tools = none %}\n{%- endif %}\n"
        "{%- set user_messages = loop_messages | selectattr(\"role\", \"equalto\", \"user\") | list %}\n\n"
        "{%- set ns = namespace() %}\n{%- set ns.index = 0 %}\n{%- for message in loop_messages %}\n"
        "    {%- if not (message.role == \"tool\" or (message.tool_calls is defined and message.tool_calls is not none)) %}\n"
        "        {%- if (message[\"role\"] == \"user\") != (ns.index % 2 == 0) %}\n"
        "            {{- raise_exception(\"roles must alternate\") }}\n        {%- endif %}\n"
        "        {%- set ns.index = ns.index + 1 %}\n    {%- endif %}\n{%- endfor %}\n\n{{- bos_token }}\n"
        "{%- for message in loop_messages %}\n    {%- if message[\"role\"] == \"user\" %}\n"
        "        {%- if tools is not none and (message == user_messages[-1]) %}\n"
        "            {{- \"[AVAILABLE_TOOLS] [\" }}\n            {%- for tool in tools %}\n"
        "                {%- for key, val in tool.items() if key != \"return\" %}{{- val | tojson }}{%- endfor %}\n"
        "            {%- endfor %}\n        {%- endif %}\n"
        "        {%- if loop.last and system is defined %}\n"
        "            {{- \"[INST] \" + system + \"\\n\\n\" + message[\"content\"] + \"[/INST]\" }}\n"
        "        {%- else %}\n            {{- \"[INST] \" + message[\"content\"] + \"[/INST]\" }}\n        {%- endif %}\n"
        "    {%- elif message[\"role\"] == \"assistant\" %}\n"
        "        {{- \" \" + message[\"content\"] | trim + eos_token }}\n    {%- else %}\n"
        "        {{- raise_exception(\"only user and assistant\") }}\n    {%- endif %}\n{%- endfor %}\n"
    )),
    "qwen-2": (False, (
        "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
        "{{ '<|turn|>system\nYou help.<|end|>\n' }}{% endif %}"
        "{{ '<|turn|>' + message['role'] + '\n' + message['content'] + '<|end|>' + '\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|turn|>assistant\n' }}{% endif %}"
    )),
    "qwen-2-vl": (True, (
        "{% set image_count = namespace(value=0) %}{% set video_count = namespace(value=0) %}"
        "{% for message in messages %}{% if loop.first and message['role'] != 'system' %}<|turn|>system\n"
        "You help.<|end|>\n{% endif %}<|turn|>{{ message['role'] }}\n"
        "{% if message['content'] is string %}{{ message['content'] }}<|end|>\n{% else %}"
        "{% for content in message['content'] %}"
        "{% if content['type'] == 'image' or 'image' in content or 'image_url' in content %}"
        "{% set image_count.value = image_count.value + 1 %}"
        "{% if add_vision_id %}Picture {{ image_count.value }}: {% endif %}[V]<image>[/V]"
        "{% elif content['type'] == 'video' or 'video' in content %}"
        "{% set video_count.value = video_count.value + 1 %}[V][/V]"
        "{% elif 'text' in content %}{{ content['text'] }}{% endif %}{% endfor %}<|end|>\n{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}<|turn|>assistant\n{% endif %}"
    )),
    "qwen-3": (False, (
        "{%- if tools %}\n    {{- '<|turn|>system\\n' }}\n    {%- for tool in tools %}\n"
        "        {{- \"\\n\" }}\n        {{- tool | tojson }}\n    {%- endfor %}\n{%- else %}\n"
        "    {%- if messages[0].role == 'system' %}\n"
        "        {{- '<|turn|>system\\n' + messages[0].content + '<|end|>\\n' }}\n    {%- endif %}\n{%- endif %}\n"
        "{%- set ns = namespace(searching=true, last_query_index=messages | length - 1) %}\n"
        "{%- for message in messages[::-1] %}\n    {%- set index = (messages | length - 1) - loop.index0 %}\n"
        "    {%- if ns.searching and message.role == \"user\" and message.content is string and not"
        "(message.content.startswith('<answer>') and message.content.endswith('</answer>')) %}\n"
        "        {%- set ns.searching = false %}\n        {%- set ns.last_query_index = index %}\n    {%- endif %}\n"
        "{%- endfor %}\n{%- for message in messages %}\n    {%- if message.content is string %}\n"
        "        {%- set content = message.content %}\n    {%- else %}\n        {%- set content = '' %}\n    {%- endif %}\n"
        "    {%- if (message.role == \"user\") or (message.role == \"system\" and not loop.first) %}\n"
        "        {{- '<|turn|>' + message.role + '\\n' + content + '<|end|>' + '\\n' }}\n"
        "    {%- elif message.role == \"assistant\" %}\n        {%- set reasoning = '' %}\n"
        "        {%- if message.reasoning_content is string %}\n"
        "            {%- set reasoning = message.reasoning_content %}\n        {%- else %}\n"
        "            {%- if '</think>' in content %}\n"
        "                {%- set reasoning = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}\n"
        "                {%- set content = content.split('</think>')[-1].lstrip('\\n') %}\n"
        "            {%- endif %}\n        {%- endif %}\n"
        "        {%- if loop.index0 > ns.last_query_index and (loop.last or (not loop.last and reasoning)) %}\n"
        "            {{- '<|turn|>' + message.role + '\\n<think>\\n' + reasoning.strip('\\n') + '\\n</think>\\n\\n' + content.lstrip('\\n') }}\n"
        "        {%- else %}\n            {{- '<|turn|>' + message.role + '\\n' + content }}\n        {%- endif %}\n"
        "        {{- '<|end|>\\n' }}\n    {%- endif %}\n{%- endfor %}\n"
    )),
    "chatml": (False, (
        "{% for message in messages %}{{'<|turn|>' + message['role'] + '\n' + message['content'] + '<|end|>' + '\n'}}"
        "{% endfor %}{% if add_generation_prompt %}{{ '<|turn|>assistant\n' }}{% endif %}"
    )),
    "gemma": (False, (
        "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
        "{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
        "{{ raise_exception('roles must alternate') }}{% endif %}{% if (message['role'] == 'assistant') %}"
        "{% set role = 'model' %}{% else %}{% set role = message['role'] %}{% endif %}"
        "{{ '<|turn|>' + role + '\n' + message['content'] | trim + '<|end|>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{'<|turn|>model\n'}}{% endif %}"
    )),
    "gemma-3": (True, (
        "{{ bos_token }}\n{%- if messages[0]['role'] == 'system' -%}\n"
        "    {%- set prefix = messages[0]['content'] + '\n\n' -%}\n    {%- set loop_messages = messages[1:] -%}\n"
        "{%- else -%}\n    {%- set prefix = \"\" -%}\n    {%- set loop_messages = messages -%}\n{%- endif -%}\n"
        "{%- for message in loop_messages -%}\n    {%- if (message['role'] == 'assistant') -%}\n"
        "        {%- set role = \"model\" -%}\n    {%- else -%}\n        {%- set role = message['role'] -%}\n"
        "    {%- endif -%}\n    {{ '<|turn|>' + role + '\n' + (prefix if loop.first else \"\") }}\n"
        "    {%- if message['content'] is string -%}\n        {{ message['content'] | trim }}\n"
        "    {%- elif message['content'] is iterable -%}\n        {%- for item in message['content'] -%}\n"
        "            {%- if item['type'] == 'image' -%}\n                {{ '<image>' }}\n"
        "            {%- elif item['type'] == 'text' -%}\n                {{ item['text'] | trim }}\n"
        "            {%- endif -%}\n        {%- endfor -%}\n    {%- else -%}\n"
        "        {{ raise_exception(\"no such content\") }}\n    {%- endif -%}\n    {{ '<|end|>\n' }}\n{%- endfor -%}\n"
        "{%- if add_generation_prompt -%}\n    {{'<|turn|>model\n'}}\n{%- endif -%}\n"
    )),
    "smolvlm": (True, (
        "<|turn|>{% for message in messages %}{{ message['role'] | capitalize }}"
        "{% if message['content'][0]['type'] == 'image' %}{{ ':' }}{% else %}{{ ': ' }}{% endif %}"
        "{% for line in message['content'] %}{% if line['type'] == 'text' %}{{ line['text'] }}"
        "{% elif line['type'] == 'image' %}{{ '<image>' }}{% endif %}{% endfor %}<|end|>\n{% endfor %}"
        "{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
    )),
    "phi-3": (False, (
        "{{ bos_token }}{% for message in messages %}{% if (message['role'] == 'user') %}"
        "{{'<|user|>' + '\n' + message['content'] + '<|end|>' + '\n' + '<|assistant|>' + '\n'}}"
        "{% elif (message['role'] == 'assistant') %}{{message['content'] + '<|end|>' + '\n'}}{% endif %}{% endfor %}"
    )),
    # No published one: what the environment gives, line by line.
    "environment": (True, (
        "{% set data = {'b': [1, 2.5, none, true], 'a': 'é<\"&\\n', 'c': {}} %}\n{{ data | tojson }}\n"
        "{{ data | tojson(indent=2, sort_keys=true) }}\n{{ data | tojson(ensure_ascii=true, separators=(',', ':')) }}\n"
        "{{ tools }} {{ documents }} {{ add_generation_prompt }} {{ missing }} {{ bos_token }} {{ eos_token }}\n"
        "{{ 7 / 2 }} {{ 7 // 2 }} {{ -7 % 3 }} {{ 2 * 3 }} {{ '%s-%02d' | format('a', 5) }} {{ '=' * 5 }}\n"
        "{{ messages is sequence }} {{ 'x' is sequence }} {{ {} is sequence }} {{ 1 is iterable }} {{ none is iterable }}\n"
        "{% for k, v in data.items() %}{% if loop.index == 3 %}{% break %}{% endif %}"
        "{% if k == 'b' %}{% continue %}{% endif %}{{ k }}={{ v | length }};{% endfor %}\n"
        "{% macro twice(x, y='!') %}{{ x }}{{ x }}{{ y }}{% endmacro %}{{ twice('a') }}{{ twice('b', y='?') }}\n"
        "{%- set words = 'one two three'.split(' ') -%}\n{{ words[::-1] | join('+') }} {{ words[1:] }} {{ words[-1][0:2] | upper }}\n"
        "{% raw %}{{ raw }}{% endraw %} {# {{ comment }} #}\n    {% if true %}\n  kept\n    {%+ if true %}x{% endif %}\n{% endif %}\n"
        "{{ 'abc'.removeprefix('a') }} {{ 'a=b=c'.partition('=') | join('|') }} {{ dict(a=1).get('z', 'none') }}\n"
        "{% with a = 1, b = 'x' %}{{ a }}{{ b }}{% endwith %} {{ [1, 2] + [3] }} {{ 'a' ~ 1 ~ true }} {{ [3, 1] | sort | first }}\n"
        "{% set block | trim %}  in a block  {% endset %}{{ block }} {{ messages | map(attribute='role') | unique | join(',') }}\n"
        "{% for m in messages %}{% for p in m.content %}{{ '<image>' if p.type == 'image' else p.text | trim }}\n"
        "{% endfor %}{% endfor %}"
    )),
}


def messages(parts, texts, image="<image>\n"):
    """A user turn with an image and an assistant turn with the text, for each text."""
    turns = []
    for text in texts:
        user = [{"type": "image"}] if parts else image
        assistant = [{"type": "text", "text": text}] if parts else text
        turns += [{"role": "user", "content": user}, {"role": "assistant", "content": assistant}]
    return turns


def main():
    chat_template_utils.datetime = Clock
    tokenizer = PreTrainedTokenizerFast.from_pretrained(HERE / "byte")
    special = dict(tokenizer.special_tokens_map)
    assert special["image_token"] == "<image>"
    entries = []
    for name, (parts, template) in TEMPLATES.items():
        entry = {"name": name, "parts": parts, "template": template, "prompts": []}
        for texts in [PAIR, DOCUMENT]:
            rendered, _ = chat_template_utils.render_jinja_template(
                [messages(parts, texts)], chat_template=template, **special
            )
            (rendered,) = rendered
            assert rendered.count("<image>") == len(texts), rendered
            # As the processor does it: no second bos, each placeholder once per image token.
            bos = not rendered.startswith(tokenizer.bos_token)
            ids = tokenizer(rendered.replace("<image>", "<image>" * 4), add_special_tokens=bos)["input_ids"]
            entry["prompts"].append({"texts": texts, "rendered": rendered, "input_ids": ids})
        entries.append(entry)
    data = {"now": NOW, "templates": entries}
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    (HERE / "templates.json").write_text(text.replace('{"name"', '\n{"name"') + "\n")


if __name__ == "__main__":
    main()
