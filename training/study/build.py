"""A member's model: frozen tower and decoder of the recipe, its own connector, untrained."""

from torch import nn
from transformers import LlavaConfig

from ..chat import load_tokenizer
from ..connector import llava_config
from ..decoder import load_decoder
from ..loop import device, reseed
from ..tower import load_tower
from .connectors import tokens_of_picture
from .modeling import FamilyLlava, pictures_of_image
from .settings import Study, Setting


def picture_side(study: Study, setting: Setting) -> int:
    """Pixels per side of one picture that the tower sees."""
    return round(setting.size * study.recipe.image_size)


def config_of(study: Study, setting: Setting) -> LlavaConfig:
    """config.json of a member: LLaVA's, and the study's own keys where they are needed."""
    recipe = study.recipe
    config = llava_config(recipe, load_tokenizer(recipe))
    side = picture_side(study, setting)
    grid = side // recipe.patch_size // setting.shrink
    if side != recipe.image_size:
        config.mm_image_size = side
    if setting.connector != "mlp2x_gelu":
        config.mm_projector_type = setting.connector
    if setting.connector in ("average_pool", "attention_pool", "c_abstractor"):
        config.mm_projector_tokens = grid**2
    if setting.connector == "attention_pool":
        config.mm_projector_heads = recipe.vision_heads
    if setting.connector == "c_abstractor":
        config.mm_projector_hidden_size, config.mm_projector_depth = recipe.vision_hidden, 3
    if setting.connector == "pixel_shuffle":
        config.mm_projector_scale = setting.shrink
    if setting.sub_images:
        config.mm_sub_images = setting.sub_images
    if setting.moca:
        config.use_moca = True
    config.image_seq_length = tokens_of_picture(config) * pictures_of_image(config)
    return config


def seeing(study: Study, setting: Setting) -> FamilyLlava:
    """A member with its tower alone, on the CPU or GPU; connector and decoder are as they are initialised."""
    tower = load_tower(study.recipe)
    reseed(setting.seed, "connector")
    model = FamilyLlava._from_config(config_of(study, setting), attn_implementation="eager")
    model.model.vision_tower.load_state_dict(tower.state_dict())
    return model.to(device()).eval().requires_grad_(False)


def build(study: Study, setting: Setting) -> FamilyLlava:
    """Nothing in it learns yet."""
    model, decoder = seeing(study, setting), load_decoder(study.recipe)
    model.model.language_model.load_state_dict(decoder.model.state_dict(), strict=not setting.moca)
    model.tie_weights()
    return model


def learning(model: FamilyLlava, setting: Setting) -> tuple[dict[str, nn.Parameter], dict[str, nn.Parameter]]:
    """The parameters that learn, by name: those that are new, and those of the decoder."""
    layers = model.config.text_config.num_hidden_layers
    upper = tuple(f"model.language_model.layers.{i}." for i in range(layers // 2, layers)) + ("model.language_model.norm.",)
    of_decoder = {"connector": (), "half": upper, "all": ("model.language_model.",)}[setting.unfrozen]
    new, old = {}, {}
    for name, parameter in model.named_parameters():
        if name.startswith("model.multi_modal_projector.") or ".modality_layernorm." in name:
            new[name] = parameter
        elif of_decoder and name.startswith(of_decoder):
            old[name] = parameter
    for parameter in (*new.values(), *old.values()):
        parameter.requires_grad_(True)
    return new, old
