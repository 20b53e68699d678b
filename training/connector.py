"""Stage 3: connector pre-training, with tower and decoder frozen.

The model is transformers' own LlavaForConditionalGeneration; only `multi_modal_projector` learns,
from captions and questions through the frozen decoder. The frozen tower's features are computed
once and kept. Snapshots are taken at equal steps in log(samples).
"""

import json
import random
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional as F
from transformers import LlavaConfig, LlavaForConditionalGeneration

from .chat import Encoder, load_tokenizer
from .config import Recipe
from .decoder import load_decoder, scored_loss, text_config
from .loop import ahead, device, reseed, train
from .scenes import conversation, make_scene
from .tower import features_of, load_tower, vision_config

PREFIX = "multi_modal_projector."


def llava_config(recipe: Recipe, tokenizer) -> LlavaConfig:
    return LlavaConfig(
        vision_config=vision_config(recipe), text_config=text_config(recipe, tokenizer),
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"), image_seq_length=recipe.image_tokens,
        projector_hidden_act="gelu", vision_feature_layer=recipe.vision_feature_layer,
        vision_feature_select_strategy="default", multimodal_projector_bias=True, tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    )


def assemble(recipe: Recipe, seed: int) -> LlavaForConditionalGeneration:
    """The whole model from the frozen parts and an untrained connector (the same for a seed)."""
    tokenizer = load_tokenizer(recipe)
    tower, decoder = load_tower(recipe), load_decoder(recipe)
    reseed(seed, "connector")
    model = LlavaForConditionalGeneration(llava_config(recipe, tokenizer))
    model.model.vision_tower.load_state_dict(tower.state_dict())
    model.model.language_model.load_state_dict(decoder.model.state_dict())
    model.tie_weights()
    return model.to(device()).eval().requires_grad_(False)


def projector_state(model: LlavaForConditionalGeneration) -> dict[str, torch.Tensor]:
    """The connector's tensors under the names they have in model.safetensors."""
    return {PREFIX + k: v.detach().cpu().clone() for k, v in model.model.multi_modal_projector.state_dict().items()}


def set_projector(model: LlavaForConditionalGeneration, tensors: dict[str, torch.Tensor]) -> None:
    model.model.multi_modal_projector.load_state_dict({k.removeprefix(PREFIX): v.float() for k, v in tensors.items()})


def snapshot_samples(recipe: Recipe) -> list[int]:
    """Sample counts of the snapshots: the full run and, going back, half as many each time (equal
    steps in log(samples)), rounded to whole batches."""
    batch, steps = recipe.connector_batch, recipe.connector_samples // recipe.connector_batch
    return sorted({batch * max(1, round(steps / 2**i)) for i in range(recipe.snapshots)})


def train_connector(recipe: Recipe, seed: int, folder: Path) -> None:
    """Trains and writes snapshots `<samples>.safetensors` and `index.json` to the folder. The seed is that
    of the first weights, the order of the images and what is said about them; the images are the same."""
    model = assemble(recipe, seed)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(projector_state(model), folder / "0.safetensors")
    encoder = Encoder(load_tokenizer(recipe), recipe.image_tokens)
    scenes = [make_scene(recipe.seed, "connector", i) for i in range(recipe.connector_images)]
    cached = recipe.cache / "connector-features.safetensors"
    if not cached.exists():
        save_file({"features": features_of(model.model.vision_tower, recipe, scenes)}, cached)
    features = load_file(cached)["features"]

    batch, steps = recipe.connector_batch, recipe.connector_samples // recipe.connector_batch
    projector = model.model.multi_modal_projector.requires_grad_(True)
    decoder = load_decoder(recipe)
    order = [i for epoch in range(-(-steps * batch // len(scenes)))
             for i in random.Random(f"{seed}/order/{epoch}").sample(range(len(scenes)), len(scenes))]

    def make(step: int):
        chosen = order[step * batch : (step + 1) * batch]
        rng = random.Random(f"{seed}/connector/{step}")
        ids, labels = encoder.batch([encoder.encode(conversation(scenes[i], rng, 6)) for i in chosen])
        return ids, labels, features[chosen]

    def loss_of(data, step):
        ids, labels, x = (t.to(device()) for t in data)
        image = projector(x.float()).flatten(0, 1)
        embeddings = F.embedding(ids, decoder.model.embed_tokens.weight)
        embeddings = embeddings.masked_scatter((ids == encoder.image_id)[..., None], image.float())
        return {"loss": scored_loss(decoder.model, decoder.lm_head, embeddings, labels),
                "norm_ratio": image.detach().float().norm(dim=-1).mean() / decoder.model.embed_tokens.weight.norm(dim=-1).mean()}

    due = snapshot_samples(recipe)

    def after_step(step: int) -> None:
        if step * batch in due:
            save_file(projector_state(model), folder / f"{step * batch}.safetensors")

    train(folder.name, projector.parameters(), ahead(make, steps), steps, loss_of, recipe.connector_lr,
          recipe.cache / "logs" / f"{folder.name}.csv", after_step)
    (folder / "index.json").write_text(json.dumps({"batch": batch, "samples": [0, *due]}))


def load_snapshots(recipe: Recipe, seed: int | None = None) -> dict[int, dict[str, torch.Tensor]]:
    """Samples seen -> connector tensors, from untrained (0) to the end; trained on first use. Without a
    seed those of the recipe's own run."""
    seed = recipe.seed if seed is None else seed
    folder = recipe.cache / ("connector" if seed == recipe.seed else f"connector-seed{seed}")
    if not (folder / "index.json").exists():
        train_connector(recipe, seed, folder)
    samples = json.loads((folder / "index.json").read_text())["samples"]
    return {n: load_file(folder / f"{n}.safetensors") for n in samples}
