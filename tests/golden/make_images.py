"""Writes the golden data of pictures and documents: see README.md beside this file.

    python tests/golden/make_images.py

Interpolated positions, sub-images, and prompts with several images, with the helpers of
make_golden.py and, for sub-images, the recipe's processor. Seeded like make_golden.py.
"""

import functools
import json
import shutil
import sys
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import save_file
from transformers import (
    CLIPImageProcessorPil,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    SiglipImageProcessorPil,
)
from transformers.image_utils import load_image

import make_golden as golden

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent.parent))
from training.study.modeling import FamilyLlava, FamilyProcessor  # noqa: E402

IMAGE_ID = 4
SMALL = dict(hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2)
DOCUMENTS = [
    ["A red house.", "A blue car."],
    ["one", "  two \n", "three"],
    ["na\u00efve caf\u00e9, \u4e2d\u6587", "Who?" * 5],
    ["a"],
]


def cases():
    """name -> (tokenizer, template, tower, picture size, llava keywords, number of images)"""
    clip = golden.clip(**SMALL)
    siglip = golden.siglip(**SMALL, vision_use_head=False)
    full = dict(vision_feature_select_strategy="full")
    return {
        # 4 x 4 positions made 6 x 6, the class token's kept.
        "clip_interpolated": ("byte", "parts", clip, 42, {}, 1),
        # 4 x 4 positions made 3 x 3; all positions.
        "siglip_interpolated": ("byte", "turns", siglip, 21, {**full, "vision_feature_layer": -1}, 1),
        # The whole and 2 x 2 crops, each of 2 x 2 patches of a tower made for 4 x 4.
        "clip_sub_images": ("byte", "turns", clip, 14, {"mm_sub_images": 2}, 1),
        # Three images with their texts, by a template; two, each whole and cut, as vicuna_v1 and with MoCa.
        "clip_document": ("byte", "turns", golden.clip(**SMALL, image_size=14), 14, {}, 3),
        "siglip_document_vicuna": ("byte", None, golden.siglip(**SMALL, image_size=14, vision_use_head=False),
                                   14, {**full, "mm_sub_images": 2, "use_moca": True}, 2),
    }


def conversation(texts):
    return [turn for text in texts for turn in golden.conversation(True, True, text)]


def string_conversation(texts):
    return [turn for text in texts for turn in golden.conversation(False, False, text)]


def render(processor, texts, talk=conversation):
    """The prompt of a document before its placeholders are repeated."""
    if processor.chat_template is not None:
        return processor.apply_chat_template(talk(texts))
    first = golden.VICUNA + texts[0] + "</s>"
    return first + "".join(f"USER: <image>\n ASSISTANT: {text}</s>" for text in texts[1:])


def encode(processor, tokenizer, texts, count, talk=conversation):
    """Ids of a document whose images take `count` tokens each, and its masks."""
    rendered = render(processor, texts, talk)
    assert rendered.count("<image>") == len(texts)
    expanded = rendered.replace("<image>", "<image>" * count)
    bos = {"add_special_tokens": False} if rendered.startswith("<s>") else {}
    out = tokenizer(expanded, return_offsets_mapping=True, **bos)
    spans = []
    for i, text in enumerate(texts):
        marked = [*texts[:i], "\ue123", *["x"] * (len(texts) - i - 1)]
        start = render(processor, marked, talk).index("\ue123") + (i + 1) * (count - 1) * len("<image>")
        kept = text if expanded[start:].startswith(text) else text.strip()
        assert expanded[start:].startswith(kept)
        spans.append((start, start + len(kept)))
    ids = out["input_ids"]
    vision = [i for i, token in enumerate(ids) if token == IMAGE_ID]
    assert len(vision) == count * len(texts)
    end = vision[0] + count
    content = [
        i for i, (a, b) in enumerate(out["offset_mapping"]) if any(a < stop and b > start for start, stop in spans)
    ]
    official = [i for i in range(end, len(ids)) if ids[i] != IMAGE_ID]
    return rendered, ids, official, content


def make_case(name, seed, spec):
    tokenizer_name, template, vision, size, llava_kw, images = spec
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    tokenizer = golden.wrap(golden.TOKENIZERS[tokenizer_name]())
    text = golden.llama(tokenizer.backend_tokenizer, hidden_size=16, intermediate_size=20, num_hidden_layers=2,
                        num_attention_heads=2, num_key_value_heads=1, max_position_embeddings=320)
    config = LlavaConfig(vision_config=vision, text_config=text, image_token_index=IMAGE_ID, **llava_kw)
    torch.manual_seed(seed)
    llava = FamilyLlava if config.to_dict().get("use_moca") else LlavaForConditionalGeneration
    model = llava._from_config(config, attn_implementation="eager").eval()
    golden.randomize(model, seed)
    model.half().save_pretrained(folder)
    path = folder / "config.json"
    path.write_text(path.read_text().replace("FamilyLlava", "LlavaForConditionalGeneration"))
    (folder / "generation_config.json").unlink(missing_ok=True)
    is_clip = vision.model_type == "clip_vision_model"
    maker = (
        CLIPImageProcessorPil(size={"shortest_edge": size}, crop_size={"height": size, "width": size})
        if is_clip else SiglipImageProcessorPil(size={"height": size, "width": size}, resample=2)
    )
    processor = LlavaProcessor(
        image_processor=maker, tokenizer=tokenizer, patch_size=vision.patch_size,
        vision_feature_select_strategy=config.vision_feature_select_strategy,
        num_additional_image_tokens=1 if is_clip else 0,
        chat_template=None if template is None else golden.TEMPLATES[template],
    )
    processor.save_pretrained(folder)
    golden.compact_tokenizer(folder)

    names = ["image.png"] if images == 1 else [f"image-{i}.png" for i in range(images)]
    texts = [f"{golden.SENTENCES[(seed + i) % 5][:24]} {seed}, caf\u00e9." for i in range(images)]
    for i, file in enumerate(names):
        Image.fromarray(golden.picture(100 * seed + i, 53 - 9 * i, 41 + 7 * i)).save(folder / file)
    if images == 1:
        (folder / "text.txt").write_text(texts[0])
    else:
        line = json.dumps({"images": names, "texts": texts}, ensure_ascii=False)
        (folder / "document.jsonl").write_text(line + "\n")

    # 16-bit weights are read back as f32; positions are interpolated wherever the size is another.
    model = llava.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    tower = model.model.vision_tower
    tower.forward = functools.partial(tower.forward, interpolate_pos_encoding=True)
    study = FamilyProcessor(folder)
    study.image_processor = maker
    pixel_values = study.pixel_values([load_image(str(folder / file)) for file in names])
    with torch.no_grad():
        features = model.model.get_image_features(pixel_values, return_dict=True).pooler_output
    count = sum(len(feature) for feature in features) // images
    _, ids, official, content = encode(processor, tokenizer, texts, count)
    input_ids = torch.tensor(ids)
    tensors = golden.golden_states(model, input_ids, pixel_values)
    tensors["text_official"] = torch.tensor(official)
    tensors["text_content"] = torch.tensor(content)
    save_file(tensors, folder / "golden.safetensors")
    save_file(golden.golden_looks(model, input_ids, pixel_values), folder / "looks.safetensors")


def make_documents():
    """Ids and masks of documents over templates and tokenizers, 4 tokens an image."""
    entries = []
    for tokenizer_name, make in golden.TOKENIZERS.items():
        for template in ["parts", "turns", "strings", "mixed", None]:
            tokenizer = golden.wrap(make())
            processor = LlavaProcessor(
                tokenizer=tokenizer, patch_size=7,
                image_processor=CLIPImageProcessorPil(),
                vision_feature_select_strategy="default", num_additional_image_tokens=1,
                chat_template=None if template is None else golden.TEMPLATES[template],
            )
            talk = string_conversation if template == "strings" else conversation
            for texts in DOCUMENTS:
                rendered, ids, official, content = encode(processor, tokenizer, texts, 4, talk)
                entries.append(dict(tokenizer=tokenizer_name, template=template, texts=texts, rendered=rendered,
                                    input_ids=ids, text_official=official, text_content=content))
    golden.write_lines(HERE / "prompts" / "documents.json", {"documents": entries})


def main():
    torch.set_num_threads(1)
    make_documents()
    for seed, (name, spec) in enumerate(cases().items(), start=21):
        make_case(name, seed, spec)
        size = sum(f.stat().st_size for f in (HERE / name).iterdir())
        print(f"{name}: {size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
