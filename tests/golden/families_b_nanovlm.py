"""Golden data of nanoVLM's files; the states come from transformers' own SigLIP and Llama."""

import json
import math

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from tokenizers import AddedToken, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, SiglipVisionConfig, SiglipVisionModel

import families_b as base
import make_golden as golden

# What stands for an image in the ids of the oldest files, which have no placeholder.
IMAGE_ID = -200
IMAGE, GLOBAL = "<|image|>", "<|global_image|>"
TEMPLATE = (
    "{% for turn in messages %}"
    "{{ '<|im_start|>' ~ turn['role'] ~ '\n' ~ turn['content'] ~ '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def make_tokenizer(template):
    pre = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    first = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    end = "<|im_end|>" if template else "<|endoftext|>"
    return base.wrap(base.byte_bpe(first, [], pre), bos_token=first[1] if template else first[0], eos_token=end,
                     pad_token=end, unk_token=first[0])


def extra_tokens(tiles, whole):
    """By attribute, in the order in which they get their ids."""
    extra = {"image_token": IMAGE}
    if whole:
        extra["global_image_token"] = GLOBAL
    for r in range(1, tiles + 1):
        for c in range(1, tiles + 1):
            extra[f"r{r}c{c}"] = f"<row_{r}_col_{c}>"
    return extra


def tensor(picture):
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1).float().div(255)


def plain(picture, size):
    """The picture as the tower's square; the values are not normalized."""
    return tensor(picture.resize((size, size), Image.Resampling.BILINEAR))[None], (1, 1)


def tiled(picture, size, longest, up, whole=True):
    """The whole, then the tiles row by row."""
    width, height = picture.size
    long, short = max(width, height), min(width, height)
    target = longest if up else min(longest, math.ceil(long / size) * size)
    other = max(math.ceil(short * (target / long) / size) * size, size)
    width, height = (target, other) if width >= height else (other, target)
    pixels = tensor(picture.resize((width, height), Image.Resampling.BICUBIC))
    rows, cols = height // size, width // size
    tiles = pixels.reshape(3, rows, size, cols, size).permute(1, 3, 0, 2, 4).reshape(rows * cols, 3, size, size)
    if (rows, cols) == (1, 1) or not whole:
        return tiles, (rows, cols)
    small = torch.nn.functional.interpolate(
        pixels[None], size=(size, size), mode="bilinear", align_corners=False, antialias=True)
    return torch.cat([small, tiles]), (rows, cols)


def image_string(grid, count, whole):
    rows, cols = grid
    text = GLOBAL + IMAGE * count if whole else ""
    if whole and grid == (1, 1):
        return text
    tags = [f"<row_{r}_col_{c}>" for r in range(1, rows + 1) for c in range(1, cols + 1)]
    return text + "".join(tag + IMAGE * count for tag in tags)


# name -> dtype, generation, tower's picture, shuffle, tied, picture size, largest side, enlarged
CASES = {
    "first_f32": (torch.float32, "first", 18, 2, True, (41, 29), None, None),
    # A head of its own.
    "placeholders_f16": (torch.float16, "placeholders", 18, 3, False, (53, 37), None, None),
    # 2 x 3 tiles and the whole.
    "tiles_bf16": (torch.bfloat16, "tiles", 12, 2, True, (53, 30), 36, True),
}


def rename_tower(name):
    name = name.removeprefix("vision_model.")
    for old, new in [
        ("embeddings.patch_embedding.", "patch_embedding.conv."),
        ("embeddings.position_embedding.weight", "patch_embedding.position_embedding"),
        ("encoder.layers.", "blocks."), ("layer_norm1.", "ln1."), ("layer_norm2.", "ln2."), ("self_attn.", "attn."),
        ("post_layernorm.", "layer_norm."),
    ]:
        name = name.replace(old, new)
    return f"vision_encoder.{name}"


def rename_decoder(name):
    name = name.removeprefix("model.")
    for old, new in [
        ("embed_tokens.", "token_embedding."), ("layers.", "blocks."), ("self_attn.o_proj.", "attn.out_proj."),
        ("self_attn.", "attn."), ("input_layernorm.", "norm1."), ("post_attention_layernorm.", "norm2."),
        ("lm_head.", "head."),
    ]:
        name = name.replace(old, new)
    return f"decoder.{name}"


def file_tensors(tower, decoder, projector, tied):
    tensors = {"MP.proj.weight": projector}
    states = {rename_tower(k): v for k, v in tower.state_dict().items()}
    for name, value in states.items():
        if ".attn.q_proj." in name:
            parts = [states[name.replace("q_proj", f"{which}_proj")] for which in "qkv"]
            tensors[name.replace("q_proj", "qkv_proj")] = torch.cat(parts)
        elif ".attn.k_proj." in name or ".attn.v_proj." in name:
            continue
        elif name.endswith("position_embedding"):
            tensors[name] = value[None]
        else:
            tensors[name] = value
    for name, value in decoder.state_dict().items():
        tensors[rename_decoder(name)] = value
    if tied:
        # Of two names of one tensor the writer keeps the first by the alphabet.
        del tensors["decoder.token_embedding.weight"]
    tensors["decoder.rotary_embd.inv_freq"] = decoder.model.rotary_emb.inv_freq.float()
    return {name: value.contiguous() for name, value in sorted(tensors.items())}


def config_of(generation, tower, decoder, shuffle, count, extra, tied, vocabulary, longest, up):
    vit, lm = tower.config, decoder.config
    config = {
        "vit_hidden_dim": vit.hidden_size, "vit_inter_dim": vit.intermediate_size, "vit_patch_size": vit.patch_size,
        "vit_img_size": vit.image_size, "vit_n_heads": vit.num_attention_heads, "vit_dropout": 0.0,
        "vit_n_blocks": vit.num_hidden_layers, "vit_ln_eps": vit.layer_norm_eps, "vit_cls_flag": False,
        "vit_model_type": "google/siglip-base-patch16-224", "lm_hidden_dim": lm.hidden_size,
        "lm_inter_dim": lm.intermediate_size, "lm_rms_eps": lm.rms_norm_eps,
        "lm_re_base": int(lm.rope_parameters["rope_theta"]), "lm_max_position_embeddings": lm.max_position_embeddings,
        "lm_vocab_size": lm.vocab_size, "lm_n_heads": lm.num_attention_heads, "lm_n_kv_heads": lm.num_key_value_heads,
        "lm_dropout": 0.0, "lm_n_blocks": lm.num_hidden_layers, "lm_attn_scaling": 1.0, "lm_max_length": 79,
        "lm_use_tokens": False, "lm_tie_weights": tied, "lm_model_type": "HuggingFaceTB/SmolLM2-135M",
        "lm_tokenizer": "HuggingFaceTB/cosmo2-tokenizer", "mp_pixel_shuffle_factor": shuffle,
        "vlm_load_backbone_weights": True, "vlm_checkpoint_path": "checkpoints", "hf_repo_name": "nanoVLM",
    }
    if generation == "first":
        return {**config, "IMAGE_TOKEN_LENGTH": count, "TOTAL_SEQUENCE_LENGTH": 128, "lm_eos_token_id": 0}
    config.update(lm_tokenizer="HuggingFaceTB/SmolLM2-360M-Instruct", lm_base_vocab_size=vocabulary,
                  extra_token_amount=len(extra), lm_chat_template=TEMPLATE, mp_image_token_length=count,
                  vlm_extra_tokens=extra)
    if longest is not None:
        config.update(max_img_size=longest, resize_to_max_side_len=up)
    return config


def shuffled(states, s):
    side = int(states.shape[1] ** 0.5)
    grid = states.reshape(len(states), side // s, s, side // s, s, -1).transpose(2, 3)
    return grid.reshape(len(states), (side // s) ** 2, -1)


def make_case(name, seed, spec):
    dtype, generation, size, s, tied, shape, longest, up = spec
    folder = base.new_folder("nanovlm", name)
    tokenizer = make_tokenizer(generation != "first")
    base.save_tokenizer(tokenizer, folder, tokenizer_class="GPT2Tokenizer", add_prefix_space=False)
    vocabulary = len(tokenizer)
    extra = {"first": {}, "placeholders": extra_tokens(0, False), "tiles": extra_tokens(4, True)}[generation]
    tokenizer.add_tokens([AddedToken(token, special=True, normalized=False) for token in extra.values()])
    assert list(tokenizer.convert_tokens_to_ids(list(extra.values()))) == list(range(vocabulary, len(tokenizer)))

    torch.manual_seed(seed)
    tower = SiglipVisionModel(SiglipVisionConfig(
        hidden_size=12, intermediate_size=20, num_hidden_layers=2, num_attention_heads=2, image_size=size,
        patch_size=3, vision_use_head=False))
    decoder = LlamaForCausalLM(LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=20, intermediate_size=28, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, max_position_embeddings=300, rms_norm_eps=1e-5, tie_word_embeddings=tied,
        rope_parameters={"rope_type": "default", "rope_theta": 300.0}))
    golden.randomize(tower, seed)
    golden.randomize(decoder, seed + 1000)
    decoder.tie_weights()
    generator = torch.Generator().manual_seed(seed)
    projector = torch.randn((20, 12 * s * s), generator=generator) * 1.3 / (12 * s * s) ** 0.5
    # What the file holds, read as f32.
    projector = projector.to(dtype).float()
    with torch.no_grad():
        for parameter in [*tower.parameters(), *decoder.parameters()]:
            parameter.copy_(parameter.to(dtype).float())
    for model in [tower, decoder]:
        model.set_attn_implementation("eager")
        model.eval()
    stored = {k: v if k.endswith("inv_freq") else v.to(dtype) for k, v in
              file_tensors(tower, decoder, projector, tied).items()}
    metadata = {"decoder.token_embedding.weight": "decoder.head.weight"} if tied else None
    save_file(stored, folder / "model.safetensors", metadata)
    count = (size // 3 // s) ** 2
    path = folder / "config.json"
    config = config_of(generation, tower, decoder, s, count, extra, tied, vocabulary, longest, up)
    path.write_text(json.dumps(config, indent=4))

    text = base.sample_text(seed)
    [picture] = base.write_document(folder, seed, [shape], [text])
    whole = generation == "tiles"
    pixels, grid = plain(picture, size) if longest is None else tiled(picture, size, longest, up, whole)
    recorder = base.Recorder()
    recorder.layers(tower.encoder.layers, "vision_hidden_states")
    recorder.after(tower.post_layernorm, "vision_last")
    with torch.no_grad():
        features = (shuffled(tower(pixels).last_hidden_state, s) @ projector.T).flatten(0, 1)
    tower_states = recorder.close()
    ids, content, official = encode(generation, tokenizer, text, grid, count, whole, len(features))
    image_id = IMAGE_ID if generation == "first" else vocabulary
    with torch.no_grad():
        embeds = decoder.model.embed_tokens(ids.clamp(min=0))
    embeds[ids == image_id] = features
    tensors = base.record(decoder, dict(inputs_embeds=embeds[None]), decoder.model)
    assert torch.equal(tensors["inputs_embeds"], embeds)
    tensors.update(tower_states, image_features=features, input_ids=ids, text_content=content, text_official=official,
                   pixel_values=pixels[0] if len(pixels) == 1 else pixels)
    base.finish(folder, tensors)


def encode(generation, tokenizer, text, grid, count, whole, features):
    """Ids and masks; the image's block ends with its last placeholder."""
    if generation == "first":
        prompt, lead = f"Question:  Answer:{text}{tokenizer.eos_token}", features
        start = prompt.index(text)
    else:
        block = IMAGE * count if generation == "placeholders" else image_string(grid, count, whole)
        turns = [{"role": "user", "content": block}, {"role": "assistant", "content": text}]
        prompt = tokenizer.apply_chat_template(turns, tokenize=False, chat_template=TEMPLATE)
        lead, start = 0, prompt.rindex(text)
    out = tokenizer(prompt, add_special_tokens=False, return_offsets_mapping=True)
    ids = [IMAGE_ID] * lead + out["input_ids"]
    content = [lead + i for i, (a, b) in enumerate(out["offset_mapping"]) if a < start + len(text) and b > start]
    image_id = IMAGE_ID if lead else tokenizer.convert_tokens_to_ids(IMAGE)
    vision = [i for i, token in enumerate(ids) if token == image_id]
    assert len(vision) == features
    return torch.tensor(ids), torch.tensor(content), torch.arange(vision[-1] + 1, len(ids))


SHAPES = [(1, 1), (37, 53), (53, 37), (640, 80), (80, 640), (224, 224), (500, 333), (31, 1000)]


def make_images():
    settings = []
    for size, longest, up, shapes in [
        (224, None, None, SHAPES), (256, None, None, SHAPES[1:4]), (512, 2048, True, [(53, 37), (80, 640), (500, 333)]),
        (32, 128, True, SHAPES), (32, 96, False, [*SHAPES, (32, 32), (33, 20), (96, 97), (64, 31)]),
    ]:
        cases = []
        for width, height in shapes:
            picture = base.pattern(width, height)
            pixels, grid = plain(picture, size) if longest is None else tiled(picture, size, longest, up)
            text = IMAGE * 64 if longest is None else image_string(grid, 64, True)
            case = dict(width=width, height=height, shape=list(pixels.shape), sha256=base.sha(pixels), rows=grid[0],
                        cols=grid[1], placeholders=text.count(IMAGE), text=base.short(text, IMAGE))
            if longest is not None and len(pixels) > 1:
                # The whole is a f32 interpolation, which another order of sums gives other bits.
                case["sha256_tiles"] = base.sha(pixels[1:])
                case["whole_mean"] = float(pixels[0].double().mean())
            cases.append(case)
        entry = dict(vit_img_size=size)
        if longest is not None:
            entry.update(max_img_size=longest, resize_to_max_side_len=up)
        settings.append(dict(settings=entry, mp_image_token_length=64, cases=cases))
    base.write_images("nanovlm", dict(processor="PIL.Image.resize, torch.nn.functional.interpolate", settings=settings))


def make():
    make_images()
    for seed, (name, spec) in enumerate(CASES.items(), start=181):
        make_case(name, seed, spec)
