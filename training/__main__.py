"""`python -m training`: tower, decoder, connector, export; finished stages are kept and not repeated."""

import argparse
import dataclasses
import os
from pathlib import Path

import torch

from .config import HERE, RECIPES


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument("--size", choices=RECIPES, default="demo", help="demo: what ships; toy: seconds, for trying out")
    parser.add_argument("--seed", type=int, help="another seed (kept apart in the cache)")
    parser.add_argument("--out", type=Path, help="where to write; assets/demo for the demo, the cache for all else")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="CPU threads for torch")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    recipe = RECIPES[args.size]
    if args.seed is not None and args.seed != recipe.seed:
        recipe = dataclasses.replace(recipe, seed=args.seed, name=f"{recipe.name}-seed{args.seed}")
    out = args.out or (HERE.parent / "assets" / "demo" if recipe.name == "demo" else recipe.cache / "export")

    from .export import export
    from .sprites import fetch_emoji

    fetch_emoji(recipe.downloads)
    metrics = export(recipe, out)
    trained = metrics["conditions"]["trained"]
    print(f"{out}: questions {trained['accuracy']['all']['value']:.1%}, caption loss {trained['caption_loss']['value']:.3f}; "
          f"all figures in {out / 'README.md'}")


if __name__ == "__main__":
    main()
