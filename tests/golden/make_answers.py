"""Writes answers.json: what transformers answers to the prompts of the golden cases; see README.md.

    python tests/golden/make_answers.py [FOLDER ...]

Reads the cases that the other generators wrote, 16-bit weights as f32. Seeded, so that it writes the same
file again; with names of folders only these are made anew.
"""

import json
import random
import sys
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file
from transformers import (
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    AutoProcessor,
    AutoTokenizer,
    LlamaConfig,
    LlamaForCausalLM,
    LogitsProcessor,
    LogitsProcessorList,
    ProcessorMixin,
)
from transformers.image_utils import load_image
from transformers.models.smolvlm import processing_smolvlm
from transformers.utils import logging

sys.path.insert(0, str(Path(__file__).parent))
from make_images import FamilyLlava  # noqa: E402

HERE = Path(__file__).parent
OTHERS = ["clip_mlp_gqa_tied_f32", "clip_document", "siglip_sharded_biases"]
# With the recipe's own classes.
OURS = ["siglip_document_vicuna", "connectors/attention_pool_moca_bf16"]
# Not in transformers as a whole: its Llama goes on from the embeddings.
COMPOSED = ["llava_original", "vila", "nanovlm"]
STEPS, GAP = 64, 1e-3
QUESTION, ANSWER, AGAIN = "Who stands behind the blue car?", "A cat.", "Is it caf\u00e9 7?"


def cases():
    """The folders, as answers.json names them."""
    found = sorted(HERE.glob("families/*/*/golden.safetensors"))
    return [*(str(path.parent.relative_to(HERE)) for path in found), *OTHERS, *OURS]


def of(name):
    return Path(name).parent.name


def weights(folder):
    """All tensors of the files in a folder, as f32."""
    found = {}
    for path in sorted(folder.iterdir()):
        if path.suffix == ".safetensors" and path.name != "golden.safetensors":
            found |= load_file(path)
        elif path.suffix == ".bin":
            found |= torch.load(path, weights_only=True)
    return {name: value.detach().float() for name, value in found.items()}


def composed(folder):
    """The decoder of a case that is not in transformers, with MoCa at the ends of its layers."""
    home = folder / "llm" if (folder / "llm").exists() else folder
    tensors = weights(folder) | weights(home)
    config = json.loads((home / "config.json").read_text())
    if of(str(folder)) == "nanovlm":
        config, tensors = of_nanovlm(config), {in_llama(name): value for name, value in tensors.items()}
    model = LlamaForCausalLM._from_config(
        LlamaConfig(**{k: v for k, v in config.items() if k not in ["model_type", "architectures", "torch_dtype"]}),
        attn_implementation="eager",
    ).eval()
    tensors.setdefault("model.embed_tokens.weight", tensors["lm_head.weight"])
    names = model.state_dict().keys()
    model.load_state_dict({name: tensors[name] for name in names})
    for i, layer in enumerate(model.model.layers):
        moca = [tensors.get(f"model.layers.{i}.modality_layernorm.{part}") for part in ["scale", "shift"]]
        if moca[0] is not None:
            layer.register_forward_hook(lambda *args, moca=moca: calibrated(model.vision, args[-1], *moca))
    return model


def of_nanovlm(config):
    """nanoVLM's configuration of its decoder in Llama's words."""
    names = dict(hidden_size="hidden_dim", intermediate_size="inter_dim", rms_norm_eps="rms_eps", rope_theta="re_base",
                 max_position_embeddings="max_position_embeddings", vocab_size="vocab_size",
                 num_attention_heads="n_heads", num_key_value_heads="n_kv_heads", num_hidden_layers="n_blocks")
    return {name: config[f"lm_{own}"] for name, own in names.items()}


def in_llama(name):
    """A tensor of nanoVLM's decoder in Llama's words; the head is the embedding, too."""
    name = name.replace("decoder.head", "lm_head").replace("decoder.token_embedding", "model.embed_tokens")
    name = name.replace("decoder.norm", "model.norm").replace("decoder.blocks", "model.layers")
    name = name.replace("norm1", "input_layernorm").replace("norm2", "post_attention_layernorm")
    return name.replace(".attn.out_proj", ".self_attn.o_proj").replace(".attn.", ".self_attn.")


def calibrated(vision, states, scale, shift):
    """MoCa over the image tokens, which stand in the prompt alone."""
    if states.shape[1] > 1:
        states = states.clone()
        states[:, vision] = scale * states[:, vision] + shift
    return states


def opened(name):
    """The model of a case."""
    folder = HERE / name
    if of(name) in COMPOSED:
        return composed(folder)
    kind = AutoModelForCausalLM if of(name) == "decoder" else AutoModelForImageTextToText
    if name in OURS:
        kind = FamilyLlava
    return kind.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()


def inputs(name, model, golden, ids):
    """What the model takes for the case's prompt, or for one that goes on behind it."""
    more = ids[len(golden["input_ids"]):]
    if of(name) in COMPOSED:
        model.vision = golden["input_ids"] == -200
        model.vision = model.vision.nonzero()[:, 0]
        behind = model.get_input_embeddings()(torch.tensor(more, dtype=torch.int64))
        return {"inputs_embeds": torch.cat([golden["inputs_embeds"], behind])[None]}
    ids = torch.tensor(ids)[None]
    given = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    if "pixel_values" not in golden:
        return given | ({"token_type_ids": torch.zeros_like(ids)} if of(name) == "gemma3" else {})
    pixels = golden["pixel_values"]
    whole = {"idefics3": 5, "smolvlm": 5, "llava_next": 5, "llava_onevision": 5}.get(of(name), 4)
    if not of(name).startswith("qwen"):
        pixels = pixels[None] if pixels.dim() < whole else pixels
    given["pixel_values"] = pixels
    extra = ["image_grid_thw", "image_sizes", "batch_num_images", "pixel_attention_mask"]
    given |= {key: golden[key] for key in extra if key in golden}
    if "pixel_attention_mask" in given:
        given["pixel_attention_mask"] = given["pixel_attention_mask"][None]
    image = ids == model.config.image_token_id
    if of(name) == "gemma3":
        given["token_type_ids"] = image.long()
    if of(name) == "paligemma":
        given["token_type_ids"] = torch.zeros_like(ids)
    if of(name).startswith("qwen"):
        given["mm_token_type_ids"] = image.long()
    return given


def check(name, model, golden):
    """The golden pass once more: the model and its inputs are those of the case."""
    given = inputs(name, model, golden, golden["input_ids"].tolist())
    if of(name) == "paligemma":
        # There with a text that is learned, which sees what stands before it alone.
        content = int(golden["text_content"][0])
        given["token_type_ids"][0, content:] = 1
    with torch.no_grad():
        logits = model(**given, use_cache=False).logits[0, -1]
    off = float((logits - golden["logits"]).abs().max() / golden["logits"].abs().max())
    assert off < 1e-5, f"{name}: the logits are off by {off}"


class Led(LogitsProcessor):
    """Leaves one token at each step."""

    def __init__(self, tokens):
        self.tokens, self.told = tokens, 0

    def __call__(self, input_ids, scores):
        only = torch.full_like(scores, -torch.inf)
        only[:, self.tokens[self.told]] = 0.0
        self.told += 1
        return only


def answer(name, model, golden, suffix, led=()):
    """The likeliest tokens, the logarithms of their probabilities, and the smallest distance between the two
    best logits. Each is chosen behind those before it, or behind those that it is `led` along."""
    given = inputs(name, model, golden, golden["input_ids"].tolist() + suffix)
    with torch.no_grad():
        out = model.generate(
            **given, do_sample=False, use_cache=True, max_new_tokens=len(led) or STEPS, eos_token_id=None,
            pad_token_id=0, output_logits=True, return_dict_in_generate=True,
            logits_processor=LogitsProcessorList([Led(led)] if led else []),
        )
    logits = torch.cat(out.logits)
    best = logits.topk(2).values
    tokens = logits.argmax(-1).tolist()
    assert out.sequences[0][-len(tokens):].tolist() == (list(led) or tokens)
    chances = [round(float(chance), 4) for chance in logits.log_softmax(-1).max(-1).values]
    return tokens, chances, float((best[:, 0] - best[:, 1]).min())


def talk(name, tokenizer, golden, model):
    """The suffix of a prompt whose answer is clear at each step, and the answer. Of a few such ones that with
    the most tokens that differ; where they are few, also what is chosen along tokens at random."""
    words = [token for token in range(len(tokenizer)) if token not in tokenizer.added_tokens_decoder]
    ends = {tokenizer.eos_token_id, getattr(model.config, "image_token_id", None)}
    rng, found = random.Random(name), []
    while len(found) < 4 and not (found and found[-1][0] > 24):
        suffix = rng.choices(words, k=3)
        tokens, chances, gap = answer(name, model, golden, suffix)
        if gap >= 2 * GAP and not ends & set(tokens):
            found.append((len(set(tokens)), suffix, tokens, chances, gap))
    different, suffix, tokens, chances, gap = max(found)
    print(f"{different} different tokens of {STEPS}, the best two {gap:.1e} apart")
    made = {"suffix": suffix, "tokens": tokens, "log_probabilities": chances[::9]}
    gap = 0.0
    while different < 16 and gap < 2 * GAP:
        led = rng.choices(words, k=24)
        chosen, chances, gap = answer(name, model, golden, suffix, led)
        made |= {"led": led, "chosen": chosen}
    return made


def short(ids):
    """Runs of an id as the id and how often it comes."""
    out = []
    for token in ids:
        if out and out[-1][0] == token:
            out[-1][1] += 1
        else:
            out.append([token, 1])
    return [part for token, n in out for part in ([token] * n if n < 3 else [[token, n]])]


def pictures(folder):
    return [load_image(str(path)) for path in sorted(folder.glob("image*.png"))]


def question(name, folder):
    """Ids of a question about the case's images, and of a second one behind an answer, by the family's own
    processor; nothing where there is no template."""
    images = [] if of(name) == "decoder" else pictures(folder)
    maker = AutoTokenizer if of(name) == "decoder" else AutoProcessor
    processor = maker.from_pretrained(folder, **({} if of(name) == "decoder" else {"backend": "pil"}))
    if of(name) == "paligemma":
        ids = processor(images=images, text="<image>" + QUESTION, return_tensors="pt")["input_ids"][0].tolist()
        return {"question": QUESTION, "question_ids": short(ids)}
    if processor.chat_template is None:
        return {}

    def said(role, text, seen=()):
        if of(name) == "decoder":
            return {"role": role, "content": text}
        parts = [{"type": "image", "image": image} for image in seen]
        return {"role": role, "content": [*parts, {"type": "text", "text": text}]}

    first = [said("user", QUESTION, images)]
    second = [*first, said("assistant", ANSWER), said("user", AGAIN)]
    ids = []
    for messages in [first, second]:
        # SmolVLM's own asks for videos first.
        kind = type(processor) if of(name) == "decoder" else ProcessorMixin
        out = kind.apply_chat_template(
            processor, messages, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
        )
        ids.append(short(out["input_ids"][0].tolist()))
    return {"question": QUESTION, "question_ids": ids[0], "answer": ANSWER, "again": AGAIN, "again_ids": ids[1]}


def without_videos():
    """Video processors need torchvision; nothing here asks them."""
    for kind in ["InternVL", "LlavaOnevision", "Qwen2VL", "Qwen2_5_VL", "Qwen3VL", "SmolVLM"]:
        processor = getattr(transformers, f"{kind}Processor")
        processor.get_attributes = classmethod(lambda cls: ["image_processor", "tokenizer"])
    # SmolVLM's wants one and a package for the words of its prompts about videos.
    processor.__init__.__defaults__ = (None, *processor.__init__.__defaults__)
    processing_smolvlm.num2words = str


def main():
    torch.set_num_threads(1)
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    without_videos()
    path = HERE / "answers.json"
    wanted = sys.argv[1:]
    made = json.loads(path.read_text()) if wanted else {}
    for name in cases():
        if wanted and name not in wanted:
            continue
        folder = HERE / name
        golden = load_file(folder / "golden.safetensors")
        model = opened(name)
        check(name, model, golden)
        home = folder / "llm" if (folder / "llm").exists() else folder
        print(name, end=": ", flush=True)
        made[name] = talk(name, AutoTokenizer.from_pretrained(home), golden, model)
        if name.startswith("families/") and of(name) not in COMPOSED:
            made[name] |= question(name, folder)
    lines = [f"{json.dumps(name)}: {json.dumps(made[name], separators=(',', ':'))}" for name in cases() if name in made]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
