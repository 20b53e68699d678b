"""Writes the golden data of the tests: see README.md beside this file.

    python tests/golden/make_golden.py

Needs requirements.txt; the tests only read what it writes. Everything is seeded, so that a second
run with the same versions writes the same files.
"""

import json
import shutil
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    AutoProcessor,
    CLIPImageProcessorPil,
    CLIPVisionConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedTokenizerFast,
    SiglipImageProcessorPil,
    SiglipVisionConfig,
)
from transformers.image_utils import load_image

from make_decoding import picture, write_json, write_lines

HERE = Path(__file__).parent
SPECIAL = ["<unk>", "<s>", "</s>", "<pad>", "<image>", "<|turn|>", "<|end|>"]
SENTENCES = [
    "A small red house stands beside the river.",
    "Three birds fly over the green hill in the morning.",
    "The picture shows a yellow cup on a wooden table.",
    "Who is standing behind the blue car?",
    "USER: what is this? ASSISTANT: a cat, asleep on a warm stone.",
]

# Templates of our own that use what templates in the wild use: part lists with selectattr,
# generation tags, string content, trimming, namespaces, string methods, raised exceptions.
TEMPLATES = {
    "parts": (
        "{% for message in messages %}{{ message['role'].upper() + ': ' }}"
        "{% for part in message['content'] | selectattr('type', 'equalto', 'image') %}"
        "{{ '<image>\n' }}{% endfor %}"
        "{% if message['role'] != 'assistant' %}"
        "{% for part in message['content'] | selectattr('type', 'equalto', 'text') %}"
        "{{ part['text'] + ' ' }}{% endfor %}{% else %}"
        "{% for part in message['content'] | selectattr('type', 'equalto', 'text') %}"
        "{% generation %}{{ part['text'] + ' ' }}{% endgeneration %}{% endfor %}{% endif %}"
        "{% endfor %}{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"
    ),
    "turns": (
        "{{- bos_token }}\n"
        "{% for message in messages %}\n"
        "    {%- if message.content is string %}\n"
        "        {%- set words = message.content | trim %}\n"
        "    {%- else %}\n"
        "        {%- set found = namespace(words='') %}\n"
        "        {%- for part in message.content %}\n"
        "            {%- if part.type == 'image' %}\n"
        "                {%- set found.words = found.words + '<image>' %}\n"
        "            {%- else %}\n"
        "                {%- set found.words = found.words + part.text.strip() %}\n"
        "            {%- endif %}\n"
        "        {%- endfor %}\n"
        "        {%- set words = found.words %}\n"
        "    {%- endif %}\n"
        "<|turn|>{{ message.role }}\n"
        "{{ words }}<|end|>\n"
        "{% endfor %}\n"
    ),
    "strings": (
        "{% for message in messages %}"
        "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
        "{{ raise_exception('turns must alternate') }}{% endif %}"
        "{% if message['content'] is not string %}{{ raise_exception('strings only') }}{% endif %}"
        "{% if message['role'] == 'user' %}[Q] {{ message['content'].strip() }} [/Q]"
        "{% else %} {{ message['content'] }}{{ eos_token }}{% endif %}{% endfor %}"
    ),
    "mixed": (
        "{% for message in messages %}<|turn|>{{ message['role'] }}\n"
        "{% if message['content'] is string %}{{ message['content'] }}"
        "{% else %}{% for part in message['content'] %}"
        "{% if part['type'] == 'image' %}<image>\n{% elif 'text' in part %}{{ part['text'] }}"
        "{% endif %}{% endfor %}{% endif %}<|end|>\n{% endfor %}"
    ),
}


def byte_tokenizer():
    """Byte-level BPE with a beginning-of-sequence token added by the post-processor."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=SPECIAL, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    tokenizer.train_from_iterator(SENTENCES, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)]
    )
    return tokenizer


def llama_tokenizer():
    """BPE on words marked with U+2581 and with a fallback to bytes, as Llama's."""
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")]
    )
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    fallback = [f"<0x{i:02X}>" for i in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=340, special_tokens=SPECIAL + fallback)
    tokenizer.train_from_iterator(SENTENCES, trainer)
    # The bytes belong to the model's vocabulary; they are no added tokens.
    data = json.loads(tokenizer.to_str())
    data["added_tokens"] = [t for t in data["added_tokens"] if t["content"] in SPECIAL]
    data["post_processor"] = json.loads(
        processors.TemplateProcessing(
            single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)]
        ).__getstate__()
    )
    return Tokenizer.from_str(json.dumps(data))


def wrap(tokenizer):
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="<unk>",
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        extra_special_tokens={"image_token": "<image>"},
    )


TOKENIZERS = {"byte": byte_tokenizer, "llama": llama_tokenizer}


def conversation(user_parts, assistant_parts, text):
    user = [{"type": "image"}] if user_parts else "<image>\n"
    assistant = [{"type": "text", "text": text}] if assistant_parts else text
    return [
        {"role": "user", "content": user},
        {"role": "assistant", "content": assistant},
    ]


VICUNA = (
    "A chat between a curious user and an artificial intelligence assistant. The assistant gives "
    "helpful, detailed, and polite answers to the user's questions. USER: <image>\n ASSISTANT: "
)


def render(processor, forms, text):
    """The prompt before the placeholder is repeated, and where the text lies in it."""
    if processor.chat_template is None:
        return VICUNA + text + "</s>", len(VICUNA)
    rendered = processor.apply_chat_template(conversation(*forms, text))
    marker = "\ue123"
    start = processor.apply_chat_template(conversation(*forms, marker)).index(marker)
    return rendered, start


def encode(processor, forms, text, image):
    """Ids, pixel values and the positions of the tokens of the text itself."""
    rendered, start = render(processor, forms, text)
    bos = {"add_special_tokens": False} if rendered.startswith("<s>") else {}
    out = processor(text=rendered, images=image, return_tensors="pt", **bos)
    if processor.chat_template is not None and forms[0]:
        chat = conversation(*forms, text)
        chat[0]["content"][0]["image"] = image
        again = processor.apply_chat_template(chat, tokenize=True, return_dict=True, return_tensors="pt")
        assert again["input_ids"].tolist() == out["input_ids"].tolist()
    ids, content = locate(processor.tokenizer, rendered, start, text, int((out["input_ids"] == 4).sum()), bos)
    assert ids == out["input_ids"][0].tolist()
    return out["input_ids"][0], out["pixel_values"], content


def locate(tokenizer, rendered, start, text, count, bos):
    """Ids of a prompt with `count` image tokens, and the positions of the text's own tokens."""
    expanded = rendered.replace("<image>", "<image>" * count)
    start += (count - 1) * len("<image>")
    kept = text if expanded[start:].startswith(text) else text.strip()
    assert expanded[start:].startswith(kept), (expanded[start:], text)
    offsets = tokenizer(expanded, return_offsets_mapping=True, **bos)
    content = [
        i
        for i, (a, b) in enumerate(offsets["offset_mapping"])
        if a < start + len(kept) and b > start
    ]
    return offsets["input_ids"], content


def randomize(model, seed):
    """Weights of a spread that makes any error visible in every later state."""
    generator = torch.Generator().manual_seed(seed)

    def normal(shape, std):
        return torch.randn(shape, generator=generator) * std

    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            if "norm" in name or ".bn." in name:
                value = normal(parameter.shape, 0.4)
                parameter.copy_(value + 1.0 if name.endswith(("weight", "scale")) else value)
            elif parameter.ndim == 1:
                parameter.copy_(normal(parameter.shape, 0.3))
            elif name.endswith(("query", "pos_emb")) or "embed" in name and "patch" not in name:
                parameter.copy_(normal(parameter.shape, 0.8))
            else:
                fan_in = parameter[0].numel()
                parameter.copy_(normal(parameter.shape, 1.3 / fan_in**0.5))


class LinearProjector(torch.nn.Module):
    """A connector of one layer, which transformers itself does not have."""

    def __init__(self, config):
        super().__init__()
        self.linear_1 = torch.nn.Linear(
            config.vision_config.hidden_size,
            config.text_config.hidden_size,
            bias=config.multimodal_projector_bias,
        )

    def forward(self, features):
        return self.linear_1(features)


def golden_states(model, input_ids, pixel_values):
    """All states of one forward pass, in f32, without the batch axis; those of several pictures one
    below the other."""
    pictures = pixel_values[0] if len(pixel_values) == 1 else pixel_values
    tensors = {"pixel_values": pictures, "input_ids": input_ids.to(torch.int64)}
    pre_norm = []
    hook = model.model.language_model.norm.register_forward_pre_hook(
        lambda _, args: pre_norm.append(args[0].detach())
    )
    with torch.no_grad():
        vision = model.model.vision_tower(pixel_values, output_hidden_states=True)
        features = model.model.get_image_features(pixel_values, return_dict=True).pooler_output
        out = model(
            input_ids=input_ids[None],
            pixel_values=pixel_values,
            attention_mask=torch.ones_like(input_ids)[None],
            output_hidden_states=True,
        )
    hook.remove()
    for i, state in enumerate(vision.hidden_states):
        tensors[f"vision_hidden_states.{i}"] = state.flatten(0, 1)
    tensors["image_features"] = torch.cat(list(features))
    tensors["inputs_embeds"] = out.hidden_states[0][0]
    for i, state in enumerate(out.hidden_states):
        tensors[f"hidden_states.{i}"] = state[0]
    tensors[f"hidden_states.{len(out.hidden_states) - 1}.pre_norm"] = pre_norm[-1][0]
    tensors["logits"] = out.logits[0, -1]
    assert torch.equal(model.model.language_model.norm(pre_norm[-1])[0], out.hidden_states[-1][0])
    return {k: v.contiguous().clone() for k, v in tensors.items()}


def golden_looks(model, input_ids, pixel_values):
    """What single tokens look like from inside: attention rows and the logit lens."""
    count = len(input_ids)
    vision = (input_ids == model.config.image_token_id).nonzero().flatten().tolist()
    positions = [0, vision[0], vision[len(vision) // 2], vision[-1] + 1, count - 1]
    states = []
    hooks = [
        layer.register_forward_pre_hook(lambda _, args: states.append(args[0].detach()))
        for layer in [*model.model.language_model.layers, model.model.language_model.norm]
    ]
    with torch.no_grad():
        out = model(
            input_ids=input_ids[None],
            pixel_values=pixel_values,
            attention_mask=torch.ones_like(input_ids)[None],
            output_attentions=True,
        )
    # The norm's own hook must not see the calls that follow.
    for hook in hooks:
        hook.remove()
    with torch.no_grad():
        lens = [model.lm_head(model.model.language_model.norm(state))[0] for state in states]
    assert torch.equal(lens[-1], out.logits[0])
    tensors = {"positions": torch.tensor(positions, dtype=torch.int64)}
    for k, weights in enumerate(out.attentions, start=1):
        tensors[f"attention.{k}"] = weights[0].transpose(0, 1)[positions]
    for k, logits in enumerate(lens):
        top = torch.softmax(logits[positions], -1).topk(5)
        tensors[f"lens_probability.{k}"] = top.values
        tensors[f"lens_id.{k}"] = top.indices
    return {k: v.contiguous().clone() for k, v in tensors.items()}


def hub_layout(folder, text_extra, rename):
    """Rewrites a saved checkpoint as transformers 4 wrote it."""
    tensors = load_file(folder / "model.safetensors")
    save_file({rename(k): v for k, v in tensors.items()}, folder / "model.safetensors", {"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    config["torch_dtype"] = config.pop("dtype")
    for section in ["text_config", "vision_config"]:
        config[section].pop("dtype", None)
    text = config["text_config"]
    rope = text.pop("rope_parameters")
    text["rope_theta"] = rope["rope_theta"]
    text["rope_scaling"] = None
    text.update(text_extra)
    # Fields at their defaults were left out.
    defaults = LlamaConfig().to_dict()
    text = {k: v for k, v in text.items() if k == "model_type" or defaults.get(k, ()) != v}
    config["text_config"] = text
    write_json(folder / "config.json", config)
    processor = json.loads((folder / "processor_config.json").read_text())
    image = processor.pop("image_processor")
    image["processor_class"] = "LlavaProcessor"
    write_json(folder / "preprocessor_config.json", image)
    write_json(folder / "processor_config.json", processor)
    template = folder / "chat_template.jinja"
    if template.exists():
        tokenizer = json.loads((folder / "tokenizer_config.json").read_text())
        tokenizer["chat_template"] = template.read_text()
        write_json(folder / "tokenizer_config.json", tokenizer)
        template.unlink()


def hub_names(name):
    return name.replace("vision_tower.", "vision_tower.vision_model.", 1)


def nested_names(name):
    name = name.replace("language_model.model.", "model.language_model.", 1)
    name = name.replace("language_model.lm_head.", "lm_head.", 1)
    if name.startswith("vision_tower."):
        name = "model.vision_tower.vision_model." + name.removeprefix("vision_tower.")
    if name.startswith("multi_modal_projector."):
        name = "model." + name
    return name


def clip(**kw):
    base = dict(hidden_size=24, intermediate_size=40, num_hidden_layers=3, num_attention_heads=3)
    return CLIPVisionConfig(**{**base, "image_size": 28, "patch_size": 7, "projection_dim": 8, **kw})


def siglip(**kw):
    base = dict(hidden_size=20, intermediate_size=36, num_hidden_layers=2, num_attention_heads=2)
    return SiglipVisionConfig(**{**base, "image_size": 28, "patch_size": 7, **kw})


def llama(tokenizer, **kw):
    base = dict(
        vocab_size=tokenizer.get_vocab_size() + 3,
        hidden_size=36,
        intermediate_size=52,
        num_hidden_layers=3,
        num_attention_heads=6,
        num_key_value_heads=2,
        max_position_embeddings=160,
        rms_norm_eps=1e-5,
        pad_token_id=3,
    )
    return LlamaConfig(**{**base, **kw})


def cases():
    """name -> (tokenizer, template, forms, vision, text keywords, llava keywords, options)"""
    parts, text = (True, True), (True, False)
    return {
        # As save_pretrained writes it: f32, grouped queries, tied head.
        "clip_mlp_gqa_tied_f32": (
            "byte", "parts", parts, clip(),
            dict(tie_word_embeddings=True, rope_parameters={"rope_type": "default", "rope_theta": 500.0}),
            dict(tie_word_embeddings=True), {},
        ),
        # The layout of the hub's files: bf16, one key head per query head, own head, no template.
        "clip_hub_layout_bf16": (
            "llama", None, parts, clip(image_size=42, patch_size=14, hidden_size=36, num_attention_heads=6),
            dict(hidden_size=24, intermediate_size=44, num_hidden_layers=2, num_attention_heads=4,
                 num_key_value_heads=4, max_position_embeddings=400),
            {}, dict(dtype=torch.bfloat16, hub=hub_names),
        ),
        # SigLIP, last layer, all positions, f16; the tower keeps its unused pooling head.
        "siglip_full_f16": (
            "byte", "turns", parts, siglip(),
            dict(hidden_size=20, intermediate_size=28, num_attention_heads=2, num_key_value_heads=1,
                 num_hidden_layers=2),
            dict(vision_feature_layer=-1, vision_feature_select_strategy="full",
                 projector_hidden_act="gelu_pytorch_tanh"),
            dict(dtype=torch.float16),
        ),
        # One linear layer as connector, tensors under the names of newer files.
        "clip_linear_connector": (
            "byte", "mixed", text, clip(hidden_size=20, num_attention_heads=2, num_hidden_layers=2),
            dict(num_attention_heads=2, num_key_value_heads=2, head_dim=6, num_hidden_layers=2),
            dict(vision_feature_layer=-1), dict(linear=True, hub=nested_names),
        ),
        # Shards; biases in attention and MLP; heads wider than hidden_size; scaled frequencies.
        "siglip_sharded_biases": (
            "llama", "strings", (False, False), siglip(image_size=30, hidden_act="gelu", vision_use_head=False),
            dict(hidden_size=24, num_attention_heads=4, num_key_value_heads=2, head_dim=10,
                 attention_bias=True, mlp_bias=True, num_hidden_layers=2, hidden_act="gelu",
                 rope_parameters={"rope_type": "linear", "factor": 2.5, "rope_theta": 1000.0}),
            dict(vision_feature_select_strategy="full", vision_feature_layer=1,
                 projector_hidden_act="silu"),
            dict(shard="40KB"),
        ),
        # Two feature layers side by side, a connector without biases, Llama 3 frequencies, bf16.
        "clip_two_layers_relu_bf16": (
            "byte", "turns", parts, clip(image_size=35, hidden_act="gelu", num_attention_heads=2),
            dict(hidden_size=40, num_attention_heads=5, num_key_value_heads=5, num_hidden_layers=2,
                 rope_parameters={"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
                                  "high_freq_factor": 4.0, "original_max_position_embeddings": 48,
                                  "rope_theta": 300.0}),
            dict(vision_feature_layer=[-2, 1], multimodal_projector_bias=False,
                 projector_hidden_act="relu"),
            dict(dtype=torch.bfloat16),
        ),
    }


def compact_tokenizer(folder):
    """tokenizer.json without indentation: the vocabulary is most of a case."""
    path = folder / "tokenizer.json"
    path.write_text(json.dumps(json.loads(path.read_text()), ensure_ascii=False, separators=(",", ":")) + "\n")


def make_processor(config, tokenizer, template):
    """The processor of a checkpoint: its tower's own size, a chat template or none."""
    vision = config.vision_config
    is_clip = vision.model_type == "clip_vision_model"
    size = vision.image_size
    if is_clip:
        images = CLIPImageProcessorPil(
            size={"shortest_edge": size}, crop_size={"height": size, "width": size}
        )
    else:
        images = SiglipImageProcessorPil(size={"height": size, "width": size}, resample=2)
    return LlavaProcessor(
        image_processor=images,
        tokenizer=wrap(tokenizer),
        patch_size=vision.patch_size,
        vision_feature_select_strategy=config.vision_feature_select_strategy,
        num_additional_image_tokens=1 if is_clip else 0,
        chat_template=None if template is None else TEMPLATES[template],
    )


def make_case(name, seed, spec):
    tokenizer_name, template, forms, vision, text_kw, llava_kw, options = spec
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    tokenizer = TOKENIZERS[tokenizer_name]()
    config = LlavaConfig(
        vision_config=vision,
        text_config=llama(tokenizer, **text_kw),
        image_token_index=4,
        **llava_kw,
    )
    torch.manual_seed(seed)
    model = LlavaForConditionalGeneration._from_config(config, attn_implementation="eager").eval()
    if options.get("linear"):
        model.model.multi_modal_projector = LinearProjector(config)
    randomize(model, seed)
    model.tie_weights()
    model = model.to(options.get("dtype", torch.float32))
    model.save_pretrained(folder, max_shard_size=options.get("shard", "1GB"))

    processor = make_processor(config, tokenizer, template)
    processor.save_pretrained(folder)
    compact_tokenizer(folder)
    if options.get("linear"):
        tensors = load_file(folder / "model.safetensors")
        prefix = "multi_modal_projector."
        tensors = {k.replace(prefix + "linear_1.", prefix + "linear."): v for k, v in tensors.items()}
        save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    if "hub" in options:
        hub_layout(folder, {}, options["hub"])
    else:
        again = AutoProcessor.from_pretrained(folder, use_fast=False)
        assert again.chat_template == processor.chat_template

    if not options.get("linear"):
        # Read back from the files as they are, 16-bit weights as f32. (A cast of the model in
        # memory would also round the rotary frequencies.)
        model = LlavaForConditionalGeneration.from_pretrained(
            folder, dtype=torch.float32, attn_implementation="eager"
        ).eval()

    image = Image.fromarray(picture(seed, 53, 41))
    image.save(folder / "image.png")
    text = SENTENCES[seed % len(SENTENCES)] + " It is about " + str(seed) + " years old, caf\u00e9."
    (folder / "text.txt").write_text(text)
    input_ids, pixel_values, content = encode(processor, forms, text, load_image(str(folder / "image.png")))
    tensors = golden_states(model, input_ids, pixel_values)
    tensors["text_content"] = torch.tensor(content, dtype=torch.int64)
    save_file(tensors, folder / "golden.safetensors")
    save_file(golden_looks(model, input_ids, pixel_values), folder / "looks.safetensors")
    for extra in ["generation_config.json"]:
        (folder / extra).unlink(missing_ok=True)


TEXTS = [
    "A red house.",
    "  leading and trailing  \n",
    "two\nlines\n\nand a gap\ttab",
    "na\u00efve caf\u00e9, \u4e2d\u6587\u5b57, \U0001f600\U0001f3fd, e\u0301",
    "special </s> tokens <s> and <|end|> inside",
    "a",
    "<|turn|>",
    "Who?" * 9,
    "\u00a0non-breaking\u2003spaces\u3000",
    "{{ braces }} {% and tags %}",
]


def make_prompts():
    """Rendered chat templates and token ids over several texts, templates and tokenizers."""
    folder = HERE / "prompts"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    forms = {
        "parts": (True, True),
        "turns": (True, True),
        "strings": (False, False),
        "mixed": (True, True),
        None: (True, True),
    }
    entries = []
    image = Image.fromarray(picture(13, 14, 14))
    for tokenizer_name, make in TOKENIZERS.items():
        target = folder / tokenizer_name
        wrap(make()).save_pretrained(target)
        compact_tokenizer(target)
        for template, form in forms.items():
            processor = LlavaProcessor(
                image_processor=CLIPImageProcessorPil(
                    size={"shortest_edge": 14}, crop_size={"height": 14, "width": 14}
                ),
                tokenizer=wrap(make()),
                patch_size=7,
                vision_feature_select_strategy="default",
                num_additional_image_tokens=1,
                chat_template=None if template is None else TEMPLATES[template],
            )
            for text in TEXTS:
                ids, _, content = encode(processor, form, text, image)
                rendered, _ = render(processor, form, text)
                entries.append(
                    dict(tokenizer=tokenizer_name, template=template, text=text, rendered=rendered,
                         input_ids=ids.tolist(), text_content=content)
                )
    write_lines(folder / "prompts.json", {"templates": TEMPLATES, "prompts": entries})


def main():
    torch.set_num_threads(1)
    make_prompts()
    for seed, (name, spec) in enumerate(cases().items(), start=1):
        make_case(name, seed, spec)
    total = sum(f.stat().st_size for f in HERE.rglob("*") if f.is_file())
    print(f"{total / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
