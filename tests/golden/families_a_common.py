"""What the cases of make_families_a.py share: tokenizers, templates, weights, layouts, states."""

import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

import make_golden as golden
from make_templates import TEMPLATES

HERE = Path(__file__).parent / "families"
# How Qwen's and Llama 3's tokenizers split a text.
QWEN_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
LLAMA_SPLIT = QWEN_SPLIT.replace(r"\p{N}| ?", r"\p{N}{1,3}| ?")
CORPUS = [*golden.SENTENCES, *["user", "assistant", "model", "system"] * 3]
USER = "Who is it?"


def fresh(family, name):
    """The empty folder of a case."""
    folder = HERE / family / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def with_bos(tokenizer, bos, index):
    if bos is not None:
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{bos} $A", pair=f"{bos} $A {bos} $B", special_tokens=[(bos, index)]
        )
    return tokenizer


def byte_level(special, size=300, split=QWEN_SPLIT, bos=None):
    """Byte-level BPE as Qwen's and Llama 3's: NFC, a split by a pattern, bytes. The special tokens come
    after the others, as there."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(split), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        CORPUS, trainers.BpeTrainer(vocab_size=size - len(special), initial_alphabet=alphabet)
    )
    tokenizer.add_special_tokens(special)
    return with_bos(tokenizer, bos, None if bos is None else tokenizer.token_to_id(bos))


def pieces(special, size=340, last=(), prefix=True, bos="<s>", corpus=()):
    """BPE on pieces marked with U+2581 and with a fallback to bytes, as Llama's, Mistral's (a mark before
    the text) and Gemma's (none). `last`: special tokens after all others."""
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
    mark = normalizers.Replace(" ", "\u2581")
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), mark]) if prefix else mark
    if not prefix:
        tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    fallback = [f"<0x{i:02X}>" for i in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=size - len(last), special_tokens=special + fallback)
    tokenizer.train_from_iterator([*CORPUS, *corpus], trainer)
    # The bytes belong to the model's vocabulary; they are no added tokens.
    data = json.loads(tokenizer.to_str())
    data["added_tokens"] = [t for t in data["added_tokens"] if t["content"] in special]
    tokenizer = Tokenizer.from_str(json.dumps(data))
    tokenizer.add_special_tokens(list(last))
    return with_bos(tokenizer, bos, None if bos is None else tokenizer.token_to_id(bos))


def wrap(tokenizer, bos=None, eos=None, pad=None, unk=None, template=None, **extra):
    names = dict(bos_token=bos, eos_token=eos, pad_token=pad, unk_token=unk)
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        **{k: v for k, v in names.items() if v is not None},
        **({"extra_special_tokens": extra} if extra else {}),
    )
    wrapped.chat_template = template
    return wrapped


def template(name, turn, end, image="<image>"):
    """A template of make_templates.py with a family's own marks."""
    parts, source = TEMPLATES[name]
    return source.replace("<|turn|>", turn).replace("<|end|>", end).replace("<image>", image)


def randomize(model, seed):
    """As golden.randomize; norms that multiply by 1 + weight hold the weight without the 1."""
    golden.randomize(model, seed)
    with torch.no_grad():
        for module in model.modules():
            if type(module).__name__ == "Gemma3RMSNorm":
                module.weight.sub_(1.0)
    if getattr(model.config.get_text_config(), "tie_word_embeddings", False):
        model.tie_weights()


def old_rope(text):
    """`rope_parameters` as the keys that transformers 4 wrote."""
    rope = text.pop("rope_parameters")
    if "full_attention" in rope:
        text["rope_local_base_freq"] = rope["sliding_attention"]["rope_theta"]
        rope = rope["full_attention"]
    rope = dict(rope)
    text["rope_theta"] = rope.pop("rope_theta")
    text["rope_scaling"] = None if rope["rope_type"] == "default" else rope


def old_config(folder, change=lambda config: None, nested=()):
    """Rewrites config.json with the keys that transformers 4 wrote."""
    path = folder / "config.json"
    config = json.loads(path.read_text())
    config["torch_dtype"] = config.pop("dtype")
    config["transformers_version"] = "4.46.0"
    for section in [config, *(config[name] for name in nested)]:
        if section is not config:
            section.pop("dtype", None)
        if "rope_parameters" in section:
            old_rope(section)
        section.pop("layer_types", None)
    change(config)
    golden.write_json(path, config)


def rename(folder, names):
    path = folder / "model.safetensors"
    save_file({names(k): v for k, v in load_file(path).items()}, path, {"format": "pt"})


def locate(tokenizer, rendered, start, text, specials=True):
    """Ids of a prompt and the positions of the text's own tokens; `start` is where the text begins."""
    kept = text if rendered[start:].startswith(text) else text.strip()
    assert rendered[start:].startswith(kept), (rendered[start:], text)
    out = tokenizer(rendered, return_offsets_mapping=True, add_special_tokens=specials)
    content = [
        i for i, (a, b) in enumerate(out["offset_mapping"]) if a < start + len(kept) and b > start
    ]
    return out["input_ids"], content


def intervals(masks, kinds):
    """The keys that each query sees, by kind of layer, from the masks that the layers were given."""
    found = {}
    for mask, kind in zip(masks, kinds, strict=True):
        seen = mask[0, 0] == 0
        begin = seen.int().argmax(-1)
        end = seen.shape[-1] - seen.flip(-1).int().argmax(-1)
        assert torch.equal(seen.sum(-1), end - begin), "one interval"
        if kind in found:
            assert torch.equal(found[kind][0], begin) and torch.equal(found[kind][1], end)
        found[kind] = (begin, end)
    return found


def decoder_states(model, decoder, **inputs):
    """The states of one forward pass from the embeddings on; where a layer has a window, what it sees."""
    masks, pre_norm = [], []
    hooks = [
        layer.self_attn.register_forward_pre_hook(
            lambda _, args, kwargs: masks.append(kwargs["attention_mask"]), with_kwargs=True
        )
        for layer in decoder.layers
    ]
    hooks.append(decoder.norm.register_forward_pre_hook(lambda _, args: pre_norm.append(args[0].detach())))
    with torch.no_grad():
        out = model(**inputs, output_hidden_states=True, use_cache=False)
        for hook in hooks:
            hook.remove()
        assert torch.equal(decoder.norm(pre_norm[-1])[0], out.hidden_states[-1][0])
        assert torch.equal(model.lm_head(out.hidden_states[-1]), out.logits)
    last = len(out.hidden_states) - 1
    assert last == len(decoder.layers)
    tensors = {"inputs_embeds": out.hidden_states[0][0]}
    tensors |= {f"hidden_states.{k}": state[0] for k, state in enumerate(out.hidden_states)}
    tensors[f"hidden_states.{last}.pre_norm"] = pre_norm[-1][0]
    tensors["logits"] = out.logits[0, -1]
    config = decoder.config
    kinds = getattr(config, "layer_types", None) or [
        "full_attention" if getattr(config, "sliding_window", None) is None else "sliding_attention"
    ] * last
    seen = intervals(masks, kinds)
    count = len(tensors["inputs_embeds"])
    causal = (torch.zeros(count, dtype=torch.int64), torch.arange(1, count + 1))
    if "sliding_attention" in seen:
        tensors["key_begin"], tensors["key_end"] = seen.get("full_attention", causal)
        tensors["window_begin"], end = seen["sliding_attention"]
        assert torch.equal(end, tensors["key_end"])
        assert tensors["window_begin"].max() > 0, "the prompt is longer than the window"
    else:
        assert all(torch.equal(a, b) for a, b in zip(seen["full_attention"], causal, strict=True))
    return tensors


def save_tensors(folder, tensors):
    save_file({k: v.detach().contiguous().clone() for k, v in tensors.items()}, folder / "golden.safetensors")


def report(folder, note=""):
    (folder / "generation_config.json").unlink(missing_ok=True)
    size = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
    print(f"{folder.parent.name}/{folder.name}: {size / 1e3:.0f} kB {note}")
    assert size < 150_000, "a case is small"
