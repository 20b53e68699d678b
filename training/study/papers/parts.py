"""What all points share: tokenizer, vision tower, and a decoder that has read text alone.

They are laid where the recipe of this protocol keeps its stages, so that `training.study.build`
finds them as those of any other study.
"""

import random
import shutil
from functools import lru_cache
from pathlib import Path

import torch
from transformers import CLIPVisionModel, LlamaForCausalLM, LlavaForConditionalGeneration

from ...chat import Encoder, load_tokenizer, tokenizer_of
from ...decoder import initialise, text_config
from ...loop import device, reseed
from ...scenes import QUESTION_TYPES, answers, make_scene
from ...tower import load_tower
from .batch import collate, sent, text_losses
from .settings import Papers
from .steps import Group, run_steps
from .told import text

GROUP = 8  # steps whose texts are sorted by length together


def lay_folder(folder: Path, save) -> None:
    """A folder that is there whole or not at all."""
    fresh = folder.with_name(folder.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    save(fresh)
    fresh.rename(folder)


def as_shipped(module: torch.nn.Module) -> torch.nn.Module:
    """The module with the values that 16 bits keep of its own: what is measured here is what is written."""
    return module.half().float()


def lay_tokenizer(papers: Papers) -> None:
    """A byte-level BPE over the texts that the decoder will read."""
    recipe = papers.recipe

    def texts():
        for i in range(recipe.tokenizer_scenes):
            turns, _ = text(papers, make_scene(recipe.seed, "tokenizer", i), random.Random(i))
            for user, assistant in turns:
                yield f"USER: {user} ASSISTANT: {assistant}"
        for kind in QUESTION_TYPES:
            for answer in answers(kind):
                yield from [f" {answer}"] * 3

    lay_folder(recipe.cache / "tokenizer", tokenizer_of(recipe, texts()).save_pretrained)


def lay_tower(papers: Papers) -> None:
    """The demo's tower as it ships. Without the folder it is the recipe's own, which `load_tower` trains."""
    if papers.tower is None:
        load_tower(papers.recipe)
        return
    tower = LlavaForConditionalGeneration.from_pretrained(papers.tower, dtype=torch.float32).model.vision_tower
    assert isinstance(tower, CLIPVisionModel)
    lay_folder(papers.recipe.cache / "tower", tower.save_pretrained)


def lay_decoder(papers: Papers) -> None:
    """A small Llama, trained on the texts of `told`; every text is read once."""
    recipe = papers.recipe
    tokenizer = load_tokenizer(recipe)
    encoder = Encoder(tokenizer, recipe.image_tokens)
    reseed(recipe.seed, "decoder")
    decoder = LlamaForCausalLM._from_config(text_config(recipe, tokenizer), attn_implementation="eager").to(device())
    initialise(decoder)

    @lru_cache(maxsize=2)
    def sorted_rows(group: int) -> list[list]:
        """The rows of GROUP steps, each step's of like lengths: padding would be a third of the work."""
        count, rows = GROUP * recipe.decoder_batch, []
        for number in range(group * count, (group + 1) * count):
            turns, everything = text(papers, make_scene(recipe.seed, "decoder", number), random.Random(f"{recipe.seed}/text/{number}"))
            rows.append(encoder.encode(turns, images=0, score_all=everything))
        rows.sort(key=lambda row: len(row[0]))
        steps = [rows[i * recipe.decoder_batch : (i + 1) * recipe.decoder_batch] for i in range(GROUP)]
        return random.Random(group).sample(steps, GROUP)

    def make(step: int):
        return collate(encoder, sorted_rows(step // GROUP)[step % GROUP])

    def loss_of(batch):
        return {"loss": text_losses(decoder, sent(batch)).sum() / batch.count}

    matrices, rest = ([p for p in decoder.parameters() if (p.ndim > 1) is wide] for wide in (True, False))
    work = recipe.cache / "work" / "decoder.pt"
    run_steps("decoder", [Group(matrices, weight_decay=0.05), Group(rest)], recipe.decoder_texts // recipe.decoder_batch, make,
              loss_of, recipe.decoder_lr, work, recipe.cache / "logs" / "decoder.csv", betas=(0.9, 0.95))
    lay_folder(recipe.cache / "decoder", as_shipped(decoder).save_pretrained)
    work.unlink(missing_ok=True)


STAGES = {"tokenizer": lay_tokenizer, "tower": lay_tower, "decoder": lay_decoder}


def lay(papers: Papers) -> None:
    """Makes what is not there yet."""
    for name, make in STAGES.items():
        if not (papers.recipe.cache / name).exists():
            print(f"{name} ...", flush=True)
            make(papers)
