"""The original LLaVA layout: families/llava_original/, see README.md."""

import collections
import json
import pickle
from types import SimpleNamespace

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import (
    CLIPConfig,
    CLIPImageProcessorPil,
    CLIPModel,
    CLIPTextConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
)
from transformers.models.llava.image_processing_pil_llava import LlavaImageProcessorPil

import families_a_common as common
import families_a_vlm as vlm
import make_golden as golden
from make_images import FamilyLlava

IMAGE_TOKEN_INDEX = -200
UNK = 0  # an id that no prompt holds, in the places of the image for the model of transformers
TOWER = "openai/clip-vit-large-patch14-336"


def cases():
    """name -> (keys of config.json, where the weights are, tokens around an image)"""
    return {
        # f16 shards of torch.save; the tower is a whole CLIP in a file of its own.
        "bin_shards": (
            dict(model_type="llava", image_aspect_ratio="pad", mm_projector_type="mlp2x_gelu"), "shards", (),
        ),
        # What is there before MIR is measured of a pre-trained connector: base decoder, tower, connector.
        "connector": (
            dict(model_type="llava_llama", image_aspect_ratio="square", mm_projector_type="mlp2x_gelu"), "parts", (),
        ),
        "connector_moca": (
            dict(model_type="llava_llama", image_aspect_ratio="square", mm_projector_type="mlp2x_gelu",
                 use_moca=True, moca_std=0.02), "old parts", (),
        ),
        # As the trainer writes everything with MoCa: the tower inside, safetensors.
        "full_moca": (
            dict(model_type="llava_llama", image_aspect_ratio="pad", mm_projector_type="mlp2x_gelu",
                 use_moca=True, moca_std=0.02, unfreeze_mm_vision_tower=True), "safetensors", (),
        ),
        # A first version: one linear layer, and tokens around the image.
        "linear_start_end": (
            dict(model_type="llava", mm_use_im_start_end=True, mm_vision_select_feature="cls_patch"), "file",
            ("<im_patch>", "<im_start>", "<im_end>"),
        ),
    }


def original_names(name):
    """A name of transformers' model in memory as LLaVA's code has it."""
    name = name.replace("model.language_model.", "model.")
    name = name.replace("model.vision_tower.", "model.vision_tower.vision_tower.vision_model.")
    name = name.replace("multi_modal_projector.linear_1.", "mm_projector.0.")
    return name.replace("multi_modal_projector.linear_2.", "mm_projector.2.")


def sizes(config):
    """The keys of a flat config.json that describe the decoder."""
    text = config.text_config.to_dict()
    keys = ["bos_token_id", "eos_token_id", "hidden_act", "hidden_size", "initializer_range", "intermediate_size",
            "max_position_embeddings", "num_attention_heads", "num_hidden_layers", "num_key_value_heads",
            "pad_token_id", "pretraining_tp", "rms_norm_eps", "tie_word_embeddings", "use_cache", "vocab_size"]
    rest = {"rope_scaling": None, "torch_dtype": "float16", "transformers_version": "4.31.0"}
    return {**{k: text[k] for k in keys}, **rest}


def write_config(folder, config, keys):
    flat = {
        "_name_or_path": "vicuna", "architectures": ["LlavaLlamaForCausalLM"], **sizes(config),
        "freeze_mm_mlp_adapter": False, "mm_hidden_size": config.vision_config.hidden_size, "mm_resampler_type": None,
        "mm_use_im_patch_token": False, "mm_use_im_start_end": False, "mm_vision_select_feature": "patch",
        "mm_vision_select_layer": -2, "mm_vision_tower": TOWER, "tune_mm_mlp_adapter": False,
        "unfreeze_mm_vision_tower": False, "use_mm_proj": True, **keys,
    }
    golden.write_json(folder / "config.json", dict(sorted(flat.items())))


def dictionary(tensors, ordered=False):
    """As a module's state_dict, with its versions, or as the dict that a shard or a connector is."""
    if not ordered:
        return tensors
    state = collections.OrderedDict(tensors)
    state._metadata = collections.OrderedDict({"": {"version": 1}})
    return state


def save_old(tensors, path):
    """torch.save's form before version 1.6; torch's own writer names storages by their addresses."""
    storages = {}

    class Pickler(pickle.Pickler):
        def persistent_id(self, value):
            if not isinstance(value, torch.storage.TypedStorage):
                return None
            key = str(94 + len(storages)) if value._cdata not in storages else storages[value._cdata][0]
            storages.setdefault(value._cdata, (key, value))
            return ("storage", getattr(torch, value._pickle_storage_type()), key, "cpu", value._size(), None)

    with path.open("wb") as file:
        for part in [0x1950A86A20F9469CFC6C, 1001, {
            "protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4},
        }]:
            pickle.dump(part, file, protocol=2)
        Pickler(file, protocol=2).dump(tensors)
        found = dict(sorted(storages.values(), key=lambda pair: pair[0]))
        pickle.dump(list(found), file, protocol=2)
        for storage in found.values():
            file.write(storage._size().to_bytes(8, "little"))
            file.write(bytes(storage._untyped_storage))


def views(tensors):
    """The same values with storages in common, transposed or only in part: what a file may hold."""
    tensors = {k: v.clone() for k, v in tensors.items()}
    for name in list(tensors):
        if name.endswith("0.self_attn.q_proj.weight"):
            names = [name.replace("q_proj", part) for part in ["q_proj", "k_proj", "v_proj"]]
            together = torch.cat([tensors[part] for part in names])
            pieces = together.split([len(tensors[part]) for part in names])
            tensors.update(zip(names, pieces, strict=True))
        if name.endswith("1.mlp.fc1.weight") or name.endswith("1.mlp.up_proj.weight"):
            tensors[name] = tensors[name].t().contiguous().t()
        if name.endswith("1.layer_norm1.bias"):
            wide = torch.zeros(len(tensors[name]), 3, dtype=tensors[name].dtype)
            wide[:, 1] = tensors[name]
            tensors[name] = wide[:, 1]
    return tensors


def tower_files(folder, vision, tensors, form):
    """A folder of the tower alone: a CLIP or its vision part, with the older keys for pictures."""
    folder.mkdir()
    settings = {
        "crop_size": vision.image_size, "do_center_crop": True, "do_normalize": True, "do_resize": True,
        "feature_extractor_type": "CLIPFeatureExtractor", "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711], "resample": 3, "size": vision.image_size,
    }
    golden.write_json(folder / "preprocessor_config.json", settings)
    section = {k: v for k, v in vision.to_dict().items() if k not in ["transformers_version", "dtype"]}
    if form == "vision":
        golden.write_json(folder / "config.json", {"architectures": ["CLIPVisionModel"], **section})
        if tensors is not None:
            save_file(tensors, folder / "model.safetensors", {"format": "pt"})
        return
    text = CLIPTextConfig(hidden_size=8, intermediate_size=12, num_hidden_layers=1, num_attention_heads=2,
                          vocab_size=9, max_position_embeddings=5, bos_token_id=1, eos_token_id=2)
    clip = CLIPModel(CLIPConfig(text_config=text.to_dict(), vision_config=vision.to_dict(), projection_dim=4))
    golden.randomize(clip.text_model, 7)
    whole = {k: v.detach() for k, v in clip.state_dict().items()}
    assert tensors.keys() <= whole.keys()
    whole |= views(tensors)
    whole["text_model.embeddings.position_ids"] = torch.arange(5)[None]
    positions = len(tensors["vision_model.embeddings.position_embedding.weight"])
    whole["vision_model.embeddings.position_ids"] = torch.arange(positions)[None]
    described = {"hidden_size": 8, "intermediate_size": 12, "model_type": "clip_text_model",
                 "num_attention_heads": 2, "num_hidden_layers": 1, "vocab_size": 9}
    keys = ["hidden_size", "image_size", "intermediate_size", "model_type", "num_attention_heads",
            "num_hidden_layers", "patch_size"]
    golden.write_json(folder / "config.json", {
        "architectures": ["CLIPModel"], "initializer_factor": 1.0, "logit_scale_init_value": 2.6592,
        "model_type": "clip", "projection_dim": 4, "text_config": described, "torch_dtype": "float32",
        "transformers_version": "4.21.3", "vision_config": {k: section[k] for k in keys},
    })
    if form == "old":
        save_old(dictionary(whole, ordered=True), folder / "pytorch_model.bin")
    else:
        torch.save(dictionary(whole, ordered=True), folder / "pytorch_model.bin")


def shards(folder, tensors, count, save):
    """Tensors over `count` files, with the index."""
    ending, stem = ("bin", "pytorch_model") if save is torch.save else ("safetensors", "model")
    files = [f"{stem}-{i:05}-of-{count:05}.{ending}" for i in range(1, count + 1)]
    names = list(tensors)
    cut = [len(names) * i // count for i in range(count + 1)]
    index = {name: files[i] for i in range(count) for name in names[cut[i]:cut[i + 1]]}
    for file in files:
        save({k: tensors[k] for k in names if index[k] == file}, folder / file)
    total = sum(v.numel() * v.element_size() for v in tensors.values())
    golden.write_json(folder / f"{stem}.{ending}.index.json", {"metadata": {"total_size": total}, "weight_map": index})


def write_weights(folder, config, tensors, form):
    """The files of a case; gives the tensors as they are read back, under LLaVA's names."""
    prefix = "model.vision_tower.vision_tower."
    tower = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
    connector = {k: v for k, v in tensors.items() if "mm_projector" in k or "modality_layernorm" in k}
    decoder = {k: v for k, v in tensors.items() if not k.startswith(prefix) and k not in connector}
    half = {k: v.half() for k, v in {**decoder, **connector}.items()}
    written, vision = [], config.vision_config
    if form == "shards":
        shards(folder, views(half), 3, torch.save)
        written = sorted(folder.glob("*.bin"))
        tower_files(folder / "tower", vision, tower, "zip")
    elif form == "file":
        torch.save(dictionary(views(half), ordered=True), folder / "pytorch_model.bin")
        written = [folder / "pytorch_model.bin"]
        tower_files(folder / "tower", vision, {k: v.half() for k, v in tower.items()}, "vision")
    elif form == "safetensors":
        full = {**half, **{prefix + k: v.half() for k, v in tower.items()}}
        shards(folder, full, 2, lambda part, path: save_file(part, path, {"format": "pt"}))
        written = sorted(folder.glob("*.safetensors"))
        tower_files(folder / "tower", vision, None, "vision")
    else:
        llm = folder / "llm"
        llm.mkdir()
        text = {"architectures": ["LlamaForCausalLM"], **sizes(config), "model_type": "llama"}
        golden.write_json(llm / "config.json", text)
        torch.save({k: v.bfloat16() for k, v in connector.items()}, folder / "mm_projector.bin")
        if form == "parts":
            save_file({k: v.half() for k, v in decoder.items()}, llm / "model.safetensors", {"format": "pt"})
            tower_files(folder / "tower", vision, {k: v.half() for k, v in tower.items()}, "vision")
            written = [llm / "model.safetensors"]
        else:
            torch.save({k: torch.nn.Parameter(v.bfloat16()) for k, v in decoder.items()}, llm / "pytorch_model.bin")
            tower_files(folder / "tower", vision, tower, "old")
            written = [llm / "pytorch_model.bin"]
        written.append(folder / "mm_projector.bin")
    back = {}
    for path in [*written, *(folder / "tower").glob("*.bin"), *(folder / "tower").glob("*.safetensors")]:
        part = load_file(path) if path.suffix == ".safetensors" else torch.load(path, weights_only=True)
        mark = prefix if path.parent.name == "tower" else ""
        back |= {mark + k: v.float() for k, v in part.items() if not mark or k in tower}
    assert back.keys() == tensors.keys()
    return back


def make_tokenizer(last):
    """Llama's kind, with the system prompt in few tokens; `last` are added."""
    corpus = 20 * [golden.VICUNA[:-20]]
    tokenizer = common.pieces(["<unk>", "<s>", "</s>"], 400 + len(last), last, corpus=corpus)
    return common.wrap(tokenizer, "<s>", "</s>", unk="<unk>", pad="<unk>")


def encode(tokenizer, around, text, count):
    """Ids of the prompt as LLaVA makes them, the parts around the image each by itself, and its masks."""
    start, end = (around[1], around[2]) if around else ("", "")
    talk = golden.VICUNA.replace("<image>", f"{start}<image>{end}")
    ids = []
    for i, part in enumerate((talk + text + "</s>").split("<image>")):
        found = tokenizer(part)["input_ids"]
        ids += found if i == 0 else [IMAGE_TOKEN_INDEX] * count + found[1:]
    # The same by a tokenizer that knows the placeholder.
    other = make_tokenizer([*around, "<image>"])
    image_id = other.convert_tokens_to_ids("<image>")
    processor = SimpleNamespace(tokenizer=other)
    _, _, tensors = vlm.prompt(processor, [text], [count], image_id, render=lambda texts: talk + texts[0] + "</s>")
    again = torch.where(tensors["input_ids"] == image_id, IMAGE_TOKEN_INDEX, tensors["input_ids"])
    assert again.tolist() == ids
    marks = [tokenizer.convert_tokens_to_ids(token) for token in around]
    after = max(i for i, token in enumerate(ids) if token in [IMAGE_TOKEN_INDEX, *marks]) + 1
    official = [i for i in range(after, len(ids)) if ids[i] not in marks]
    return {"input_ids": again, "text_content": tensors["text_content"], "text_official": torch.tensor(official)}


def make_case(name, seed, spec):
    keys, form, around = spec
    folder = common.fresh("llava_original", name)
    tokenizer = make_tokenizer(around)
    vision = vlm.clip(hidden_size=12, num_attention_heads=2, intermediate_size=18, patch_size=4, image_size=16,
                      projection_dim=4)
    text = LlamaConfig(vocab_size=len(tokenizer), hidden_size=16, intermediate_size=26, num_hidden_layers=2,
                       num_attention_heads=2, num_key_value_heads=2, max_position_embeddings=256, rms_norm_eps=1e-5,
                       pad_token_id=0)
    strategy = "full" if keys.get("mm_vision_select_feature") == "cls_patch" else "default"
    config = LlavaConfig(vision_config=vision, text_config=text, image_token_index=UNK,
                         vision_feature_select_strategy=strategy, use_moca=keys.get("use_moca", False))
    torch.manual_seed(seed)
    llava = FamilyLlava if config.use_moca else LlavaForConditionalGeneration
    model = llava._from_config(config, attn_implementation="eager").eval()
    linear = "mm_projector_type" not in keys
    if linear:
        model.model.multi_modal_projector = golden.LinearProjector(config)
    common.randomize(model, seed)
    names = {k: original_names(k).replace("mm_projector.0.", "mm_projector." if linear else "mm_projector.0.")
             for k in model.state_dict()}
    tensors = {names[k]: v.detach() for k, v in model.state_dict().items()}
    write_config(folder, config, keys)
    back = write_weights(folder, config, tensors, form)
    model.load_state_dict({k: back[names[k]] for k in names})
    home = folder / "llm" if (folder / "llm").exists() else folder
    tokenizer.save_pretrained(home)
    # Without indentation, as the vocabulary is most of a case.
    path = home / "tokenizer.json"
    text = json.dumps(json.loads(path.read_text()), ensure_ascii=False, separators=(",", ":"))
    path.write_text(text + "\n")

    words = golden.SENTENCES[seed % 5][:20] + " 7."
    (picture,) = vlm.write_pictures(folder, seed, [(53, 37)], [words])
    settings = dict(size={"shortest_edge": vision.image_size},
                    crop_size={"height": vision.image_size, "width": vision.image_size})
    maker = CLIPImageProcessorPil(**settings)
    if keys.get("image_aspect_ratio") == "pad":
        picture = to_square(picture, maker.image_mean)
    pixel_values = maker(picture, return_tensors="pt")["pixel_values"]
    count = (vision.image_size // vision.patch_size) ** 2 + (strategy == "full")
    tensors = encode(tokenizer, around, words, count)
    ids = torch.where(tensors["input_ids"] == IMAGE_TOKEN_INDEX, UNK, tensors["input_ids"])
    assert int((ids == UNK).sum()) == count
    inputs = dict(input_ids=ids[None], attention_mask=torch.ones_like(ids)[None], pixel_values=pixel_values)
    tensors |= vlm.vision_states(model, inputs, ids, UNK)
    tensors["pixel_values"] = pixel_values[0]
    common.save_tensors(folder, tensors)
    common.report(folder, f"{count} image tokens of {len(ids)}")


def to_square(picture, mean):
    """The picture in the middle of a square of the mean color, as `image_aspect_ratio` "pad" says."""
    side = max(picture.size)
    canvas = Image.new("RGB", (side, side), tuple(int(255 * value) for value in mean))
    canvas.paste(picture, ((side - picture.width) // 2, (side - picture.height) // 2))
    return canvas


def make_images():
    """Both kinds of preparation, at the published size; padding as transformers' processor does it."""
    settings = dict(size={"shortest_edge": 336}, crop_size={"height": 336, "width": 336})
    padding, plain = LlavaImageProcessorPil(**settings, do_pad=True), CLIPImageProcessorPil(**settings)
    for width, height in vlm.SHAPES:
        picture = vlm.pattern(width, height)
        ours = plain(to_square(picture, plain.image_mean))["pixel_values"][0]
        assert np.array_equal(ours, padding(picture)["pixel_values"][0])
    shapes = [*vlm.SHAPES, (336, 335), (52, 53)]
    vlm.write_images("llava_original", [
        {"image_aspect_ratio": ratio, **vlm.record(maker, shapes, lambda _: "<image>" * 576)}
        for ratio, maker in [("pad", padding), ("square", plain)]
    ])


def main(wanted):
    for seed, (name, spec) in enumerate(cases().items(), start=141):
        if wanted(f"llava_original/{name}"):
            make_case(name, seed, spec)
    if wanted("llava_original/images"):
        make_images()
