"""Patch features of the frozen tower, computed once for every way of looking at a picture."""

from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from tqdm import tqdm
from transformers import CLIPImageProcessorPil

from ..loop import ahead, device
from ..scenes import Scene, draw
from ..tower import MEAN, STD
from .build import picture_side
from .modeling import FamilyLlava, FamilyProcessor
from .settings import Study, Setting

GREY = (128, 128, 128)


def image_processor(study: Study, setting: Setting) -> CLIPImageProcessorPil:
    side = picture_side(study, setting)
    return CLIPImageProcessorPil(size={"shortest_edge": side}, crop_size={"height": side, "width": side},
                                 image_mean=list(MEAN), image_std=list(STD))


def paint(study: Study, scene: Scene) -> Image.Image:
    return draw(scene, study.picture_size, study.recipe.downloads)


@torch.no_grad()
def patches_of(study: Study, setting: Setting, model: FamilyLlava, images: list[Image.Image],
               dtype: torch.dtype = torch.float16) -> torch.Tensor:
    """[images, pictures, patches, vision width] on the CPU; 16 bits are enough for training."""
    x = FamilyProcessor.pictures(model.config, image_processor(study, setting), images)
    return model.patch_features(x.to(device())).unflatten(0, (len(images), -1)).to(dtype).cpu()


def training_patches(study: Study, setting: Setting, model: FamilyLlava, scenes: list[Scene]) -> torch.Tensor:
    """The same for the pictures of training, from the cache where another member has made them."""
    sub = f"-sub{setting.sub_images}" if setting.sub_images else ""
    file: Path = study.cache / f"patches-{picture_side(study, setting)}{sub}.safetensors"
    if not file.exists():
        step = 32
        make = lambda i: [paint(study, s) for s in scenes[i * step : (i + 1) * step]]
        count = -(-len(scenes) // step)
        parts = [patches_of(study, setting, model, images)
                 for images in tqdm(ahead(make, count), f"patches of {setting.name}", count)]
        file.parent.mkdir(parents=True, exist_ok=True)
        save_file({"patches": torch.cat(parts)}, file)
    return load_file(file)["patches"]
