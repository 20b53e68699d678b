"""Writes gguf/: blocks with the values that they stand for, and small decoders in GGUF format. See README.md.

Weights are quantized by the package `gguf`, dequantized by it, and run by transformers in f32; the file is written
from the same blocks. Formats that the package cannot write get random blocks.
"""

import io
import json
import shutil
from pathlib import Path

import gguf
import numpy as np
import sentencepiece
import torch
from gguf import GGMLQuantizationType as Q
from safetensors.numpy import save_file
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import Gemma3TextConfig, LlamaConfig, Qwen2Config, Qwen3Config, AutoModelForCausalLM

import families_a_common as common
import make_golden as golden

HERE = Path(__file__).parent / "gguf"
TEXTS = [
    "Three birds, 1234 m; a caf\u00e9 isn't.",
    " two  spaces,\n\nlines\tand 99.5%",
    "A dog\u2019s \u00fcber-long <|im_end|>word",
    "\u9e1f \U0001f426!",
]
WITHOUT_WRITER = {Q.Q4_K: [0, 2], Q.Q5_K: [0, 2], Q.Q6_K: [208]}
SCALES = {Q.Q4_0: [0], Q.Q4_1: [0, 2], Q.Q5_0: [0], Q.Q5_1: [0, 2], Q.Q8_0: [0], **WITHOUT_WRITER}


def random_blocks(kind, count, rng, scale):
    """Random blocks; `scale(block, which)` gives the f16 scales."""
    _, size = gguf.GGML_QUANT_SIZES[kind]
    blocks = rng.integers(0, 256, (count, size), dtype=np.uint8)
    for block in range(count):
        for which, at in enumerate(SCALES[kind]):
            blocks[block, at : at + 2] = np.array([scale(block, which)], np.float16).view(np.uint8)
    return blocks


def blocks():
    """Blocks of each format: usual scales, 0, negative, the smallest and the largest f16."""
    rng = np.random.default_rng(0)
    special = [0.017, -0.25, 5.9604645e-8, -6.0976e-5, 65504.0, 0.0]
    tensors = {}
    for kind in SCALES:
        def scale(block, which):
            return special[(block + which) % 6]
        made = random_blocks(kind, 6, rng, scale)
        tensors[f"{kind.name.lower()}.blocks"] = made.reshape(-1)
        tensors[f"{kind.name.lower()}.values"] = gguf.quants.dequantize(made, kind).reshape(-1)
    save_file(tensors, HERE / "blocks.safetensors")


class Weights:
    """Weights as a file has them, and as transformers gets them."""

    def __init__(self, model, kinds, seed):
        self.rng = np.random.default_rng(seed)
        self.stored = {}
        state = {}
        for name, value in model.state_dict().items():
            if name == "lm_head.weight" and model.config.tie_word_embeddings:
                continue
            kind = next((kind for part, kind in kinds.items() if part in name), Q.F32)
            if value.ndim == 1:
                kind = Q.F32
            value = value.float().numpy()
            stored, read = self.quantized(value, kind)
            self.stored[name] = (stored, kind)
            state[name] = torch.from_numpy(read.copy())
        model.load_state_dict(state, strict=not model.config.tie_word_embeddings)

    def quantized(self, value, kind):
        if kind in WITHOUT_WRITER:
            rows, columns = value.shape
            # 6 bits of a scale, 4 to 6 bits of a quant: standard deviations as they were.
            _, deviation = value.mean(), value.std()
            count = rows * columns // 256

            def scale(_, which):
                wide = {Q.Q4_K: 1 / 170, Q.Q5_K: 1 / 350, Q.Q6_K: 1 / 1360}[kind]
                return deviation * wide * (8 if which and kind == Q.Q4_K else 15 if which else 1)

            stored = random_blocks(kind, count, self.rng, scale).reshape(rows, -1)
        else:
            stored = gguf.quants.quantize(value, kind)
        return stored, gguf.quants.dequantize(stored, kind).astype(np.float32)


def interleaved(rows, heads):
    """Rotary pairs beside each other, as llama.cpp has them for `llama`."""
    return rows.reshape(heads, 2, rows.shape[0] // heads // 2, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)


def base(writer, config, context):
    writer.add_context_length(context)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_key_length(config.head_dim)
    writer.add_value_length(config.head_dim)


def byte_tokenizer(pre, special, size=270):
    """Byte-level BPE; `pre` is llama.cpp's name of its way to cut."""
    tokenizer = Tokenizer(models.BPE(ignore_merges=pre == "llama-bpe"))
    by_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=pre in ["smollm", "gpt-2"])
    if pre == "qwen2":
        tokenizer.normalizer = normalizers.NFC()
    split = {"qwen2": common.QWEN_SPLIT, "llama-bpe": common.LLAMA_SPLIT}.get(pre)
    first = [pre_tokenizers.Split(Regex(split), "isolated")] if split else []
    first = [pre_tokenizers.Digits(individual_digits=True)] if pre == "smollm" else first
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*first, by_bytes])
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=size - len(special), initial_alphabet=alphabet)
    tokenizer.train_from_iterator(common.CORPUS, trainer)
    tokenizer.add_special_tokens(special)
    return tokenizer


def add_bytes(writer, pre, special, bos, eos):
    tokenizer = byte_tokenizer(pre, special)
    data = json.loads(tokenizer.to_str())
    tokens = [tokenizer.id_to_token(i) for i in range(tokenizer.get_vocab_size())]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(tokens)
    writer.add_token_types([3 if token in special else 1 for token in tokens])
    writer.add_token_merges([" ".join(pair) for pair in data["model"]["merges"]])
    if bos:
        index = tokenizer.token_to_id(bos)
        writer.add_bos_token_id(index)
        tokenizer.post_processor = processors.TemplateProcessing(single=f"{bos} $A", special_tokens=[(bos, index)])
    writer.add_add_bos_token(bool(bos))
    writer.add_eos_token_id(tokenizer.token_to_id(eos))
    return len(tokens), [tokenizer.encode(text).ids for text in TEXTS]


def add_pieces(writer, prefix, special):
    """SentencePiece's own BPE, trained and asked by itself."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(common.CORPUS * 3), model_writer=model, vocab_size=330 + len(special), model_type="bpe",
        byte_fallback=True, control_symbols=special, add_dummy_prefix=prefix, remove_extra_whitespaces=False,
        normalization_rule_name="identity", character_coverage=1.0, hard_vocab_limit=False, minloglevel=2,
    )
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    count = processor.vocab_size()
    kinds = []
    for i in range(count):
        is_control = processor.is_control(i)
        kinds.append(2 if processor.is_unknown(i) else 3 if is_control else 6 if processor.is_byte(i) else 1)
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list([processor.id_to_piece(i) for i in range(count)])
    writer.add_token_scores([processor.get_score(i) for i in range(count)])
    writer.add_token_types(kinds)
    writer.add_bos_token_id(processor.bos_id())
    writer.add_eos_token_id(processor.eos_id())
    writer.add_unk_token_id(processor.unk_id())
    writer.add_add_space_prefix(prefix)
    return count, [[processor.bos_id(), *processor.encode(text)] for text in TEXTS]


PARTS = {
    "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
PLAIN = {"post_attention_layernorm": "ffn_norm"}
BEHIND = {
    "post_attention_layernorm": "post_attention_norm", "pre_feedforward_layernorm": "ffn_norm",
    "post_feedforward_layernorm": "post_ffw_norm",
}


def name_of(name, gemma):
    whole = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
             "lm_head.weight": "output.weight"}
    if name in whole:
        return whole[name]
    _, _, layer, rest = name.split(".", 3)
    part, kind = rest.rsplit(".", 1)
    return f"blk.{layer}.{(PARTS | (BEHIND if gemma else PLAIN))[part]}.{kind}"


def write_tensors(writer, weights, config, architecture):
    for name, (stored, kind) in weights.stored.items():
        if architecture == "llama" and "q_proj" in name:
            stored = interleaved(stored, config.num_attention_heads)
        if architecture == "llama" and "k_proj" in name:
            stored = interleaved(stored, config.num_key_value_heads)
        if architecture == "gemma3" and name.endswith("norm.weight"):
            stored = stored + np.float32(1)
        writer.add_tensor(name_of(name, architecture == "gemma3"), np.ascontiguousarray(stored), raw_dtype=kind)


def states(model, ids):
    with torch.no_grad():
        out = model(torch.tensor([ids]), output_hidden_states=True)
    found = {f"hidden_states.{k}": state[0].numpy() for k, state in enumerate(out.hidden_states)}
    found["logits"] = out.logits[0, -1].numpy()
    found["inputs_embeds"] = found.pop("hidden_states.0")
    found["input_ids"] = np.array(ids, np.int64)
    return {name: np.ascontiguousarray(value) for name, value in found.items()}


def rope_factors(config):
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

    scaled, _ = ROPE_INIT_FUNCTIONS["llama3"](config, "cpu")
    plain = 1.0 / config.rope_parameters["rope_theta"] ** (torch.arange(0, config.head_dim, 2) / config.head_dim)
    return (plain / scaled).numpy().astype(np.float32)


def cases():
    """name -> (architecture, configuration, storage types by part of a name, tokenizer)"""
    def rope(theta, **more):
        return {"rope_type": "default", "rope_theta": theta, **more}

    small = dict(hidden_size=32, intermediate_size=32, num_hidden_layers=1, head_dim=16, num_attention_heads=2,
                 num_key_value_heads=1, max_position_embeddings=128, rms_norm_eps=1e-5)
    ends = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    return {
        "llama_k": (
            "llama",
            LlamaConfig(**small | dict(hidden_size=256, num_hidden_layers=1),
                        tie_word_embeddings=True, rope_parameters=rope(2000.0)),
            {"embed": Q.Q4_K, "q_proj": Q.Q6_K, "k_proj": Q.Q5_K, "v_proj": Q.Q4_K, "gate": Q.Q5_K, "up": Q.Q6_K,
             "down": Q.Q4_0, "o_proj": Q.Q4_0},
            lambda writer: add_bytes(writer, "smollm", ends, None, "<|im_end|>"),
        ),
        "llama_3": (
            "llama",
            LlamaConfig(**small | dict(num_hidden_layers=2), attention_bias=True, rope_parameters=dict(
                rope_type="llama3", rope_theta=500000.0, factor=32.0, low_freq_factor=1.0, high_freq_factor=4.0,
                original_max_position_embeddings=8192)),
            {"embed": Q.Q8_0, "q_proj": Q.Q8_0, "k_proj": Q.Q4_1, "o_proj": Q.F16, "mlp": Q.Q5_0, "lm_head": Q.Q4_0},
            lambda writer: add_bytes(writer, "llama-bpe", ["<|begin_of_text|>", *ends], "<|begin_of_text|>", "<|im_end|>"),
        ),
        "llama_pieces": (
            "llama",
            LlamaConfig(**small, rope_parameters=rope(10000.0), tie_word_embeddings=True),
            {"embed": Q.Q5_1, "proj": Q.Q4_0},
            lambda writer: add_pieces(writer, True, []),
        ),
        "qwen2": (
            "qwen2",
            Qwen2Config(**small, rope_parameters=rope(5000.0), tie_word_embeddings=True),
            {"embed": Q.Q5_0, "q_proj": Q.F16, "v_proj": Q.Q5_1, "mlp": Q.Q4_1},
            lambda writer: add_bytes(writer, "qwen2", ends, None, "<|im_end|>"),
        ),
        "qwen3": (
            "qwen3",
            Qwen3Config(**small | dict(head_dim=32), rope_parameters=rope(3000.0), tie_word_embeddings=False),
            {"embed": Q.Q4_1, "proj": Q.Q8_0, "gate": Q.BF16, "lm_head": Q.Q4_0},
            lambda writer: add_bytes(writer, "gpt-2", ends, None, "<|im_end|>"),
        ),
        "gemma3": (
            "gemma3",
            Gemma3TextConfig(
                **small | dict(num_hidden_layers=6, rms_norm_eps=1e-6), sliding_window=5,
                query_pre_attn_scalar=16,
                tie_word_embeddings=True, rope_parameters={
                    "full_attention": dict(rope_type="linear", rope_theta=1e6, factor=8.0),
                    "sliding_attention": rope(10000.0)}),
            {"embed": Q.Q8_0, "proj": Q.Q4_0},
            lambda writer: add_pieces(writer, False, ["<start_of_turn>", "<end_of_turn>"]),
        ),
    }


def decoder(name, architecture, config, kinds, add_tokenizer, seed):
    folder = HERE / name
    folder.mkdir()
    writer = gguf.GGUFWriter(folder / "model.gguf", architecture)
    base(writer, config, config.max_position_embeddings)
    config.vocab_size, ids = add_tokenizer(writer)
    config._attn_implementation = "eager"
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config).float().eval()
    common.randomize(model, seed)
    if config.tie_word_embeddings:
        model.tie_weights()
    weights = Weights(model, kinds, seed)
    if config.tie_word_embeddings:
        model.tie_weights()
    if architecture == "gemma3":
        writer.add_sliding_window(config.sliding_window)
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(8.0)
        writer.add_rope_freq_base(1e6)
    else:
        writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    if config.rope_parameters.get("rope_type") == "llama3":
        writer.add_tensor("rope_freqs.weight", rope_factors(config))
    writer.add_chat_template("{% for m in messages %}{{ m['role'] + ': ' + m['content'] + '\n' }}{% endfor %}")
    write_tensors(writer, weights, config, architecture)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    save_file(states(model, ids[0][:8]), folder / "golden.safetensors")
    (folder / "text.txt").write_text(TEXTS[0] + "\n")
    turns = [{"text": text, "input_ids": found} for text, found in zip(TEXTS, ids)]
    (folder / "tokens.json").write_text(json.dumps(turns) + "\n")


if __name__ == "__main__":
    shutil.rmtree(HERE, ignore_errors=True)
    HERE.mkdir()
    blocks()
    for seed, (name, case) in enumerate(cases().items()):
        decoder(name, *case, seed)
