"""Connectors beside LLaVA's own two-layer MLP: from a picture's patches to image tokens.

All take patch features [pictures, patches, vision width] in reading order and give image tokens
[pictures, tokens, text width]. The type is `mm_projector_type` in config.json; README.md lists keys
and tensor names.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F
from transformers import LlavaConfig


def as_grid(x: torch.Tensor) -> torch.Tensor:
    """[n, patches, c] -> [n, c, side, side]."""
    side = math.isqrt(x.shape[1])
    return x.transpose(1, 2).unflatten(2, (side, side))


def as_rows(x: torch.Tensor) -> torch.Tensor:
    """[n, c, height, width] -> [n, height * width, c]."""
    return x.flatten(2).transpose(1, 2)


class Mlp(nn.Module):
    """`linear` and `mlpNx_gelu`: linear layers, each on its own patch, with GELU between (LLaVA)."""

    def __init__(self, vision: int, text: int, layers: int) -> None:
        super().__init__()
        self.layers = layers
        for i in range(1, layers + 1):
            self.add_module(f"linear_{i}", nn.Linear(vision if i == 1 else text, text))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for i in range(1, self.layers + 1):
            x = self.get_submodule(f"linear_{i}")(x if i == 1 else F.gelu(x))
        return x


class AveragePool(nn.Module):
    """`average_pool`: the mean of neighbouring patches, then a linear layer (MM1, arXiv 2403.09611)."""

    def __init__(self, vision: int, text: int, tokens: int) -> None:
        super().__init__()
        self.side = math.isqrt(tokens)
        self.linear_1 = nn.Linear(vision, text)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear_1(as_rows(F.adaptive_avg_pool2d(as_grid(x), self.side)))


class PixelShuffle(nn.Module):
    """`pixel_shuffle`: `scale` x `scale` neighbouring patches side by side, then a linear layer (Idefics3)."""

    def __init__(self, vision: int, text: int, scale: int) -> None:
        super().__init__()
        self.scale = scale
        self.linear_1 = nn.Linear(vision * scale**2, text)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n, patches, width = x.shape
        s, side = self.scale, math.isqrt(patches) // self.scale
        x = x.view(n, side, s, side, s, width).transpose(2, 3)
        return self.linear_1(x.reshape(n, side**2, s * s * width))


class AttentionPool(nn.Module):
    """`attention_pool`: learned queries that look at the patches once (MM1, arXiv 2403.09611)."""

    def __init__(self, vision: int, text: int, tokens: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Parameter(torch.empty(tokens, vision))
        self.norm = nn.LayerNorm(vision)
        self.q_proj, self.k_proj, self.v_proj = (nn.Linear(vision, vision) for _ in range(3))
        self.out_proj = nn.Linear(vision, text)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.norm(x)
        by_head = lambda t: t.unflatten(-1, (self.heads, -1)).transpose(-2, -3)
        q = by_head(self.q_proj(self.query)).expand(len(x), -1, -1, -1)
        seen = F.scaled_dot_product_attention(q, by_head(self.k_proj(x)), by_head(self.v_proj(x)))
        return self.out_proj(seen.transpose(1, 2).flatten(2))


class ConvNorm(nn.Module):
    """Convolution without bias, layer norm over the channels of each position, SiLU where asked for."""

    def __init__(self, channels: int, out: int, kernel: int, act: bool, groups: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, out, kernel, padding=kernel // 2, groups=groups, bias=False)
        self.bn = nn.LayerNorm(out)  # called bn for the sake of the names in published checkpoints
        self.act = act

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.bn(self.conv(x).movedim(1, -1)).movedim(-1, 1)
        return F.silu(x) if self.act else x


class SqueezeExcitation(nn.Module):
    """Every channel times a gate made from the means of all channels."""

    def __init__(self, channels: int, reduced: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Conv2d(channels, reduced, 1), nn.Conv2d(reduced, channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.fc2(F.silu(self.fc1(x.mean((2, 3), keepdim=True)))).sigmoid()


class Bottleneck(nn.Module):
    """RegNet's block with squeeze-excitation and a depthwise 3 x 3 convolution."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.conv1 = ConvNorm(channels, out, 1, act=True)
        self.conv2 = ConvNorm(out, out, 3, act=True, groups=out)
        self.se = SqueezeExcitation(out, round(channels / 4))
        self.conv3 = ConvNorm(out, out, 1, act=False)
        self.downsample = ConvNorm(channels, out, 1, act=False) if channels != out else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        return F.silu(self.conv3(self.se(self.conv2(self.conv1(x)))) + shortcut)


class CAbstractor(nn.Module):
    """`c_abstractor`: convolutions, adaptive average pooling, convolutions, MLP (Honeybee, arXiv 2312.06742)."""

    def __init__(self, patches: int, vision: int, hidden: int, text: int, tokens: int, depth: int) -> None:
        super().__init__()
        self.pos_emb = nn.Parameter(torch.empty(1, patches, vision))
        stage = lambda first: nn.Sequential(
            *[Bottleneck(first if i == 0 else hidden, hidden) for i in range(depth)])
        self.net = nn.Sequential(stage(vision), nn.AdaptiveAvgPool2d(math.isqrt(tokens)), stage(hidden))
        for stages in (self.net[0], self.net[2]):  # b1, b2, ...: the names in published checkpoints
            stages._modules = type(stages._modules)((f"b{int(k) + 1}", v) for k, v in stages._modules.items())
        self.readout = nn.Sequential(nn.Linear(hidden, text), nn.SiLU(), nn.Linear(text, text))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.readout(as_rows(self.net(as_grid(x + self.pos_emb))))


def initialise(connector: nn.Module, std: float) -> None:
    """The last layer as transformers does with LLaVA's connector: weights normal, biases 0. Layers before it with
    weights of size 1/sqrt(inputs) and queries of size 1: in a narrow model `std`, which is meant for wide ones,
    leaves next to nothing of a patch after some layers, and all queries alike."""
    layers = [m for m in connector.modules() if isinstance(m, (nn.Linear, nn.Conv2d))]
    for layer in layers:
        nn.init.normal_(layer.weight, std=std if layer is layers[-1] else layer.weight[0].numel() ** -0.5)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    for module in connector.modules():
        if isinstance(module, nn.LayerNorm):
            module.reset_parameters()
    if hasattr(connector, "query"):
        nn.init.normal_(connector.query)
    if hasattr(connector, "pos_emb"):
        nn.init.normal_(connector.pos_emb, std=std)


def patches_of(config: LlavaConfig) -> int:
    """Patches of one picture. `mm_image_size` is what the image processor gives; absent: what the tower was trained on."""
    size = getattr(config, "mm_image_size", None) or config.vision_config.image_size
    return (size // config.vision_config.patch_size) ** 2


def tokens_of_picture(config: LlavaConfig) -> int:
    """Image tokens of one picture."""
    kind = getattr(config, "mm_projector_type", "mlp2x_gelu")
    if kind == "pixel_shuffle":
        return patches_of(config) // config.mm_projector_scale**2
    if kind in ("average_pool", "attention_pool", "c_abstractor"):
        return config.mm_projector_tokens
    return patches_of(config)


def make_connector(config: LlavaConfig) -> nn.Module | None:
    """The connector that config.json names, untrained; None where it is LLaVA's own."""
    kind = getattr(config, "mm_projector_type", "mlp2x_gelu")
    vision, text = config.vision_config.hidden_size, config.text_config.hidden_size
    match kind:
        case "mlp2x_gelu":
            return None
        case "linear":
            connector = Mlp(vision, text, 1)
        case "average_pool":
            connector = AveragePool(vision, text, config.mm_projector_tokens)
        case "pixel_shuffle":
            connector = PixelShuffle(vision, text, config.mm_projector_scale)
        case "attention_pool":
            connector = AttentionPool(vision, text, config.mm_projector_tokens, config.mm_projector_heads)
        case "c_abstractor":
            hidden = getattr(config, "mm_projector_hidden_size", None) or vision
            connector = CAbstractor(patches_of(config), vision, hidden, text, config.mm_projector_tokens,
                                    getattr(config, "mm_projector_depth", 3))
        case _ if kind.startswith("mlp") and kind.endswith("x_gelu"):
            connector = Mlp(vision, text, int(kind.removeprefix("mlp").removesuffix("x_gelu")))
        case _:
            raise ValueError(f"config.json: mm_projector_type: expected a type README.md lists, found {kind!r}")
    initialise(connector, config.text_config.initializer_range)
    return connector
