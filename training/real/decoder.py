"""The frozen decoder: SmolLM2-135M-Instruct out of a GGUF file, with a forward pass made for training what stands before it.

`index` notes where the tensors stand in the file, so that reading it needs no package; `weights` makes
numbers of their blocks. Products are in `dtype` (bf16 on a GPU), residuals, norms and losses in f32.
"""

import json
import math
from pathlib import Path

import torch
from torch.nn import functional as F

WIDTH, LAYERS, HEADS, KV_HEADS, HEAD, VOCAB = 576, 30, 9, 3, 64, 49152
THETA, EPS = 1e5, 1e-5
NAMES = {"attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj",
         "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj"}


def index(gguf_file: Path) -> dict:
    """Offset, bytes, type and shape (rows first) of each tensor."""
    import gguf

    reader = gguf.GGUFReader(str(gguf_file))
    return {t.name: {"at": int(t.data_offset), "bytes": int(t.n_bytes), "type": t.tensor_type.name, "shape": [int(v) for v in reversed(t.shape)]}
            for t in reader.tensors}


def numbers(data: torch.Tensor, kind: str, shape: list[int]) -> torch.Tensor:
    """A tensor's bytes as f32."""
    if kind == "F32":
        return data.view(torch.float32).view(shape).clone()
    size = {"Q4_1": 20, "Q8_0": 34}[kind]
    blocks = data.view(-1, size)
    half = lambda a, b: blocks[:, a:b].contiguous().view(torch.float16).float()
    if kind == "Q8_0":
        return (half(0, 2) * blocks[:, 2:].contiguous().view(torch.int8).float()).view(shape)
    packed = blocks[:, 4:]
    values = torch.cat([packed & 15, packed >> 4], 1).float()
    return (half(0, 2) * values + half(2, 4)).view(shape)


def weights(gguf_file: Path, where: dict, device: torch.device) -> dict[str, torch.Tensor]:
    """All tensors in f32 under transformers' names. llama.cpp's rows of queries and keys are put back into the
    order in which halves of a head are rotated against each other."""
    data = torch.from_file(str(gguf_file), size=Path(gguf_file).stat().st_size, dtype=torch.uint8)
    found = {}
    for name, t in where.items():
        x = numbers(data[t["at"] : t["at"] + t["bytes"]].to(device), t["type"], t["shape"])
        if name.startswith("blk."):
            _, layer, part, _ = name.split(".")
            if part in ("attn_q", "attn_k"):
                x = x.view(-1, HEAD // 2, 2, WIDTH).transpose(1, 2).reshape(x.shape)
            found[f"layers.{layer}.{NAMES[part]}.weight"] = x
        else:
            found[{"token_embd.weight": "embed_tokens.weight", "output_norm.weight": "norm.weight"}[name]] = x
    return found


def layer(x, past_k, past_v, cos, sin, mask, norm1, qkv, out, norm2, gate_up, down):
    """One layer: the new residual, and the keys and values of its positions. `past_*` [1, heads, n, head] stand before all rows."""
    dtype, rows, count = qkv.dtype, x.shape[0], x.shape[1]
    y = F.linear(F.rms_norm(x, (WIDTH,), norm1, EPS).to(dtype), qkv)
    qk, v = y.view(rows, count, -1, HEAD).transpose(1, 2).split([HEADS + KV_HEADS, KV_HEADS], 1)
    a, b = qk.chunk(2, -1)
    qk = torch.cat([a * cos - b * sin, b * cos + a * sin], -1).to(dtype)
    q, k = qk.split([HEADS, KV_HEADS], 1)
    keys, values = k, v
    if past_k is not None:
        keys, values = (torch.cat([p.expand(rows, -1, -1, -1), own], 2) for p, own in ((past_k, k), (past_v, v)))
    wide = lambda t: t.unsqueeze(2).expand(-1, -1, HEADS // KV_HEADS, -1, -1).flatten(1, 2)
    y = F.scaled_dot_product_attention(q, wide(keys), wide(values), attn_mask=mask, is_causal=mask is None)
    x = x + F.linear(y.transpose(1, 2).flatten(2), out)
    gate, up = F.linear(F.rms_norm(x, (WIDTH,), norm2, EPS).to(dtype), gate_up).chunk(2, -1)
    return x + F.linear(F.silu(gate) * up, down), k, v


class Decoder:
    """The decoder with its weights fixed."""

    def __init__(self, w: dict[str, torch.Tensor], dtype: torch.dtype, layers: int = LAYERS) -> None:
        self.dtype = dtype
        self.embedding = w["embed_tokens.weight"]
        self.head = self.embedding.to(dtype)
        self.norm = w["norm.weight"]
        of = lambda i, name: w[f"layers.{i}.{name}.weight"]
        self.layers = [(of(i, "input_layernorm"), torch.cat([of(i, f"self_attn.{n}_proj") for n in "qkv"]).to(dtype), of(i, "self_attn.o_proj").to(dtype),
                        of(i, "post_attention_layernorm"), torch.cat([of(i, "mlp.gate_proj"), of(i, "mlp.up_proj")]).to(dtype),
                        of(i, "mlp.down_proj").to(dtype)) for i in range(layers)]
        self.masks: dict[tuple[int, int], torch.Tensor] = {}
        self.rotations: dict[tuple[int, int], tuple[torch.Tensor, torch.Tensor]] = {}

    def rotation(self, start: int, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Cosines and sines [count, 32] of positions from `start` on."""
        if (start, count) not in self.rotations:
            inverse = THETA ** (-torch.arange(0, HEAD, 2, dtype=torch.float64) / HEAD)
            angle = torch.arange(start, start + count, dtype=torch.float64)[:, None] * inverse
            self.rotations[start, count] = tuple(t.float().to(self.embedding.device) for t in (angle.cos(), angle.sin()))
        return self.rotations[start, count]

    def mask(self, before: int, count: int) -> torch.Tensor | None:
        """What may be seen where `before` positions stand before all rows; None: the plain causal mask."""
        if before == 0:
            return None
        if (before, count) not in self.masks:
            seen = torch.ones(count, before + count, dtype=torch.bool, device=self.embedding.device).tril(before)
            # Rows of the mask begin at multiples of eight, which the fast kernels ask for.
            room = torch.full((count, -(-(before + count) // 8) * 8), -math.inf, dtype=self.dtype, device=seen.device)
            room[:, : before + count].masked_fill_(seen, 0.0)
            self.masks[before, count] = room[:, : before + count]
        return self.masks[before, count]

    def __call__(self, x: torch.Tensor, past: list | None = None, states: bool = False):
        """Of embeddings [rows, n, 576] the last state before the final norm; with `states` those after each
        layer, the last one after the final norm, behind the embeddings themselves. Rows are padded at their end."""
        before = 0 if past is None else past[0][0].shape[2]
        cos, sin = self.rotation(before, x.shape[1])
        mask, every = self.mask(before, x.shape[1]), [x]
        for i, w in enumerate(self.layers):
            x, *_ = layer(x, *(past[i] if past else (None, None)), cos, sin, mask, *w)
            if states:
                every.append(x if i + 1 < LAYERS else F.rms_norm(x, (WIDTH,), self.norm, EPS))
        return every if states else x

    @torch.no_grad()
    def remember(self, ids: torch.Tensor) -> list:
        """Keys and values of a text that stands before everything, of each layer."""
        x = self.embedding[ids][None]
        cos, sin = self.rotation(0, len(ids))
        found = []
        for w in self.layers:
            x, k, v = layer(x, None, None, cos, sin, None, *w)
            found.append((k, v))
        return found

    def logits(self, x: torch.Tensor) -> torch.Tensor:
        return F.linear(F.rms_norm(x, (WIDTH,), self.norm, EPS).to(self.dtype), self.head)


def write_index(gguf_file: Path, out: Path) -> None:
    out.write_text(json.dumps(index(gguf_file)))
