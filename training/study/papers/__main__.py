"""`python -m training.study.papers`: the papers' own protocol, point by point; may be killed and started again at any time."""

import argparse
import os

# Before numpy is loaded: the f64 side of the measure is ten times slower on two threads than on one.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import torch
from transformers import logging

from ...config import CACHE
from ...sprites import fetch_emoji
from .settings import PAPERS, TOY_PAPERS, points


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.study.papers", description=__doc__,
                                     epilog=f"While {CACHE / 'PAUSE'} exists, it waits between two steps.")
    parser.add_argument("--toy", action="store_true", help="the same road in seconds, for tests")
    parser.add_argument("--list", action="store_true", help="say what is finished and stop")
    parser.add_argument("--only", nargs="+", metavar="POINT", help="these points and no others")
    parser.add_argument("--write", action="store_true", help="write the members and the table of what is finished, and stop")
    parser.add_argument("--page", action="store_true", help="write docs/papers-protocol.md from what mirscope has measured, and stop")
    parser.add_argument("--device", choices=["cpu", "cuda"], help="default: a GPU where torch sees one")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads for torch; one is the most efficient")
    parser.add_argument("--jobs", type=int, default=1, help="processes at once: about as many as the cores beside a GPU")
    args = parser.parse_args()
    if args.device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""  # torch has not looked yet
    elif args.device == "cuda" and not torch.cuda.is_available():
        parser.error("--device cuda: torch sees no GPU")
    torch.set_num_threads(args.threads)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    papers = TOY_PAPERS if args.toy else PAPERS
    every = points(papers)
    unknown = set(args.only or ()) - {p.name for p in every}
    if unknown:
        parser.error(f"no point is called {', '.join(sorted(unknown))}; there are {', '.join(p.name for p in every)}")
    chosen = [p for p in every if not args.only or p.name in args.only]

    from .jobs import study_in_jobs
    from .page import write_page
    from .run import status, study
    from .write import write

    if args.list:
        print(status(papers, every))
        return
    if args.page:
        print(write_page())
        return
    fetch_emoji(papers.recipe.downloads)
    if not args.write and args.jobs > 1:
        study_in_jobs(papers, chosen, args.jobs, args.threads)
    elif not args.write:
        study(papers, chosen)
    print(write(papers, every))


if __name__ == "__main__":
    main()
