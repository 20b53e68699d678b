"""Llama's decoder and CLIP's tower in plain PyTorch, and the files of weights that they read.

Sizes have the names of config.json, weights those of the files; `weight(name, *shape)` gives a parameter.
"""

import ctypes
import json
import math
import struct

import torch
import torch.nn.functional as F

DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


def read_weights(file):
    """The tensors of a safetensors file in f32, by name."""
    with open(file, "rb") as stream:
        (length,) = struct.unpack("<Q", stream.read(8))
        header = json.loads(stream.read(length))
        data = bytearray(stream.read())
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        dtype = DTYPES[entry["dtype"]]
        count = (end - start) // dtype.itemsize
        values = torch.frombuffer(data, dtype=dtype, count=count, offset=start)
        tensors[name] = values.view(entry["shape"]).float()
    return tensors


def write_weights(file, tensors):
    """Writes tensors of f32 as a safetensors file."""
    header, at = {}, 0
    for name, tensor in tensors.items():
        end = at + 4 * tensor.numel()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [at, end]}
        at = end
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    with open(file, "wb") as stream:
        stream.write(struct.pack("<Q", len(head)) + head)
        for tensor in tensors.values():
            tensor = tensor.float().contiguous()
            stream.write(ctypes.string_at(tensor.data_ptr(), 4 * tensor.numel()))


def decoder_sizes(config):
    """The decoder's part of a config.json."""
    return config.get("text_config", config)


def random_weight(device, generator=None):
    """Weights that keep the size of what they multiply; those of norms are 1."""

    def weight(name, *shape):
        if len(shape) == 1:
            return torch.ones(shape, device=device)
        values = torch.randn(shape, device=device, generator=generator)
        return values * math.prod(shape[1:]) ** -0.5

    return weight


def rms_norm(x, weight, eps):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps) * weight


def rotate(x, cos, sin):
    a, b = x.chunk(2, -1)
    return x * cos + torch.cat((-b, a), -1) * sin


class Parameters(torch.nn.Module):
    """A module whose parameters are asked for by their names in the file."""

    def __init__(self, weight):
        super().__init__()
        self.weight = weight

    def own(self, attribute, name, *shape):
        self.register_buffer(attribute, self.weight(name, *shape))


class DecoderLayer(Parameters):
    def __init__(self, sizes, weight, prefix):
        super().__init__(weight)
        hidden, inner = sizes["hidden_size"], sizes["intermediate_size"]
        self.heads, self.kv_heads = sizes["num_attention_heads"], sizes["num_key_value_heads"]
        self.width = sizes.get("head_dim") or hidden // self.heads
        self.eps = sizes["rms_norm_eps"]
        self.own("first_norm", f"{prefix}input_layernorm.weight", hidden)
        self.own("second_norm", f"{prefix}post_attention_layernorm.weight", hidden)
        rows = {"q": self.heads * self.width, "k": self.kv_heads * self.width, "v": self.kv_heads * self.width}
        for part, count in rows.items():
            self.own(part, f"{prefix}self_attn.{part}_proj.weight", count, hidden)
        self.own("o", f"{prefix}self_attn.o_proj.weight", hidden, rows["q"])
        self.own("gate", f"{prefix}mlp.gate_proj.weight", inner, hidden)
        self.own("up", f"{prefix}mlp.up_proj.weight", inner, hidden)
        self.own("down", f"{prefix}mlp.down_proj.weight", hidden, inner)

    def split(self, y, heads):
        return y.view(-1, heads, self.width).transpose(0, 1)

    def repeated(self, y):
        """Keys and values for each of the query's heads, as eager models repeat them."""
        groups = self.heads // self.kv_heads
        y = y[:, None].expand(self.kv_heads, groups, -1, self.width)
        return y.reshape(self.heads, -1, self.width)

    def forward(self, x, cos, sin):
        y = rms_norm(x, self.first_norm, self.eps)
        q = rotate(self.split(F.linear(y, self.q), self.heads), cos, sin)
        k = rotate(self.split(F.linear(y, self.k), self.kv_heads), cos, sin)
        v = self.split(F.linear(y, self.v), self.kv_heads)
        k, v = self.repeated(k), self.repeated(v)
        y = F.scaled_dot_product_attention(q[None], k[None], v[None], is_causal=True)[0]
        x = x + F.linear(y.transpose(0, 1).reshape(-1, self.heads * self.width), self.o)
        y = rms_norm(x, self.second_norm, self.eps)
        return x + F.linear(F.silu(F.linear(y, self.gate)) * F.linear(y, self.up), self.down)


class Decoder(Parameters):
    """A Llama decoder without a cache: the states of all tokens, or with `head` their logits."""

    def __init__(self, sizes, weight, prefix="", head=False):
        super().__init__(weight)
        hidden = sizes["hidden_size"]
        self.eps, self.width = sizes["rms_norm_eps"], sizes.get("head_dim") or hidden // sizes["num_attention_heads"]
        self.theta = (sizes.get("rope_parameters") or sizes)["rope_theta"]
        self.own("embed", f"{prefix}model.embed_tokens.weight", sizes["vocab_size"], hidden)
        self.own("norm", f"{prefix}model.norm.weight", hidden)
        layers = range(sizes["num_hidden_layers"])
        self.layers = torch.nn.ModuleList(
            DecoderLayer(sizes, weight, f"{prefix}model.layers.{layer}.") for layer in layers
        )
        self.head = head

    def forward(self, ids):
        device = self.embed.device
        angles = torch.arange(len(ids), device=device)[:, None] * self.theta ** -(
            torch.arange(0, self.width, 2, device=device) / self.width
        )
        cos, sin = angles.cos().repeat(1, 2), angles.sin().repeat(1, 2)
        x = self.embed[ids]
        for layer in self.layers:
            x = layer(x, cos, sin)
        x = rms_norm(x, self.norm, self.eps)
        return F.linear(x, self.embed) if self.head else x


class TowerLayer(Parameters):
    def __init__(self, sizes, weight, prefix):
        super().__init__(weight)
        hidden, inner = sizes["hidden_size"], sizes["intermediate_size"]
        self.heads, self.eps = sizes["num_attention_heads"], sizes["layer_norm_eps"]
        for part, name, rows, columns in (
            ("q", "self_attn.q_proj", hidden, hidden),
            ("k", "self_attn.k_proj", hidden, hidden),
            ("v", "self_attn.v_proj", hidden, hidden),
            ("o", "self_attn.out_proj", hidden, hidden),
            ("first", "mlp.fc1", inner, hidden),
            ("second", "mlp.fc2", hidden, inner),
        ):
            self.own(part, f"{prefix}{name}.weight", rows, columns)
            self.own(f"{part}_bias", f"{prefix}{name}.bias", rows)
        for norm in ("layer_norm1", "layer_norm2"):
            self.own(norm, f"{prefix}{norm}.weight", hidden)
            self.own(f"{norm}_bias", f"{prefix}{norm}.bias", hidden)

    def forward(self, x):
        hidden = x.shape[-1]
        y = F.layer_norm(x, (hidden,), self.layer_norm1, self.layer_norm1_bias, self.eps)
        parts = ((self.q, self.q_bias), (self.k, self.k_bias), (self.v, self.v_bias))
        split = [F.linear(y, *part).view(-1, self.heads, hidden // self.heads).transpose(0, 1)[None] for part in parts]
        y = F.scaled_dot_product_attention(*split)[0].transpose(0, 1).reshape(-1, hidden)
        x = x + F.linear(y, self.o, self.o_bias)
        y = F.layer_norm(x, (hidden,), self.layer_norm2, self.layer_norm2_bias, self.eps)
        y = F.linear(y, self.first, self.first_bias)
        return x + F.linear(y * torch.sigmoid(1.702 * y), self.second, self.second_bias)


class Tower(Parameters):
    """CLIP's tower up to the state that LLaVA takes, and the connector: features of one image `[3, side, side]`."""

    def __init__(self, config, weight):
        super().__init__(weight)
        sizes = config["vision_config"]
        hidden, patch, text = sizes["hidden_size"], sizes["patch_size"], config["text_config"]["hidden_size"]
        patches = (sizes["image_size"] // patch) ** 2
        self.patch, self.eps = patch, sizes["layer_norm_eps"]
        tower, projector = "vision_tower.", "multi_modal_projector."
        self.own("class_embedding", f"{tower}embeddings.class_embedding", hidden)
        self.own("patches", f"{tower}embeddings.patch_embedding.weight", hidden, 3, patch, patch)
        self.own("positions", f"{tower}embeddings.position_embedding.weight", patches + 1, hidden)
        self.own("norm", f"{tower}pre_layrnorm.weight", hidden)
        self.own("norm_bias", f"{tower}pre_layrnorm.bias", hidden)
        taken = sizes["num_hidden_layers"] + 1 + config["vision_feature_layer"]
        self.layers = torch.nn.ModuleList(
            TowerLayer(sizes, weight, f"{tower}encoder.layers.{layer}.") for layer in range(taken)
        )
        for part, columns in (("linear_1", hidden), ("linear_2", text)):
            self.own(part, f"{projector}{part}.weight", text, columns)
            self.own(f"{part}_bias", f"{projector}{part}.bias", text)

    def forward(self, pixels):
        x = F.conv2d(pixels[None], self.patches, stride=self.patch)[0].flatten(1).T
        x = torch.cat((self.class_embedding[None], x)) + self.positions
        x = F.layer_norm(x, x.shape[-1:], self.norm, self.norm_bias, self.eps)
        for layer in self.layers:
            x = layer(x)
        x = F.gelu(F.linear(x[1:], self.linear_1, self.linear_1_bias))
        return F.linear(x, self.linear_2, self.linear_2_bias)
