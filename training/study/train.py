"""Trains one member: what it says of pictures, from cached patch features, through the decoder."""

import json
import random
import time
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from ..chat import Encoder, load_tokenizer
from ..connector import load_snapshots
from ..decoder import reading, scored_loss
from ..loop import ahead, device, train
from ..scenes import make_scene
from .build import build, learning
from .features import training_patches
from .modeling import FamilyLlava
from .settings import Study, Setting, members
from .texts import described, document


def amount(study: Study, setting: Setting) -> int:
    """Pictures that a member's own training sees, each once."""
    return study.tuning_samples if setting.after else study.samples


def batches(study: Study, setting: Setting, encoder: Encoder, scenes: list):
    """Number of steps, and `make(step)` -> (ids, labels, numbers of the images in their order)."""
    rows, samples = study.batch, amount(study, setting)
    image_steps = samples // rows
    order = random.Random(f"{setting.seed}/order").sample(range(samples), samples)
    with_text = setting.mix.endswith("+text")
    steps = round(image_steps / (1 - study.text_share)) if with_text else image_steps
    draw = random.Random(f"{setting.seed}/mix")
    text_steps = set(draw.sample(range(steps), steps - image_steps))
    number = [step - sum(t < step for t in text_steps) for step in range(steps)]  # of the image step

    def make(step: int):
        rng = random.Random(f"{setting.seed}/{step}")
        if step in text_steps:
            texts = [reading(make_scene(study.recipe.seed, "text-only", step * rows + i), rng) for i in range(rows)]
            return *encoder.batch([encoder.encode(t, images=0) for t in texts]), []
        chosen = order[number[step] * rows : (number[step] + 1) * rows]
        if setting.mix.startswith("interleaved") or setting.mix == "separate":
            documents = [document(scenes[a], scenes[b], rng) for a, b in zip(chosen[::2], chosen[1::2])]
            if setting.mix == "separate":
                coded = [encoder.encode([("", text)]) for texts in documents for text in texts]
            else:
                coded = [encoder.encode([("", text) for text in texts], images=2) for texts in documents]
        else:
            detail = "long" if setting.mix == "captions" else setting.texts
            about = chosen[1:] + chosen[:1] if setting.shuffled else chosen
            coded = [encoder.encode(described(scenes[i], detail, rng)) for i in about]
        return *encoder.batch(coded), chosen

    return steps, make


def train_member(study: Study, setting: Setting, folder: Path) -> None:
    """Writes `learned.safetensors` (f32, names of the transformers module), `train.json` and the log."""
    model = build(study, setting)
    seen = 0
    if setting.after:
        first, facts = learned(study, next(s for s in members(study) if s.name == setting.after))
        state = model.state_dict()
        for name, tensor in first.items():
            state[name].copy_(tensor)
        seen = facts["samples"]
    new, old = learning(model, setting)
    encoder = Encoder(load_tokenizer(study.recipe), model.config.image_seq_length)
    scenes = [make_scene(study.recipe.seed, "connector", i) for i in range(study.samples)]
    patches = training_patches(study, setting, model, scenes)
    steps, make = batches(study, setting, encoder, scenes)
    table = model.get_input_embeddings().weight

    def loss_of(data, step):
        ids, labels, chosen = data
        image = model.image_tokens(patches[chosen].flatten(0, 1).float().to(device())) if chosen else None
        embeddings = model.merge(ids.to(device()), image)
        loss = scored_loss(model.model.language_model, model.lm_head, embeddings, labels.to(device()))
        size = lambda t: t.detach().float().norm(dim=-1).mean()
        return {"loss": loss, "norm_ratio": size(image) / size(table) if chosen else torch.tensor(0.0)}

    started = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    train(setting.name, new.values(), ahead(make, steps), steps, loss_of, setting.lr or study.lr, folder / "log.csv",
          gentle=old.values(), gentle_share=study.decoder_share)
    facts = {"seconds": round(time.monotonic() - started, 1), "samples": seen + amount(study, setting), "steps": steps,
             "parameters_trained": sum(p.numel() for p in (*new.values(), *old.values()))}
    (folder / "train.json").write_text(json.dumps(facts))
    save_file({k: p.detach().cpu().clone() for k, p in {**new, **old}.items()}, folder / "learned.safetensors")


def learned(study: Study, setting: Setting) -> tuple[dict[str, torch.Tensor], dict]:
    """What a member has learned and how much it took; trained on first use."""
    if setting.snapshot is not None:
        tensors = load_snapshots(study.recipe, setting.seed)[setting.snapshot]
        count = sum(t.numel() for t in tensors.values())
        return ({f"model.{k}": v for k, v in tensors.items()},
                {"seconds": None, "samples": setting.snapshot, "parameters_trained": count})
    folder = study.cache / setting.name
    if not (folder / "learned.safetensors").exists():
        train_member(study, setting, folder)
    return load_file(folder / "learned.safetensors"), json.loads((folder / "train.json").read_text())
