"""Writes the hidden states that transformers gives, to be compared or measured.

    python tools/export_states.py MODEL pairs.jsonl states.safetensors [--num-pairs N]
    mirscope check --model MODEL --against states.safetensors
    mirscope measure --states states.safetensors

Needs torch, transformers 5 and safetensors. MODEL is a folder or an id; a line of pairs.jsonl is
{"image": path, "text": string}, paths relative to the file. The model runs in f32 on the CPU, 16-bit
weights read back, one pair at a time: a user turn with the image, an assistant turn with the text, by the
checkpoint's chat template, or as vicuna_v1 without one. For the tokens of all pairs one after another, the
file holds

    hidden_states.K  [tokens, d], f32   K = 0 (after the image merge) to L (after the final norm)
    hidden_states.L.before_norm         the last layer's output, which the definition `exact` takes
    input_ids        [tokens], i64
    is_vision        [tokens], u8       placeholders of images
    is_text          [tokens], u8       what follows the image and the special tokens at its end
    pair             [tokens], i64      index of the pair

`mirscope measure --export-states` writes the same, and `is_content`: the tokens of the pair's own text alone.
"""

import argparse
import json
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import save_file
from transformers import AutoModelForImageTextToText, AutoProcessor

VICUNA = (
    "A chat between a curious user and an artificial intelligence assistant. The assistant gives "
    "helpful, detailed, and polite answers to the user's questions. USER: {image}\n ASSISTANT: {text}{end}"
)


def prompt_of(processor, text):
    """The prompt of a pair, before its image is expanded."""
    tokenizer = processor.tokenizer
    if getattr(processor, "chat_template", None) is None:
        image = getattr(processor, "image_token", "<image>")
        return VICUNA.format(image=image, text=text, end=tokenizer.eos_token or "</s>")
    # Templates differ in what they take; the first form that renders image and text is the one.
    for user in ([{"type": "image"}], "<image>\n"):
        for said in ([{"type": "text", "text": text}], text):
            chat = [{"role": "user", "content": user}, {"role": "assistant", "content": said}]
            try:
                prompt = processor.apply_chat_template(chat, tokenize=False)
            except Exception:
                continue
            if text.strip() in prompt:
                return prompt
    raise SystemExit("the chat template renders no image with a text")


def masks_of(ids, image_token, special):
    """Which tokens are vision and which are text."""
    vision = ids == image_token
    start = int(vision.nonzero().max()) + 1 if vision.any() else 0
    while start < len(ids) and int(ids[start]) in special:
        start += 1
    text = torch.zeros_like(vision)
    text[start:] = True
    return vision.to(torch.uint8), text.to(torch.uint8)


def final_norm(model):
    """The norm behind the last decoder layer, where it is called as usual."""
    decoder = model.get_decoder() if hasattr(model, "get_decoder") else None
    for part in (decoder, getattr(decoder, "language_model", None), getattr(model, "language_model", None)):
        if getattr(part, "norm", None) is not None:
            return part.norm
    return None


def states_of(model, processor, image, text):
    """All hidden states, ids and masks of one pair, without the batch axis."""
    before, norm = [], final_norm(model)
    hook = norm and norm.register_forward_pre_hook(lambda _, inputs: before.append(inputs[0][0].clone()))
    prompt = prompt_of(processor, text)
    bos = processor.tokenizer.bos_token
    again = {"add_special_tokens": False} if bos and prompt.startswith(bos) else {}
    inputs = processor(text=[prompt], images=[image], return_tensors="pt", **again)
    with torch.no_grad():
        out = model(**inputs, output_hidden_states=True)
    if hook:
        hook.remove()
    ids = inputs["input_ids"][0]
    config = model.config
    image_token = getattr(config, "image_token_id", None) or config.image_token_index
    vision, words = masks_of(ids, image_token, set(processor.tokenizer.all_special_ids))
    tensors = {f"hidden_states.{k}": state[0] for k, state in enumerate(out.hidden_states)}
    if before:
        tensors[f"hidden_states.{len(tensors) - 1}.before_norm"] = before[-1]
    return {**tensors, "input_ids": ids, "is_vision": vision, "is_text": words}


def metadata_of(model, args, prompt, layers, pairs, tokens_by_pair):
    """What the file says of model and pairs; values are texts."""
    summary = {
        "name": str(args.model),
        "architecture": type(model).__name__,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "dtype": "f32",
        "hidden_size": model.config.get_text_config().hidden_size,
        "num_hidden_layers": layers,
    }
    return {
        "format": "pt",
        "states_format": "1",
        "model": json.dumps(summary),
        "data": json.dumps({"source": str(args.pairs), "prompt": prompt}),
        "text_masks": json.dumps({"official": "is_text"}),
        "tokens_by_pair": json.dumps(tokens_by_pair),
        "pairs": "\n".join(pairs),
        "folder": str(args.pairs.parent.resolve()),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("pairs", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--num-pairs", type=int, default=4)
    args = parser.parse_args()
    processor = AutoProcessor.from_pretrained(args.model, backend="pil")
    model = AutoModelForImageTextToText.from_pretrained(
        args.model, dtype=torch.float32, attn_implementation="eager"
    ).eval()
    lines = [line for line in args.pairs.read_text().splitlines() if line.strip()][: args.num_pairs]
    found = []
    for index, line in enumerate(lines):
        pair = json.loads(line)
        image = Image.open(args.pairs.parent / pair["image"]).convert("RGB")
        states = states_of(model, processor, image, pair["text"])
        states["pair"] = torch.full_like(states["input_ids"], index)
        found.append(states)
        print(f"pair {index + 1} of {len(lines)}: {len(states['pair'])} tokens")
    tensors = {name: torch.cat([states[name] for states in found]).contiguous() for name in found[0]}
    layers = max(int(name.split(".")[1]) for name in tensors if name.startswith("hidden_states."))
    template = getattr(processor, "chat_template", None)
    prompt = "chat template, by transformers" if template else "vicuna_v1, for want of a chat template"
    by_pair = [len(states["pair"]) for states in found]
    save_file(tensors, args.out, metadata_of(model, args, prompt, layers, lines, by_pair))


if __name__ == "__main__":
    main()
