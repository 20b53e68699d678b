"""Writes what ships: the Hugging Face folder, the other connectors, the held-out pairs, the figures."""

import json
import os
import shutil
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import save_file
from transformers import CLIPImageProcessorPil, LlavaProcessor

from .chat import CHAT_TEMPLATE, load_tokenizer
from .config import Recipe
from .connector import PREFIX, assemble, load_snapshots, set_projector
from .evaluate import evaluate
from .scenes import caption, draw, make_scene
from .tower import MEAN, STD

DTYPE = torch.float16


def processor(recipe: Recipe) -> LlavaProcessor:
    size = recipe.image_size
    images = CLIPImageProcessorPil(
        size={"shortest_edge": size}, crop_size={"height": size, "width": size},
        image_mean=list(MEAN), image_std=list(STD),
    )
    return LlavaProcessor(
        image_processor=images, tokenizer=load_tokenizer(recipe), patch_size=recipe.patch_size,
        vision_feature_select_strategy="default", num_additional_image_tokens=1, chat_template=CHAT_TEMPLATE,
    )


def export_model(recipe: Recipe, folder: Path, tensors: dict[str, torch.Tensor]) -> None:
    """The folder transformers loads with LlavaForConditionalGeneration and AutoProcessor."""
    model = assemble(recipe, recipe.seed)
    set_projector(model, tensors)
    for name, p in model.named_parameters():
        if not torch.isfinite(p.to(DTYPE)).all():
            raise ValueError(f"{name} does not fit {DTYPE}: largest value {p.abs().max():.3g}")
    model.to(DTYPE).save_pretrained(folder)
    processor(recipe).save_pretrained(folder)


def midpoint(samples: list[int]) -> int:
    """The middle snapshot of training: half-way between the first and the last in log(samples)."""
    taken = sorted(n for n in samples if n)
    return taken[len(taken) // 2]


def export_connectors(snapshots: dict[int, dict], folder: Path, batch: int) -> dict[str, dict]:
    """Files for the connectors that are not in model.safetensors; returns name -> tensors as stored."""
    folder.mkdir(parents=True, exist_ok=True)
    samples = list(snapshots)
    chosen = {"untrained": (0, "Random weights, as before connector pre-training."),
              "halfway": (midpoint(samples), "Half-way through connector pre-training, in log(samples)."),
              "trained": (samples[-1], "End of connector pre-training; these tensors are in model.safetensors.")}
    index, stored = [], {}
    for name, (count, description) in chosen.items():
        stored[name] = {k: v.to(DTYPE) for k, v in snapshots[count].items()}
        file = None if name == "trained" else f"{name}.safetensors"
        if file:
            save_file(stored[name], folder / file, metadata={"format": "pt"})
        index.append({"name": name, "file": file, "steps": count // batch, "samples": count, "description": description})
    (folder / "index.json").write_text(json.dumps(index, indent=2) + "\n")
    return stored


def export_pairs(recipe: Recipe, folder: Path) -> list[tuple[str, Image.Image]]:
    """Held-out pictures with their captions: images/ and pairs.jsonl."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    pairs, lines = [], []
    for i in range(recipe.shipped_pairs):
        scene = make_scene(recipe.seed, "heldout", i)
        image, text = draw(scene, recipe.image_size, recipe.downloads), caption(scene, i % 2)
        name = f"images/scene-{i:03}.png"
        image.save(folder / name, optimize=True)
        pairs.append((text, image))
        lines.append(json.dumps({"image": name, "text": text}, ensure_ascii=False))
    (folder / "pairs.jsonl").write_text("\n".join(lines) + "\n")
    return pairs


def readme(metrics: dict, index: list[dict]) -> str:
    """The page beside the checkpoint; every figure comes from metrics.json."""
    show = lambda v: f"{100 * v['value']:.1f} % [{100 * v['low']:.1f}, {100 * v['high']:.1f}]"
    loss = lambda v: f"{v['value']:.3f} [{v['low']:.3f}, {v['high']:.3f}]"
    points = lambda v: f"{100 * v['value']:.1f} [{100 * v['low']:.1f}, {100 * v['high']:.1f}]"
    names = {"trained": "trained", "image_blanked": "trained, image blanked (grey)",
             "image_swapped": "trained, image of another scene", "halfway": "connector half-way",
             "untrained": "connector untrained", "words_instead_of_image": "the scene given as words, not as an image"}
    c, size = metrics["conditions"], metrics["sizes"]
    rows = "\n".join(f"| {label} | {show(c[k]['accuracy']['all'])} | {loss(c[k]['caption_loss'])} |" for k, label in names.items())
    by_type = "\n".join(
        f"| {kind} | {v['questions']} | {show(v)} | {show(c['image_blanked']['accuracy'][kind])} | "
        f"{show(c['image_swapped']['accuracy'][kind])} | {show(metrics['chance']['majority'][kind])} | "
        f"{100 * metrics['chance']['uniform'][kind]['value']:.1f} % |"
        for kind, v in c["trained"]["accuracy"].items() if kind != "all")
    gain = metrics["accuracy_gain_over"]
    gains = "\n".join(f"| {k.replace('_', ' ')} | {points(v)} |" for k, v in gain.items())
    probe = "\n".join(f"| {k} ({v['classes']} classes, {v['patches']} patches) | {100 * v['tower']:.1f} % | {100 * v['raw']:.1f} % |"
                      for k, v in metrics["linear_probe_on_patches"].items())
    stages = "\n".join(f"| {e['name']} | {e['samples']} | {'`connectors/' + e['file'] + '`' if e['file'] else 'in `model/model.safetensors`'} "
                       f"| {metrics['mir_reference'][e['name']]['mir']:.4f} |" for e in index)
    swapped = metrics["caption_loss_increase_when"]["image_swapped"]
    return f"""# The demo checkpoint

Written by the recipe in `training/`; every figure below is generated from `metrics.json`.

A small vision-language model in the LLaVA layout ({size['parameters'] / 1e6:.2f} M parameters, {size['model_bytes'] / 1e6:.1f} MB in f16):
`model/` loads with transformers' `LlavaForConditionalGeneration` and `AutoProcessor`. The vision tower
was trained on images first, the decoder on text first; then only the connector was trained, with both
frozen. It knows one small world: pictures of one to four objects (colored shapes, emoji) on five
backgrounds, {size['image_tokens']} image tokens each.

* `pairs.jsonl`, `images/`: {size['pairs']} image-text pairs it was never trained on ({size['caption_tokens']} caption tokens and
  {size['vision_tokens']} image tokens in all, width {size['text_hidden']}).
* `connectors/`: the connector before training and half-way, to put in the place of the final one.

## Held-out scenes

{metrics['questions']} questions on {metrics['heldout_scenes']} scenes; {metrics['scored']}. In brackets: {metrics['interval']}.

| | questions answered | caption loss, nats per token |
|---|---|---|
{rows}

| question | asked | trained | image blanked | image swapped | most frequent answer | uniform |
|---|---|---|---|---|---|---|
{by_type}

| accuracy gained over | points |
|---|---|
{gains}

With the image of another scene the caption loss grows by {loss(swapped)}.

A linear classifier on one patch, frozen tower features against the patch's raw pixels (held-out scenes):

| | tower | raw pixels |
|---|---|---|
{probe}

## The connector along training

These are steps of one training. MIR compares the ends of equally long trainings; it is no measure of
progress within one training.

| connector | samples seen | where | MIR of the shipped pairs (f64 reference, `official-accurate`: last layer after the final norm) |
|---|---|---|---|
{stages}
"""


def export(recipe: Recipe, out: Path) -> dict:
    """Everything into `out`; the old content is replaced only once the new one is complete."""
    fresh = out.with_name(out.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    snapshots = load_snapshots(recipe)
    export_model(recipe, fresh / "model", snapshots[max(snapshots)])
    stored = export_connectors(snapshots, fresh / "connectors", recipe.connector_batch)
    pairs = export_pairs(recipe, fresh)
    metrics = evaluate(recipe, fresh / "model", stored, pairs, first_scene=recipe.shipped_pairs)
    tokenizer = load_tokenizer(recipe)
    weights = fresh / "model" / "model.safetensors"
    metrics["sizes"] = {
        "parameters": sum(p.numel() for p in assemble(recipe, recipe.seed).parameters()),
        "model_bytes": weights.stat().st_size, "image_tokens": recipe.image_tokens, "text_hidden": recipe.text_hidden,
        "pairs": len(pairs), "vision_tokens": len(pairs) * recipe.image_tokens,
        "caption_tokens": sum(len(tokenizer.encode(" " + text, add_special_tokens=False)) for text, _ in pairs),
    }
    index = json.loads((fresh / "connectors" / "index.json").read_text())
    (fresh / "metrics.json").write_text(json.dumps(metrics, indent=1) + "\n")
    (fresh / "README.md").write_text(readme(metrics, index))
    for path in fresh.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)  # safetensors writes files only the owner can read
    shutil.rmtree(out, ignore_errors=True)
    out.parent.mkdir(parents=True, exist_ok=True)
    os.replace(fresh, out)
    return metrics
