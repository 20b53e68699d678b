"""Writes the hidden states that transformers gives, for `mirscope check --against`.

    python tools/export_states.py MODEL pairs.jsonl states.safetensors [--num-pairs N]
    mirscope check --model MODEL --against states.safetensors

Needs torch, transformers 5 and safetensors. MODEL is a folder or an id; a line of pairs.jsonl is
{"image": path, "text": string}, paths relative to the file. The model runs in f32 on the CPU, 16-bit
weights read back, one pair at a time: a user turn with the image, an assistant turn with the text, by the
checkpoint's chat template, or as vicuna_v1 without one. For the tokens of all pairs one after another, the
file holds

    hidden_states.K  [tokens, d], f32   K = 0 (after the image merge) to L (after the final norm)
    input_ids        [tokens], i64
    is_vision        [tokens], u8       placeholders of images
    is_text          [tokens], u8       what follows the image and the special tokens at its end
    pair             [tokens], i64      index of the pair
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


def states_of(model, processor, image, text):
    """All hidden states, ids and masks of one pair, without the batch axis."""
    prompt = prompt_of(processor, text)
    bos = processor.tokenizer.bos_token
    again = {"add_special_tokens": False} if bos and prompt.startswith(bos) else {}
    inputs = processor(text=[prompt], images=[image], return_tensors="pt", **again)
    with torch.no_grad():
        out = model(**inputs, output_hidden_states=True)
    ids = inputs["input_ids"][0]
    config = model.config
    image_token = getattr(config, "image_token_id", None) or config.image_token_index
    vision, words = masks_of(ids, image_token, set(processor.tokenizer.all_special_ids))
    tensors = {f"hidden_states.{k}": state[0] for k, state in enumerate(out.hidden_states)}
    return {**tensors, "input_ids": ids, "is_vision": vision, "is_text": words}


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
    folder = str(args.pairs.parent.resolve())
    save_file(tensors, args.out, {"format": "pt", "pairs": "\n".join(lines), "folder": folder})


if __name__ == "__main__":
    main()
