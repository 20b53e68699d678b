"""Decoders alone: families/decoder/, see README.md."""

import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    Gemma3TextConfig,
    LlamaConfig,
    MistralConfig,
    Qwen2Config,
    Qwen3Config,
)

import families_a_common as common

TEXT = "Three birds, 1234 m; a caf\u00e9 isn't."


def llama_tokenizer():
    special = ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
    tokenizer = common.byte_level(special, split=common.LLAMA_SPLIT, bos="<|begin_of_text|>")
    template = common.template("llama-3", "<|start_header_id|>", "<|eot_id|>")
    template = template.replace("message['role'] + '\n\n'", "message['role'] + '<|end_header_id|>\n\n'")
    return common.wrap(tokenizer, "<|begin_of_text|>", "<|eot_id|>", template=template)


def mistral_tokenizer():
    tokenizer = common.pieces(["<unk>", "<s>", "</s>", "[INST]", "[/INST]"])
    return common.wrap(tokenizer, "<s>", "</s>", unk="<unk>", template=common.template("mistral", "", ""))


def qwen_tokenizer(template):
    tokenizer = common.byte_level(["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<think>", "</think>"])
    marks = common.template(template, "<|im_start|>", "<|im_end|>")
    return common.wrap(tokenizer, eos="<|im_end|>", pad="<|endoftext|>", template=marks)


def gemma_tokenizer():
    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"]
    tokenizer = common.pieces(special, prefix=False, bos="<bos>")
    template = common.template("gemma-3", "<start_of_turn>", "<end_of_turn>", "<start_of_image>")
    return common.wrap(tokenizer, "<bos>", "<eos>", "<pad>", "<unk>", template)


TOKENIZERS = {
    "llama": llama_tokenizer,
    "mistral": mistral_tokenizer,
    "qwen2": lambda: qwen_tokenizer("qwen-2"),
    "qwen3": lambda: qwen_tokenizer("qwen-3"),
    "gemma3_text": gemma_tokenizer,
}
CONFIGS = {
    "llama": LlamaConfig,
    "mistral": MistralConfig,
    "qwen2": Qwen2Config,
    "qwen3": Qwen3Config,
    "gemma3_text": Gemma3TextConfig,
}


def old_windows(config):
    if config["model_type"] in ["llama", "mistral"]:
        config.pop("head_dim")


def old_unused(config):
    config["sliding_window"] = 7
    assert not config["use_sliding_window"]


def old_yarn(config):
    config["rope_scaling"]["type"] = config["rope_scaling"].pop("rope_type")


def old_gemma(config):
    config["sliding_window_pattern"] = 3
    config.pop("tie_word_embeddings", None)
    config.pop("_sliding_window_pattern")


def cases():
    """name -> (model type, config keywords, dtype, keys of old files or None for new ones)"""
    def rope(kind, **kw):
        return {"rope_type": kind, **kw}

    f32, bf16, f16 = torch.float32, torch.bfloat16, torch.float16
    gemma = dict(hidden_size=24, intermediate_size=40, num_attention_heads=3, num_key_value_heads=1,
                 head_dim=10, query_pre_attn_scalar=13, sliding_window=9, num_hidden_layers=3, pad_token_id=0)
    return {
        "llama_yarn": (
            "llama",
            dict(hidden_size=24, num_attention_heads=2, num_key_value_heads=1, max_position_embeddings=256,
                 rope_parameters=rope("yarn", rope_theta=500.0, factor=4.0, original_max_position_embeddings=64)),
            f32, None,
        ),
        # Every key of yarn; the ramp's ends are no whole numbers.
        "llama_yarn_options": (
            "llama",
            dict(hidden_size=32, num_attention_heads=2, num_key_value_heads=2, max_position_embeddings=100,
                 rope_parameters=rope("yarn", rope_theta=200.0, factor=2.5, original_max_position_embeddings=40,
                                      beta_fast=3.0, beta_slow=0.25, mscale=0.8, mscale_all_dim=1.7,
                                      truncate=False)),
            bf16, None,
        ),
        # The prompt is longer than max_position_embeddings.
        "llama_dynamic": (
            "llama",
            dict(hidden_size=30, num_attention_heads=5, num_key_value_heads=5, max_position_embeddings=24,
                 rope_parameters=rope("dynamic", rope_theta=1000.0, factor=3.0)),
            f16, old_windows,
        ),
        "mistral": (
            "mistral",
            dict(hidden_size=30, num_attention_heads=5, num_key_value_heads=1, sliding_window=11,
                 max_position_embeddings=512, rope_parameters=rope("default", rope_theta=2000.0)),
            bf16, old_windows,
        ),
        # A window that is not in use; tied.
        "qwen2": (
            "qwen2",
            dict(hidden_size=24, num_attention_heads=6, num_key_value_heads=2, sliding_window=7, max_window_layers=1,
                 tie_word_embeddings=True, max_position_embeddings=128,
                 rope_parameters=rope("default", rope_theta=5000.0)),
            f32, old_unused,
        ),
        # A window from the second layer on, yarn under its older key.
        "qwen2_window": (
            "qwen2",
            dict(hidden_size=24, num_attention_heads=4, num_key_value_heads=2, sliding_window=7, max_window_layers=1,
                 use_sliding_window=True, max_position_embeddings=128,
                 rope_parameters=rope("yarn", rope_theta=5000.0, factor=4.0, original_max_position_embeddings=32)),
            bf16, old_yarn,
        ),
        # Heads wider together than hidden_size.
        "qwen3": (
            "qwen3",
            dict(hidden_size=20, num_attention_heads=4, num_key_value_heads=2, head_dim=14,
                 max_position_embeddings=128, rope_parameters=rope("default", rope_theta=3000.0)),
            bf16, old_windows,
        ),
        "gemma3_text": (
            "gemma3_text",
            dict(**gemma, layer_types=["full_attention", "sliding_attention", "full_attention"],
                 rope_parameters={
                     "full_attention": rope("linear", rope_theta=4000.0, factor=3.0),
                     "sliding_attention": rope("default", rope_theta=70.0),
                 }),
            f32, None,
        ),
        "gemma3_text_hub": (
            "gemma3_text",
            dict(**gemma, layer_types=["sliding_attention", "sliding_attention", "full_attention"],
                 rope_parameters={
                     "full_attention": rope("linear", rope_theta=3000.0, factor=8.0),
                     "sliding_attention": rope("default", rope_theta=50.0),
                 }),
            bf16, old_gemma,
        ),
    }


def prompt(tokenizer, text):
    """Ids of a user turn and an assistant turn with the text, and the text's positions."""
    def talk(words):
        return [{"role": "user", "content": common.USER}, {"role": "assistant", "content": words}]

    rendered = tokenizer.apply_chat_template(talk(text), tokenize=False)
    marker = "\ue123"
    start = tokenizer.apply_chat_template(talk(marker), tokenize=False).index(marker)
    ids, content = common.locate(tokenizer, rendered, start, text, specials=False)
    assert ids == tokenizer.apply_chat_template(talk(text), return_dict=True)["input_ids"]
    return ids, content


def make_case(name, seed, spec):
    kind, keywords, dtype, old = spec
    folder = common.fresh("decoder", name)
    tokenizer = TOKENIZERS[kind]()
    base = dict(vocab_size=len(tokenizer) + 3, intermediate_size=44, num_hidden_layers=2, rms_norm_eps=1e-5,
                bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id)
    config = CONFIGS[kind](**{**base, **keywords})
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager").eval()
    common.randomize(model, seed)
    model.to(dtype).save_pretrained(folder, max_shard_size="12KB" if name == "mistral" else "1GB")
    tokenizer.save_pretrained(folder)
    common.golden.compact_tokenizer(folder)
    if old is not None:
        common.old_config(folder, old)
    (folder / "text.txt").write_text(TEXT)
    (folder / "user.txt").write_text(common.USER)

    # Read back from the files as they are, 16-bit weights as f32.
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    again = AutoConfig.from_pretrained(folder).to_dict()
    for key in ["rope_parameters", "layer_types", "sliding_window", "tie_word_embeddings", "head_dim"]:
        found, meant = again.get(key), config.to_dict().get(key)
        if isinstance(found, dict):
            found.pop("type", None)
        assert found == meant, (key, found, meant)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids, content = prompt(tokenizer, TEXT)
    tensors = {"input_ids": torch.tensor(ids), "text_content": torch.tensor(content)}
    inputs = dict(input_ids=tensors["input_ids"][None], attention_mask=torch.ones(1, len(ids), dtype=torch.int64))
    tensors |= common.decoder_states(model, model.model, **inputs)
    embeds = model.model.embed_tokens.weight[tensors["input_ids"]]
    if kind == "gemma3_text":
        embeds = embeds * torch.tensor(config.hidden_size**0.5)
    assert torch.equal(embeds, tensors["inputs_embeds"])
    if "dynamic" in name:
        assert len(ids) > config.max_position_embeddings
    common.save_tensors(folder, tensors)
    common.report(folder, f"{len(ids)} tokens, {len(content)} of the text")


def main(wanted):
    for seed, (name, spec) in enumerate(cases().items(), start=101):
        if wanted(f"decoder/{name}"):
            make_case(name, seed, spec)
