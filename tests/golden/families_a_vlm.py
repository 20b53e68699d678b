"""What the cases with images share: prompts with placeholders, states of a tower, hashes of pictures."""

import hashlib
import json

import numpy as np
import torch
from PIL import Image
from transformers import CLIPVisionConfig, SiglipVisionConfig
from transformers.image_utils import load_image

import families_a_common as common
import make_golden as golden

# Shapes of images.json, width and height: tiny, narrow, as cut by tiles, odd.
SHAPES = [(1, 1), (37, 53), (53, 37), (640, 80), (80, 640), (224, 224), (500, 333), (31, 1000), (1000, 31)]

PARTS_LLAMA = common.TEMPLATES["llava-1.5"][1]
PARTS_MISTRAL = (
    "{{ bos_token }}{% for turn in messages %}{% if turn['role'] == 'user' %}{{ '[INST] ' }}"
    "{% for part in turn['content'] | selectattr('type', 'equalto', 'image') %}{{ '<image>\n' }}{% endfor %}"
    "{% for part in turn['content'] | selectattr('type', 'equalto', 'text') %}{{ part['text'] }}{% endfor %}"
    "{{ ' [/INST]' }}{% elif turn['role'] == 'assistant' %}{{ ' ' + turn['content'][0]['text'] + eos_token }}"
    "{% else %}{{ raise_exception('only user and assistant') }}{% endif %}{% endfor %}"
)
PARTS_QWEN = (
    "{% for turn in messages %}{{ '<|im_start|>' + turn['role'] + ' ' }}"
    "{% for part in turn['content'] | selectattr('type', 'equalto', 'image') %}{{ '<image>' }}{% endfor %}"
    "{% for part in turn['content'] | selectattr('type', 'equalto', 'video') %}{{ '<video>' }}{% endfor %}"
    "{% for part in turn['content'] | selectattr('type', 'equalto', 'text') %}"
    "{% if turn['role'] == 'assistant' %}{% generation %}{{ '\n' + part['text'] }}{% endgeneration %}"
    "{% else %}{{ '\n' + part['text'] }}{% endif %}{% endfor %}{{ '<|im_end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def llama_tokenizer(marks=("<image>", "<pad>"), template=PARTS_LLAMA):
    tokenizer = common.pieces(["<unk>", "<s>", "</s>"], last=marks)
    return common.wrap(tokenizer, "<s>", "</s>", "<pad>", "<unk>", template, image_token="<image>")


def mistral_tokenizer():
    return llama_tokenizer(("[INST]", "[/INST]", "<image>", "<pad>"), PARTS_MISTRAL)


def qwen_tokenizer():
    tokenizer = common.byte_level(["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<image>", "<video>"])
    return common.wrap(tokenizer, None, "<|im_end|>", "<|endoftext|>", None, PARTS_QWEN,
                       image_token="<image>", video_token="<video>")


def clip(**kw):
    base = dict(hidden_size=18, intermediate_size=28, num_hidden_layers=2, num_attention_heads=3)
    return CLIPVisionConfig(**{**base, "image_size": 28, "patch_size": 7, "projection_dim": 8, **kw})


def siglip(**kw):
    base = dict(hidden_size=20, intermediate_size=28, num_hidden_layers=2, num_attention_heads=2)
    return SiglipVisionConfig(**{**base, "image_size": 28, "patch_size": 7, "vision_use_head": False, **kw})


def write_pictures(folder, seed, sizes, texts):
    """The images and texts of a case; the images as the loader reads them."""
    names = ["image.png"] if len(sizes) == 1 else [f"image-{i}.png" for i in range(len(sizes))]
    for i, (file, (width, height)) in enumerate(zip(names, sizes, strict=True)):
        Image.fromarray(golden.picture(100 * seed + i, width, height)).save(folder / file)
    if len(sizes) == 1:
        (folder / "text.txt").write_text(texts[0])
    else:
        line = json.dumps({"images": names, "texts": texts}, ensure_ascii=False)
        (folder / "document.jsonl").write_text(line + "\n")
    return [load_image(str(folder / file)) for file in names]


def conversation(texts, kind="image"):
    return [
        turn
        for text in texts
        for turn in [
            {"role": "user", "content": [{"type": kind}]},
            {"role": "assistant", "content": [{"type": "text", "text": text}]},
        ]
    ]


def prompt(processor, texts, counts, image_id, mark="<image>", render=None):
    """Ids of a document whose pictures take `counts` tokens each, and the positions of its texts."""
    kind = mark.strip("<>")
    render = render or (lambda words: processor.apply_chat_template(conversation(words, kind), tokenize=False))
    tokenizer = processor.tokenizer
    rendered = render(texts)
    pieces = rendered.split(mark)
    assert len(pieces) == len(counts) + 1, rendered
    expanded = pieces[0] + "".join(mark * count + piece for count, piece in zip(counts, pieces[1:], strict=True))
    spans = []
    for i, text in enumerate(texts):
        marked = render([*texts[:i], "\ue123", *["x"] * (len(texts) - i - 1)])
        start = marked.index("\ue123")
        start += sum(count - 1 for count in counts[: marked[:start].count(mark)]) * len(mark)
        kept = text if expanded[start:].startswith(text) else text.strip()
        assert expanded[start:].startswith(kept), (expanded[start:], text)
        spans.append((start, start + len(kept)))
    bos = tokenizer.bos_token
    specials = bos is not None and not rendered.startswith(bos)
    out = tokenizer(expanded, return_offsets_mapping=True, add_special_tokens=specials)
    ids = out["input_ids"]
    vision = [i for i, token in enumerate(ids) if token == image_id]
    assert len(vision) == sum(counts)
    after = vision[0] + counts[0]
    content = [
        i for i, (a, b) in enumerate(out["offset_mapping"]) if any(a < stop and b > start for start, stop in spans)
    ]
    official = [i for i in range(after, len(ids)) if ids[i] != image_id]
    tensors = {"input_ids": ids, "text_content": content, "text_official": official}
    return rendered, specials, {k: torch.tensor(v) for k, v in tensors.items()}


def vision_states(model, inputs, ids, image_id, features=None):
    """States of the tower and of the decoder for one pass; `inputs` is what the processor gave."""
    parts = getattr(model, "model", model)
    seen, projected = [], []
    hooks = [
        parts.vision_tower.register_forward_pre_hook(lambda _, args: seen.append(args[0])),
        parts.multi_modal_projector.register_forward_hook(lambda _, args, out: projected.append(out)),
    ]
    tensors = common.decoder_states(model, parts.language_model, **inputs)
    for hook in hooks:
        hook.remove()
    with torch.no_grad():
        states = [parts.vision_tower(pictures, output_hidden_states=True).hidden_states for pictures in seen]
    for i, parts_of in enumerate(zip(*states, strict=True)):
        tensors[f"vision_hidden_states.{i}"] = torch.cat([state.flatten(0, 1) for state in parts_of])
    tensors["image_features"] = torch.cat([part.flatten(0, -2) for part in projected])
    # The embeddings are those of the tokens with the features in their places.
    with torch.no_grad():
        embeds = model.get_input_embeddings()(torch.where(ids == image_id, 0, ids))
    places = tensors["image_features"] if features is None else features
    embeds[ids == image_id] = places
    assert torch.allclose(embeds, tensors["inputs_embeds"], rtol=0, atol=0 if features is None else 2e-6)
    return tensors


def pattern(width, height):
    """The picture of images.json, by integers alone."""
    y, x, c = np.mgrid[0:height, 0:width, 0:3].astype(np.int64)
    value = x * 7 + y * 13 + c * 29 + (x * y) % 31 * 5 + ((x // 5 + y // 3) % 2) * 64
    return Image.fromarray((value % 256).astype(np.uint8))


def short(text, mark="<image>"):
    """A text with runs of a placeholder written as one and {count}."""
    pieces, run = [], 0
    for piece in text.split(mark):
        if pieces or run:
            run += 1
        if piece or not pieces and not run:
            if run:
                pieces.append(mark if run == 1 else f"{mark}{{{run}}}")
            pieces.append(piece)
            run = 0
    if run:
        pieces.append(mark if run == 1 else f"{mark}{{{run}}}")
    return "".join(pieces)


def record(maker, shapes, expand=None, extra=()):
    """An entry of images.json: one image processor over pictures of several shapes."""
    settings = {k: v for k, v in maker.to_dict().items() if k != "processor_class"}
    entry = {"processor": type(maker).__name__, "settings": settings, "cases": []}
    for width, height in shapes:
        case = {"width": width, "height": height}
        out = maker([pattern(width, height)], return_tensors="pt")
        values = np.ascontiguousarray(np.asarray(out["pixel_values"][0], dtype="<f4"))
        case |= {"shape": list(values.shape), "sha256": hashlib.sha256(values.tobytes()).hexdigest()}
        for name in extra:
            case[name] = np.asarray(out[name][0]).tolist()
        if expand is not None:
            text = expand(out)
            case |= {"placeholders": text.count("<image>"), "text": short(text)}
        entry["cases"].append(case)
    return entry


def write_images(family, entries):
    """images.json, a case a line."""
    lines = []
    for entry in entries:
        cases = ",\n  ".join(json.dumps(case, ensure_ascii=False) for case in entry["cases"])
        head = json.dumps({k: v for k, v in entry.items() if k != "cases"}, ensure_ascii=False)
        lines.append(head[:-1] + ', "cases": [\n  ' + cases + "\n ]}")
    path = common.HERE / family / "images.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('{"settings": [\n ' + ",\n ".join(lines) + "\n]}\n")
    print(f"{family}/images.json: {path.stat().st_size / 1e3:.0f} kB")
