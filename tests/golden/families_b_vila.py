"""Golden data of VILA 1.5's layout; the states come from transformers' own towers and Llama."""

import json

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    CLIPImageProcessorPil,
    CLIPVisionConfig,
    CLIPVisionModel,
    LlamaConfig,
    LlamaForCausalLM,
    SiglipImageProcessorPil,
    SiglipVisionConfig,
    SiglipVisionModel,
)

import families_b as base
import make_golden as golden

# What stands for an image in the ids; no token of the vocabulary does.
IMAGE_ID = -200
FIRST = ["<unk>", "<s>", "</s>"]


def make_tokenizer():
    """Llama's, with a mark before the first word only, not after special tokens."""
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    fallback = [f"<0x{i:02X}>" for i in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=330, special_tokens=FIRST + fallback)
    tokenizer.train_from_iterator(golden.SENTENCES, trainer)
    data = json.loads(tokenizer.to_str())
    data["added_tokens"] = [t for t in data["added_tokens"] if t["content"] in FIRST]
    tokenizer = Tokenizer.from_str(json.dumps(data))
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return base.wrap(tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>")


class Projector(torch.nn.Module):
    """Squares of 2 x 2 patches side by side, a norm and two layers; or one layer. The squares stand
    column by column, as the code that VILA 1.5 was trained with has it; the later `_fix` has them row by row."""

    def __init__(self, kind, width, d):
        super().__init__()
        self.kind = kind
        linear = torch.nn.Linear
        if kind.startswith("mlp_downsample"):
            self.layers = torch.nn.Sequential(
                torch.nn.Identity(), torch.nn.LayerNorm(4 * width), linear(4 * width, d), torch.nn.GELU(), linear(d, d)
            )
        else:
            self.layers = linear(width, d)

    def forward(self, states):
        if self.kind.startswith("mlp_downsample"):
            side = int(states.shape[1] ** 0.5)
            grid = states.unflatten(1, (side, side))
            grid = torch.nn.functional.pad(grid, (0, 0, 0, side % 2, 0, side % 2))
            count, side, _, width = grid.shape
            grid = grid.reshape(count, side // 2, 2, side // 2, 2, width).transpose(2, 3)
            if self.kind == "mlp_downsample":
                grid = grid.transpose(1, 2)
            states = grid.reshape(count, (side // 2) ** 2, 4 * width)
        return self.layers(states)


def randomize_projector(projector, seed):
    golden.randomize(projector, seed)
    if projector.kind.startswith("mlp_downsample"):
        with torch.no_grad():
            projector.layers[1].weight.add_(1.0)


# name -> dtype, tower, select layer and feature, projector, shards, picture sizes, decoder
CASES = {
    # 5 x 5 patches, made 6 x 6 with zeros.
    "siglip_bf16": (torch.bfloat16, "siglip", dict(image_size=25), (-2, "cls_patch"), "mlp_downsample", None,
                    [(53, 37)], {}),
    "document_f16": (torch.float16, "siglip", dict(image_size=20), (-2, "cls_patch"), "mlp_downsample_2x2_fix", "16KB",
                     [(29, 40), (31, 18)], {}),
    "clip_linear_f32": (torch.float32, "clip", dict(image_size=20, num_hidden_layers=3), (-2, "patch"), "linear", None,
                        [(38, 31)], dict(num_hidden_layers=1)),
}


def write_config(folder, llm, tower, projector, select, d):
    layer, feature = select
    base.write_json(folder / "config.json", {
        "_name_or_path": "./vlm", "architectures": ["LlavaLlamaModel"], "drop_path_rate": 0.0, "hidden_size": d,
        "image_aspect_ratio": "resize", "interpolate_mode": "linear", "llm_cfg": llm,
        "mm_hidden_size": tower["hidden_size"], "mm_projector_cfg": projector, "mm_projector_lr": None,
        "mm_use_im_patch_token": False, "mm_use_im_start_end": False, "mm_vision_select_feature": feature,
        "mm_vision_select_layer": layer, "model_dtype": "torch.bfloat16", "model_type": "llava_llama",
        "num_video_frames": 8, "resume_path": "./vlm", "s2": False, "s2_max_split_size": 336,
        "s2_scales": "336,672,1008", "transformers_version": "4.36.2", "tune_language_model": True,
        "tune_mm_projector": True, "tune_vision_tower": True, "vision_resolution": -1, "vision_tower_cfg": tower,
    })


def sub_config(path, name):
    """A part's configuration as transformers 4 wrote it."""
    config = json.loads(path.read_text())
    if "rope_parameters" in config:
        config["rope_theta"] = config.pop("rope_parameters")["rope_theta"]
    config["torch_dtype"] = config.pop("dtype")
    config["_name_or_path"] = name
    base.write_json(path, config)
    return config


def encode(tokenizer, texts, count):
    """The chunks between images tokenized one by one; image features in between; masks."""
    prompt = golden.VICUNA + texts[0] + "</s>"
    prompt += "".join(f"USER: <image>\n ASSISTANT: {text}</s>" for text in texts[1:])
    ids, content, blocks = [1], [], []
    for i, chunk in enumerate(prompt.split("<image>")):
        if i > 0:
            blocks.append((len(ids), len(ids) + count))
            ids += [IMAGE_ID] * count
        out = tokenizer(chunk, add_special_tokens=False, return_offsets_mapping=True)
        if i > 0:
            start = len("\n ASSISTANT: ")
            stop = start + len(texts[i - 1])
            assert chunk[start:stop] == texts[i - 1]
            content += [len(ids) + k for k, (a, b) in enumerate(out["offset_mapping"]) if a < stop and b > start]
        ids += out["input_ids"]
    after = blocks[0][1]
    official = [i for i in range(after, len(ids)) if ids[i] != IMAGE_ID]
    return torch.tensor(ids), torch.tensor(content), torch.tensor(official)


def make_case(name, seed, spec):
    dtype, kind, tower_kw, select, projector_kind, shard, sizes, text_kw = spec
    folder = base.new_folder("vila", name)
    tokenizer = make_tokenizer()
    d = 16
    llama = LlamaConfig(**{
        **dict(vocab_size=len(tokenizer) + 3, hidden_size=d, intermediate_size=28, num_hidden_layers=2,
               num_attention_heads=2, num_key_value_heads=2, max_position_embeddings=400, rms_norm_eps=1e-5,
               pad_token_id=0),
        **text_kw,
    })
    tower_kw = {**dict(hidden_size=12, intermediate_size=20, num_hidden_layers=2, num_attention_heads=2, patch_size=5),
                **tower_kw}
    if kind == "siglip":
        vision = SiglipVisionModel(SiglipVisionConfig(**tower_kw))
        images = SiglipImageProcessorPil(size={"height": tower_kw["image_size"], "width": tower_kw["image_size"]})
    else:
        vision = CLIPVisionModel(CLIPVisionConfig(**tower_kw, projection_dim=8))
        size = tower_kw["image_size"]
        images = CLIPImageProcessorPil(size={"shortest_edge": size}, crop_size={"height": size, "width": size})
    torch.manual_seed(seed)
    parts = {"llm": LlamaForCausalLM(llama), "vision_tower": vision,
             "mm_projector": Projector(projector_kind, tower_kw["hidden_size"], d)}
    for i, (part, module) in enumerate(parts.items()):
        golden.randomize(module, 10 * seed + i)
        if part == "mm_projector":
            randomize_projector(module, 10 * seed + i)
        module.to(dtype)
    parts["llm"].save_pretrained(folder / "llm", max_shard_size=shard or "1GB")
    base.save_model(vision, folder / "vision_tower", dtype, lambda n: "vision_model." + n.removeprefix("vision_model."))
    (folder / "mm_projector").mkdir()
    save_file(dict(parts["mm_projector"].state_dict()), folder / "mm_projector" / "model.safetensors", {"format": "pt"})
    base.write_json(folder / "mm_projector" / "config.json", {
        "architectures": ["MultimodalProjector"], "dtype": str(dtype).removeprefix("torch."),
        "mm_projector_type": projector_kind, "model_type": "v2l_projector",
    })
    base.save_tokenizer(tokenizer, folder / "llm", tokenizer_class="LlamaTokenizer", legacy=False)
    images.save_pretrained(folder / "vision_tower")
    configs = [sub_config(folder / part / "config.json", f"./{part}") for part in parts]
    write_config(folder, configs[0], configs[1], configs[2], select, d)
    (folder / "llm" / "generation_config.json").unlink()

    texts = [base.sample_text(seed + i, 18 if len(sizes) < 2 else 6) for i in range(len(sizes))]
    pictures = base.write_document(folder, seed, sizes, texts)
    # Read back as f32 from the files.
    llm = LlamaForCausalLM.from_pretrained(folder / "llm", dtype=torch.float32, attn_implementation="eager").eval()
    vision = type(vision).from_pretrained(
        folder / "vision_tower", dtype=torch.float32, attn_implementation="eager").eval()
    projector = parts["mm_projector"].float().eval()
    size = tower_kw["image_size"]
    squares = [picture.resize((size, size)) for picture in pictures]
    pixels = images(images=squares, return_tensors="pt")["pixel_values"]
    assert kind == "clip" or torch.equal(pixels, images(images=pictures, return_tensors="pt")["pixel_values"])
    recorder = base.Recorder()
    recorder.layers(vision.encoder.layers, "vision_hidden_states")
    with torch.no_grad():
        states = vision(pixels, output_hidden_states=True).hidden_states[select[0]]
        features = projector(states[:, 1:] if select[1] == "patch" else states)
    tower_states = recorder.close()
    ids, content, official = encode(tokenizer, texts, features.shape[1])
    with torch.no_grad():
        embeds = llm.model.embed_tokens(ids.clamp(min=0))
    embeds[ids == IMAGE_ID] = features.flatten(0, 1)
    tensors = base.record(llm, dict(inputs_embeds=embeds[None]), llm.model)
    assert torch.equal(tensors["inputs_embeds"], embeds)
    tensors.update(tower_states, image_features=features.flatten(0, 1), input_ids=ids, text_content=content,
                   text_official=official, pixel_values=pixels[0] if len(pixels) == 1 else pixels)
    base.finish(folder, tensors)


SHAPES = [(1, 1), (37, 53), (53, 37), (640, 80), (80, 640), (224, 224), (500, 333), (31, 1000)]


def make_images():
    """As the model's code does it: PIL's own resize first, then the tower's processor."""
    settings = []
    siglip = SiglipImageProcessorPil(size={"height": 384, "width": 384})
    clip = CLIPImageProcessorPil(size={"shortest_edge": 336}, crop_size={"height": 336, "width": 336})
    for images, size in [(siglip, 384), (clip, 336)]:
        cases = []
        for width, height in SHAPES:
            square = base.pattern(width, height).resize((size, size))
            values = images(images=[square], return_tensors="np")["pixel_values"][0]
            cases.append(dict(width=width, height=height, shape=list(values.shape), sha256=base.sha(values)))
        settings.append(dict(settings=json.loads(images.to_json_string()), image_aspect_ratio="resize", cases=cases))
    base.write_images("vila", dict(processor="PIL.Image.resize, SiglipImageProcessorPil or CLIPImageProcessorPil",
                                   settings=settings))


def make():
    make_images()
    for seed, (name, spec) in enumerate(CASES.items(), start=171):
        make_case(name, seed, spec)
