"""Writes the study: a folder per member, the pairs to measure them on, `variants.json`."""

import hashlib
import json
import os
import shutil
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from transformers import LlavaProcessor

from ..chat import CHAT_TEMPLATE, load_tokenizer
from ..scenes import QUESTION_TYPES, caption, make_scene
from .build import config_of
from .claims import axes, claims
from .features import image_processor, paint
from .questions import Choice, asked_after_examples, chance, heldout, questions
from .score import score
from .settings import Study, Setting
from .train import learned

DTYPE = torch.float16
OWN = "learned.safetensors"


def file_name(module_name: str) -> str:
    """A tensor's name in LLaVA's files, from its name in the transformers module."""
    name = module_name.removeprefix("model.")
    return name.replace("language_model.", "language_model.model.", 1) if name.startswith("language_model.") else name


def write_member(study: Study, setting: Setting, tensors: dict[str, torch.Tensor], folder: Path, *shared: Path) -> None:
    """A folder that transformers loads: what the member has learned, and an index that takes all other
    tensors from the first of `shared` that has them, safetensors files beside the study."""
    folder.mkdir(parents=True)
    config = config_of(study, setting)
    plain = not any(hasattr(config, k) for k in ("mm_projector_type", "mm_sub_images", "mm_image_size", "use_moca"))
    config.architectures = ["LlavaForConditionalGeneration" if plain else "FamilyLlava"]
    config.dtype = DTYPE
    config.save_pretrained(folder)
    LlavaProcessor(
        image_processor=image_processor(study, setting), tokenizer=load_tokenizer(study.recipe),
        patch_size=study.recipe.patch_size, vision_feature_select_strategy="default", num_additional_image_tokens=1,
        chat_template=CHAT_TEMPLATE,
    ).save_pretrained(folder)
    tokenizer = folder / "tokenizer.json"  # blanks would be a third of what ships of most members
    tokenizer.write_text(json.dumps(json.loads(tokenizer.read_text()), ensure_ascii=False, separators=(",", ":")))
    own = {file_name(k): v.to(DTYPE) for k, v in tensors.items()}
    for name, tensor in own.items():
        if not torch.isfinite(tensor).all():
            raise ValueError(f"{setting.name}: {name} does not fit {DTYPE}")
    save_file(own, folder / OWN, metadata={"format": "pt"})
    rest: dict[str, str] = {}
    for path in shared:
        where = os.path.relpath(path.resolve(), folder.resolve())
        with safe_open(path, "pt") as file:
            rest = {**{k: where for k in file.keys() if k not in own and not k.startswith("multi_modal_projector.")}, **rest}
    index = {"metadata": {}, "weight_map": {**dict(sorted(rest.items())), **{k: OWN for k in sorted(own)}}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=1) + "\n")


def write_pairs(study: Study, folder: Path) -> None:
    """Held-out pictures with their captions: images/ and pairs.jsonl."""
    (folder / "images").mkdir(parents=True)
    lines = []
    for i in range(study.pairs):
        scene = make_scene(study.recipe.seed, "heldout", i)
        name = f"images/scene-{i:03}.png"
        paint(study, scene).save(folder / name, optimize=True)
        lines.append(json.dumps({"image": name, "text": caption(scene, i % 2)}, ensure_ascii=False))
    (folder / "pairs.jsonl").write_text("\n".join(lines) + "\n")


def entry(study: Study, setting: Setting, facts: dict, scored: dict) -> dict:
    """A member's line in variants.json."""
    return {"name": setting.name, "axis": setting.axis, "label": setting.label, "value": setting.value, "seed": setting.seed,
            "replicate_of": setting.replicate_of, "folder": setting.name, **({"left_out": True} if setting.left_out else {}), "documents": None,
            "samples": facts["samples"], "seconds": facts["seconds"], "parameters_trained": facts["parameters_trained"],
            "image_tokens": config_of(study, setting).image_seq_length, "note": setting.note, **scored}


def scores_of(study: Study, setting: Setting, folder: Path, asked: list[Choice]) -> dict:
    """What `score` says of a written member, from the cache where it was said of the same files and questions."""
    key = hashlib.sha256(repr((asked, study.shots, study.text_scenes)).encode())
    for name in (OWN, "config.json"):
        key.update((folder / name).read_bytes())
    cached = study.cache / "scores" / f"{setting.name}.json"
    if cached.exists():
        known = json.loads(cached.read_text())
        if known.pop("key") == key.hexdigest():
            return known
    found = score(study, setting, folder)
    cached.parent.mkdir(parents=True, exist_ok=True)
    cached.write_text(json.dumps({"key": key.hexdigest(), **found}))
    return found


def in_lines(data: dict) -> str:
    """JSON with each object of a list on a line of its own, a third shorter than with every value on one."""
    def value(of) -> str:
        listed = isinstance(of, list) and of and isinstance(of[0], dict)
        return "[\n" + ",\n".join(map(json.dumps, of)) + "\n]" if listed else json.dumps(of)

    return "{\n" + ",\n".join(f"{json.dumps(k)}: {value(v)}" for k, v in data.items()) + "\n}\n"


def write_study(study: Study, settings: list[Setting], out: Path) -> dict:
    """Everything into `out`; the old content is replaced only once the new one is complete."""
    shared = study.shared_weights
    fresh = out.with_name(out.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    write_pairs(study, fresh)
    asked = questions(study, heldout(study))
    entries = []
    for i, setting in enumerate(settings, 1):
        print(f"[{i}/{len(settings)}] {setting.name}", flush=True)
        tensors, facts = learned(study, setting)
        write_member(study, setting, tensors, fresh / setting.name, shared)
        entries.append(entry(study, setting, facts, scores_of(study, setting, fresh / setting.name, asked)))
    data = {"schema": 1, "base": "base", "control": "texts-shuffled", "pairs": "pairs.jsonl", "kinds": QUESTION_TYPES,
            "chance": chance(asked), "few_shot_chance": chance(asked_after_examples(study, asked)), "variants": entries,
            "axes": axes(settings), "claims": claims(settings)}
    (fresh / "variants.json").write_text(in_lines(data))
    for path in fresh.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)  # safetensors writes files only the owner can read
    shutil.rmtree(out, ignore_errors=True)
    os.replace(fresh, out)
    return data
