"""Sizes and amounts of the recipe: `demo` is what ships, `toy` runs in seconds for the tests."""

import os
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
CACHE = Path(os.environ.get("TRAINING_CACHE") or HERE / ".cache")  # elsewhere where another checkout goes on with it


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what comes out. A variant is `dataclasses.replace(DEMO, name=..., ...)`."""

    name: str = "demo"
    seed: int = 1

    # shapes of the model
    image_size: int = 128
    patch_size: int = 16
    vision_hidden: int = 128
    vision_layers: int = 6
    vision_heads: int = 4
    vision_mlp: int = 512
    vision_feature_layer: int = -2
    text_hidden: int = 128
    text_layers: int = 6
    text_heads: int = 4
    text_kv_heads: int = 2
    text_mlp: int = 384
    vocab_limit: int = 1024
    context: int = 512

    # tokenizer: number of scenes whose texts it is trained on
    tokenizer_scenes: int = 4000

    # tower: images seen once each
    tower_images: int = 80_000
    tower_batch: int = 32
    tower_lr: float = 1e-3

    # decoder: texts seen once each
    decoder_texts: int = 36_000
    decoder_batch: int = 16
    decoder_lr: float = 2e-3
    few_slots: int = 8  # length of the slot prompt in the first part of decoder training
    few_slots_share: float = 0.75
    slot_noise: float = 0.3

    # connector: distinct images (features cached) and samples drawn from them
    connector_images: int = 12_000
    connector_samples: int = 32_000
    connector_batch: int = 32
    connector_lr: float = 2e-3
    snapshots: int = 7  # each with twice the samples of the one before; the untrained one is not counted

    # evaluation and what ships
    eval_images: int = 300
    probe_images: int = 1200
    shipped_pairs: int = 128

    def __post_init__(self) -> None:
        assert self.image_size % self.patch_size == 0
        assert self.text_heads % self.text_kv_heads == 0

    @property
    def image_tokens(self) -> int:
        return (self.image_size // self.patch_size) ** 2

    @property
    def cache(self) -> Path:
        """Where finished stages of this recipe are kept."""
        return CACHE / self.name

    @property
    def downloads(self) -> Path:
        """Where fetched packages are kept, shared by all recipes."""
        return CACHE


DEMO = Recipe()
TOY = Recipe(
    name="toy", vision_hidden=32, vision_layers=3, vision_heads=2, vision_mlp=64, image_size=64,
    text_hidden=32, text_layers=2, text_heads=4, text_kv_heads=2, text_mlp=64, tokenizer_scenes=300,
    tower_images=64, tower_batch=16, decoder_texts=64, decoder_batch=16, connector_images=32,
    connector_samples=64, connector_batch=16, snapshots=3, eval_images=12, probe_images=24, shipped_pairs=6,
)
RECIPES = {r.name: r for r in (DEMO, TOY)}
