"""LLaVA with other connectors, other resolutions, sub-images and MoCa, for transformers.

    model = FamilyLlava.from_pretrained("assets/study/attention-16")
    processor = FamilyProcessor("assets/study/attention-16")

Everything that transformers has is transformers': tower, decoder, the two-layer MLP, loading and
saving. What is added is named in config.json, so that the same class loads every member of the
study, and any ordinary LLaVA checkpoint.
"""

from pathlib import Path

import torch
from PIL import Image
from torch import nn
from transformers import AutoConfig, AutoProcessor, LlavaConfig, LlavaForConditionalGeneration
from transformers.models.llama.modeling_llama import LlamaDecoderLayer

from .connectors import make_connector, tokens_of_picture


class ModalityLayerNorm(nn.Module):
    """MoCa (arXiv 2410.07167): vision tokens times `scale` plus `shift`; the identity at the start."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.scale, self.shift = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))
        self.at: torch.Tensor | None = None  # [batch, tokens]: where the vision tokens are

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.at is None or self.at.shape != x.shape[:2]:  # generation's later steps have no vision tokens
            return x
        calibrated = x.float() * self.scale + self.shift
        return torch.where(self.at[..., None], calibrated.to(x.dtype), x)


class MocaDecoderLayer(LlamaDecoderLayer):
    """A decoder layer with MoCa at its end."""

    def __init__(self, config, layer_idx: int) -> None:
        super().__init__(config, layer_idx)
        self.modality_layernorm = ModalityLayerNorm(config.hidden_size)

    def forward(self, *args, **kwargs):
        return self.modality_layernorm(super().forward(*args, **kwargs))


def pictures_of_image(config: LlavaConfig) -> int:
    """Pictures that go through the tower for one image: itself, and its sub-images."""
    return 1 + (getattr(config, "mm_sub_images", None) or 0) ** 2


class FamilyLlava(LlavaForConditionalGeneration):
    """LLaVA as its config.json says. `pixel_values`: [pictures, 3, height, width], for every image its
    pictures in the order of `FamilyProcessor`."""

    # the shared weights hold the tower's unused norm and the demo's own connector
    _keys_to_ignore_on_load_unexpected = [r"post_layernorm", r"multi_modal_projector\.linear_"]

    def __init__(self, config: LlavaConfig) -> None:
        super().__init__(config)
        connector = make_connector(config)
        if connector is not None:
            self.model.multi_modal_projector = connector
        if getattr(config, "use_moca", False):
            layers = self.model.language_model.layers
            for i, plain in enumerate(layers):
                layers[i] = MocaDecoderLayer(config.text_config, i)
                layers[i].load_state_dict(plain.state_dict(), strict=False)

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, ModalityLayerNorm):
            nn.init.ones_(module.scale), nn.init.zeros_(module.shift)
        else:
            super()._init_weights(module)

    def patch_features(self, pixel_values: torch.Tensor) -> torch.Tensor:
        """[pictures, patches, vision width]; positions are interpolated where the size is another."""
        states = self.model.vision_tower(pixel_values, output_hidden_states=True, interpolate_pos_encoding=True).hidden_states
        chosen = states[self.config.vision_feature_layer]
        return chosen[:, 1:] if self.config.vision_feature_select_strategy == "default" else chosen

    def image_tokens(self, patches: torch.Tensor) -> torch.Tensor:
        """Patch features [pictures, patches, vision width] -> [all tokens, text width]."""
        return self.model.multi_modal_projector(patches).flatten(0, 1)

    def merge(self, input_ids: torch.Tensor, image_tokens: torch.Tensor | None) -> torch.Tensor:
        """Token embeddings [batch, tokens, text width] with the image tokens in their places."""
        at = input_ids == self.config.image_token_id
        for layer in self.model.language_model.layers:
            if isinstance(layer, MocaDecoderLayer):
                layer.modality_layernorm.at = at
        x = self.get_input_embeddings()(input_ids)
        return x if image_tokens is None else x.masked_scatter(at[..., None], image_tokens.to(x.dtype))

    def forward(self, input_ids=None, pixel_values=None, inputs_embeds=None, **kwargs):
        if inputs_embeds is None:
            tokens = None if pixel_values is None else self.image_tokens(self.patch_features(pixel_values))
            inputs_embeds = self.merge(input_ids, tokens)
        return super().forward(inputs_embeds=inputs_embeds, **kwargs)


class FamilyProcessor:
    """Images and a conversation to what `FamilyLlava` takes."""

    def __init__(self, folder: Path | str) -> None:
        self.config = AutoConfig.from_pretrained(folder)
        processor = AutoProcessor.from_pretrained(folder)
        self.image_processor, self.tokenizer = processor.image_processor, processor.tokenizer
        self.chat_template = processor.chat_template
        self.tokens = tokens_of_picture(self.config) * pictures_of_image(self.config)

    def pixel_values(self, images: list[Image.Image]) -> torch.Tensor:
        """[pictures, 3, height, width]: what `pictures` makes of the images."""
        return self.pictures(self.config, self.image_processor, images)

    @staticmethod
    def pictures(config: LlavaConfig, image_processor, images: list[Image.Image]) -> torch.Tensor:
        """[pictures, 3, height, width]: for each image the whole first, then its sub-images in reading
        order, which are crops of the image processed at as many times the size (MM1)."""
        g = getattr(config, "mm_sub_images", None)
        whole = image_processor(images, return_tensors="pt")["pixel_values"]
        if not g:
            return whole
        enlarged = {
            name: {k: g * v for k, v in dict(size).items() if isinstance(v, int)}
            for name in ("size", "crop_size")  # SigLIP's processor has no crop
            if (size := getattr(image_processor, name, None)) is not None
        }
        large = image_processor(images, return_tensors="pt", **enlarged)["pixel_values"]
        side = whole.shape[-1]
        crops = large.unfold(2, side, side).unfold(3, side, side)  # [images, 3, g, g, side, side]
        crops = crops.permute(0, 2, 3, 1, 4, 5).flatten(1, 2)
        return torch.cat([whole[:, None], crops], 1).flatten(0, 1)

    def input_ids(self, messages: list[dict], add_generation_prompt: bool = False) -> torch.Tensor:
        """[1, tokens] of a conversation, every image placeholder repeated for its tokens."""
        text = self.tokenizer.apply_chat_template(messages, chat_template=self.chat_template, tokenize=False,
                                                  add_generation_prompt=add_generation_prompt)
        ids = self.tokenizer.encode(text, add_special_tokens=False)
        image = self.config.image_token_id
        return torch.tensor([[t for i in ids for t in ([i] * self.tokens if i == image else [i])]])
