"""What the generators of families_b_*.py share: tokenizers, prompts, recorded states, files of pictures."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast
from transformers.utils import logging
from transformers.image_utils import load_image

import make_golden as golden
from make_decoding import picture, write_json

FAMILIES = Path(__file__).parent / "families"
MARKER = "\ue123"
logging.disable_progress_bar()
logging.set_verbosity_error()


def byte_bpe(first, added, pre, merges=24, normalizer=None):
    """Byte-level BPE: `first` are the vocabulary's first tokens, `added` come after it. Two newlines
    are one token."""
    tokenizer = Tokenizer(models.BPE())
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=len(first) + 256 + merges, special_tokens=first,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator([*golden.SENTENCES, *["\n\n"] * 20], trainer)
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in added])
    return tokenizer


def space_bpe(first, added, merges=24):
    """BPE on words marked with U+2581 and with a fallback to bytes, as Gemma's."""
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Replace(" ", "\u2581")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    fallback = [f"<0x{i:02X}>" for i in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=len(first) + 256 + 44 + merges, special_tokens=first + fallback)
    tokenizer.train_from_iterator(golden.SENTENCES, trainer)
    data = json.loads(tokenizer.to_str())
    data["added_tokens"] = [t for t in data["added_tokens"] if t["content"] in first]
    tokenizer = Tokenizer.from_str(json.dumps(data))
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in added])
    return tokenizer


def wrap(tokenizer, **tokens):
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **tokens)


class Prompt:
    """A document's prompt with its placeholders expanded, its ids and masks.

    `render` makes the prompt of a list of texts, with one `placeholder` an image; `expansions` replace
    these in order. An image's block goes from its first to its last placeholder or scaffold token.
    """

    def __init__(self, tokenizer, render, texts, placeholder, expansions, image_id, scaffold, add_special=False):
        rendered = render(texts)
        assert rendered.count(placeholder) == len(expansions), rendered
        spans = []
        for i, text in enumerate(texts):
            marked = render([*texts[:i], MARKER, *["x"] * (len(texts) - i - 1)])
            start = marked.index(MARKER)
            kept = text if rendered[start:].startswith(text) else text.strip()
            assert rendered[start:].startswith(kept), (rendered, text)
            spans.append([start, start + len(kept)])
        pieces, blocks, moved, end = [], [], 0, 0
        for expansion in expansions:
            at = rendered.index(placeholder, end)
            pieces += [rendered[end:at], expansion]
            for span in spans:
                if span[0] - moved >= at:
                    span[0] += len(expansion) - len(placeholder)
                    span[1] += len(expansion) - len(placeholder)
            blocks.append((at + moved, at + moved + len(expansion)))
            moved += len(expansion) - len(placeholder)
            end = at + len(placeholder)
        self.rendered, self.text = rendered, "".join([*pieces, rendered[end:]])
        out = tokenizer(self.text, add_special_tokens=add_special, return_offsets_mapping=True)
        self.ids = out["input_ids"]
        offsets = out["offset_mapping"]
        marks = {image_id, *scaffold}
        inside = set()
        for start, stop in blocks:
            held = [i for i, (a, b) in enumerate(offsets) if a < stop and b > start and self.ids[i] in marks]
            first, last = held[0], held[-1]
            while first > 0 and self.ids[first - 1] in marks:
                first -= 1
            while last + 1 < len(self.ids) and self.ids[last + 1] in marks:
                last += 1
            inside.update(range(first, last + 1))
            if start == blocks[0][0]:
                after = last + 1
        self.content = [
            i for i, (a, b) in enumerate(offsets) if any(a < stop and b > start for start, stop in spans)
        ]
        if blocks:
            self.official = [i for i in range(after, len(self.ids)) if i not in inside]
        else:
            self.official = self.content
        assert set(self.content) <= set(self.official)
        assert all("".join(texts[i].split()) in "".join(self.text[a:b].split()) for i, (a, b) in enumerate(spans))


def chat(render):
    """A renderer of documents by an apply_chat_template: the user's image, the assistant's text."""

    def rendered(texts, images=True):
        messages = []
        for text in texts:
            user = [{"type": "image"}] if images else []
            messages.append({"role": "user", "content": user})
            messages.append({"role": "assistant", "content": [{"type": "text", "text": text}]})
        return render(messages, tokenize=False)

    return rendered


def first(value):
    return value[0] if isinstance(value, tuple) else value


class Recorder:
    """Inputs and outputs of modules while they run; a tensor's batch axis is folded into the rows."""

    def __init__(self):
        self.found, self.hooks = {}, []

    def before(self, module, name):
        def hook(_, args, kwargs):
            value = args[0] if args else kwargs["hidden_states"]
            self.found.setdefault(name, []).append(value.detach().clone())
        self.hooks.append(module.register_forward_pre_hook(hook, with_kwargs=True))

    def after(self, module, name):
        def hook(_, args, output):
            self.found.setdefault(name, []).append(first(output).detach().clone())
        self.hooks.append(module.register_forward_hook(hook))

    def layers(self, layers, prefix):
        self.before(layers[0], f"{prefix}.0")
        for i, layer in enumerate(layers, start=1):
            self.after(layer, f"{prefix}.{i}")

    def close(self):
        for hook in self.hooks:
            hook.remove()
        return {k: torch.cat([v.reshape(-1, v.shape[-1]) for v in vs]) for k, vs in self.found.items()}


def record(model, inputs, decoder, tower_layers=None, post_norm=None, head=None):
    """States of one forward pass: the decoder's as transformers numbers them, and the tower's."""
    recorder = Recorder()
    if tower_layers is not None:
        recorder.layers(tower_layers, "vision_hidden_states")
    if post_norm is not None:
        recorder.after(post_norm, "vision_last")
    recorder.layers(decoder.layers, "hidden_states")
    recorder.before(decoder.norm, "pre_norm")
    recorder.after(decoder.norm, "last")
    with torch.no_grad():
        out = model(**inputs, output_hidden_states=True, use_cache=False)
    tensors = recorder.close()
    last = len(decoder.layers)
    # Nearly always the same; Qwen3-VL may add features in between.
    if not torch.equal(tensors[f"hidden_states.{last}"], tensors["pre_norm"]):
        tensors[f"hidden_states.{last}.layer"] = tensors[f"hidden_states.{last}"]
    tensors[f"hidden_states.{last}.pre_norm"] = tensors.pop("pre_norm")
    tensors[f"hidden_states.{last}"] = tensors.pop("last")
    tensors["inputs_embeds"] = tensors["hidden_states.0"]
    tensors["logits"] = out.logits[0, -1]
    assert len(out.hidden_states) == last + 1
    for k, state in enumerate(out.hidden_states):
        assert torch.equal(state[0], tensors[f"hidden_states.{k}"]), k
    head = head or (lambda state: model.lm_head(state))
    with torch.no_grad():
        assert torch.allclose(head(tensors[f"hidden_states.{last}"][-1]), tensors["logits"], atol=1e-5)
    return tensors


def check_embeds(tensors, embedding, ids, image_id, scale=1.0, image_scale=1.0):
    """inputs_embeds are token embeddings with the image features in their places."""
    with torch.no_grad():
        embeds = embedding(torch.where(ids == image_id, 0, ids)) * scale
    if "image_features" in tensors:
        embeds[ids == image_id] = tensors["image_features"] * image_scale
    assert torch.allclose(embeds, tensors["inputs_embeds"], atol=1e-6), "inputs_embeds"


def finish(folder, tensors, prompt=None):
    if prompt is not None:
        tensors["input_ids"] = torch.tensor(prompt.ids)
        tensors["text_content"] = torch.tensor(prompt.content)
        tensors["text_official"] = torch.tensor(prompt.official)
    for name, value in tensors.items():
        if value.is_floating_point():
            assert value.dtype == torch.float32 and torch.isfinite(value).all(), name
    save_file({k: v.contiguous().clone() for k, v in sorted(tensors.items())}, folder / "golden.safetensors")
    (folder / "generation_config.json").unlink(missing_ok=True)
    size = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
    print(f"{folder.relative_to(FAMILIES)}: {size / 1e3:.0f} kB, {len(tensors['input_ids'])} tokens")


def new_folder(family, name):
    folder = FAMILIES / family / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def write_document(folder, seed, sizes, texts):
    """The pictures of a case and its text or document; the pictures as the loader reads them."""
    names = ["image.png"] if len(sizes) == 1 else [f"image-{i}.png" for i in range(len(sizes))]
    if not sizes:
        (folder / "text.txt").write_text(texts[0])
        return []
    for i, (file, (width, height)) in enumerate(zip(names, sizes)):
        Image.fromarray(picture(100 * seed + i, width, height)).save(folder / file)
    if len(sizes) == 1:
        (folder / "text.txt").write_text(texts[0])
    else:
        line = json.dumps({"images": names, "texts": texts}, ensure_ascii=False)
        (folder / "document.jsonl").write_text(line + "\n")
    return [load_image(str(folder / file)) for file in names]


def sample_text(seed, length=26):
    return golden.SENTENCES[seed % len(golden.SENTENCES)][:length] + f" {seed}, caf\u00e9."


def save_tokenizer(tokenizer, folder, **fields):
    """Without indentation, as the vocabulary is most of a case; with further fields as published."""
    tokenizer.save_pretrained(folder)
    golden.compact_tokenizer(folder)
    if fields:
        def change(data):
            data.pop("backend")
            data.update(clean_up_tokenization_spaces=False, model_max_length=8192)
            return {**data, **fields}
        edit_json(folder / "tokenizer_config.json", change)


def save_model(model, folder, dtype, rename=lambda name: name, extra=None):
    """Weights under published names; the configuration as save_pretrained writes it."""
    model.to(dtype).save_pretrained(folder)
    tensors = load_file(folder / "model.safetensors")
    tensors = {rename(name): value for name, value in tensors.items()}
    tensors.update(extra or {})
    save_file(dict(sorted(tensors.items())), folder / "model.safetensors", {"format": "pt"})


def edit_json(path, change):
    data = json.loads(path.read_text())
    data = change(data) or data
    write_json(path, data)


def old_rope(section):
    """A configuration's rotary parameters and dtype as transformers 4 spelled them."""
    section.pop("dtype", None)
    rope = dict(section.pop("rope_parameters"))
    section["rope_theta"] = rope.pop("rope_theta")
    if rope.get("rope_type") not in (None, "default") or len(rope) > 1:
        section["rope_scaling"] = rope


def pattern(width, height):
    """The picture of images.json, by integers alone."""
    y, x, c = np.mgrid[0:height, 0:width, 0:3].astype(np.int64)
    value = x * 7 + y * 13 + c * 29 + (x * y) % 31 * 5 + ((x // 5 + y // 3) % 2) * 64
    return Image.fromarray((value % 256).astype(np.uint8))


def sha(tensor):
    array = np.ascontiguousarray(np.asarray(tensor, dtype="<f4"))
    return hashlib.sha256(array.tobytes()).hexdigest()


def short(text, placeholder):
    """The text with every run of two or more placeholders written as one and {count}."""
    pieces = text.split(placeholder)
    out, run = [pieces[0]], 0
    for piece in pieces[1:]:
        run += 1
        if piece:
            out.append(placeholder if run == 1 else f"{placeholder}{{{run}}}")
            out.append(piece)
            run = 0
    if run:
        out.append(placeholder if run == 1 else f"{placeholder}{{{run}}}")
    return "".join(out)


def write_images(family, data):
    """One case a line."""
    lines = []
    for entry in data["settings"]:
        cases = ",\n  ".join(json.dumps(case, ensure_ascii=False) for case in entry.pop("cases"))
        lines.append(json.dumps(entry, ensure_ascii=False)[:-1] + ', "cases": [\n  ' + cases + "\n ]}")
    path = FAMILIES / family / "images.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    settings = ",\n ".join(lines)
    path.write_text(f'{{"processor": {json.dumps(data["processor"])}, "settings": [\n {settings}\n]}}\n')
