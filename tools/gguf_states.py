"""States of a decoder in GGUF format, by transformers with the dequantized weights.

    python tools/gguf_states.py MODEL.gguf FOLDER/CASE "The capital of France is"

writes FOLDER/CASE with a link to the file and golden.safetensors; then

    mirscope check --golden FOLDER --states-only

compares every state and the logits. Needs the packages of tools/requirements.txt.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file
from transformers import AutoModelForCausalLM, AutoTokenizer


def main(file, folder, text):
    file, folder = Path(file).resolve(), Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
    model = AutoModelForCausalLM.from_pretrained(
        file.parent, gguf_file=file.name, dtype=torch.float32, attn_implementation="eager"
    ).eval()
    ids = tokenizer(text)["input_ids"]
    with torch.no_grad():
        out = model(torch.tensor([ids]), output_hidden_states=True)
    found = {f"hidden_states.{k}": state[0].numpy() for k, state in enumerate(out.hidden_states)}
    found["inputs_embeds"] = found.pop("hidden_states.0")
    found["logits"] = out.logits[0, -1].numpy()
    found["input_ids"] = np.array(ids, np.int64)
    save_file({name: np.ascontiguousarray(value) for name, value in found.items()}, folder / "golden.safetensors")
    (folder / "text.txt").write_text(text + "\n")
    link = folder / "model.gguf"
    link.unlink(missing_ok=True)
    link.symlink_to(file)
    best = out.logits[0, -1].topk(5).indices.tolist()
    print(ids, "->", [tokenizer.decode([token]) for token in best])


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
