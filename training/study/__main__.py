"""`python -m training.study`: trains, writes and scores every member; finished ones are kept."""

import argparse
import os
from pathlib import Path

import torch

from ..config import HERE
from ..sprites import fetch_emoji
from .settings import STUDY, TINY, members
from .train import learned


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.study", description=__doc__)
    parser.add_argument("--size", choices=["demo", "toy"], default="demo", help="demo: what ships; toy: seconds, for trying out")
    parser.add_argument("--only", nargs="+", metavar="MEMBER", help="train these and stop")
    parser.add_argument("--out", type=Path, help="where to write; assets/study for what ships, the cache for the toy")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="CPU threads for torch")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    study = STUDY if args.size == "demo" else TINY
    settings = members(study)
    unknown = set(args.only or ()) - {s.name for s in settings}
    if unknown:
        parser.error(f"no member is called {', '.join(sorted(unknown))}; there are {', '.join(s.name for s in settings)}")
    fetch_emoji(study.recipe.downloads)
    chosen = [s for s in settings if not args.only or s.name in args.only]
    for i, setting in enumerate(chosen, 1):
        print(f"[{i}/{len(chosen)}] {setting.name}", flush=True)
        learned(study, setting)
    if args.only:
        return
    from .write import write_study

    out = args.out or (HERE.parent / "assets" / "study" if args.size == "demo" else study.cache / "export")
    write_study(study, settings, out)


if __name__ == "__main__":
    main()
