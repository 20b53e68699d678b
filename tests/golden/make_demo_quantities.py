"""Writes demo_quantities.json: what transformers makes of the first pairs of the demo, for tests/it/engine/extras.rs.

    python make_demo_quantities.py        (PyTorch, transformers, Pillow)

Per decoder layer, the last one before the final norm: how far the text tokens' states move without the image, the cosine
of both, and the mean entropy of softmax(W_U norm(h)) of the vision tokens.
"""

import json
from pathlib import Path

import torch
from PIL import Image
from transformers import AutoProcessor, LlavaForConditionalGeneration

PAIRS = 4
ROOT = Path(__file__).resolve().parents[2] / "assets" / "demo"


def main() -> None:
    model = LlavaForConditionalGeneration.from_pretrained(ROOT / "model", dtype=torch.float32).eval()
    processor = AutoProcessor.from_pretrained(ROOT / "model")
    decoder, image_id = model.model.language_model, model.config.image_token_id
    before_norm: list[torch.Tensor] = []
    decoder.norm.register_forward_pre_hook(lambda _, args: before_norm.append(args[0]))
    distances, cosines, entropies = [], [], []
    for line in (ROOT / "pairs.jsonl").read_text().splitlines()[:PAIRS]:
        pair = json.loads(line)
        turns = [{"role": "user", "content": [{"type": "image"}]},
                 {"role": "assistant", "content": [{"type": "text", "text": pair["text"]}]}]
        inputs = processor(text=processor.apply_chat_template(turns), images=Image.open(ROOT / pair["image"]).convert("RGB"),
                           return_tensors="pt", add_special_tokens=False)
        ids = inputs["input_ids"][0]
        vision = ids == image_id
        first = int(vision.nonzero()[-1]) + 1
        before_norm.clear()
        with torch.no_grad():
            both = [model(**inputs, output_hidden_states=True),
                    decoder(input_ids=ids[~vision][None], output_hidden_states=True)]
            states = [[*out.hidden_states[1:-1], last] for out, last in zip(both, before_norm)]
            changes, spreads = [], []
            for h, other in zip(*states):
                text, moved = h[0, first:].double(), other[0, first - int(vision.sum()):].double()
                changes.append(torch.stack([(text - moved).norm(dim=1) / text.norm(dim=1),
                                            torch.cosine_similarity(text, moved, dim=1)]))
                before = list(before_norm)
                logits = model.lm_head(decoder.norm(h[0, vision])).double()
                before_norm[:] = before
                spreads.append(torch.special.entr(logits.softmax(-1)).sum(-1))
        distances.append(torch.stack([change[0] for change in changes]))
        cosines.append(torch.stack([change[1] for change in changes]))
        entropies.append(torch.stack(spreads))
    found = {"image-effect-distance": distances, "image-effect-cosine": cosines, "logit-lens-entropy": entropies}
    values = {name: torch.cat(rows, 1).mean(1).tolist() for name, rows in found.items()}
    Path(__file__).with_name("demo_quantities.json").write_text(json.dumps(values, indent=1) + "\n")


main()
