"""The same work in several processes at once: for a GPU, which one small model leaves idle, or a machine of many cores.

What a point's result depends on is the same in one process and in many.
"""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import lru_cache

import torch
from transformers import logging

from .parts import STAGES, lay
from .pictures import lay_piece, pieces
from .run import HEAD, finish, line
from .settings import Papers, Point
from .train import Shared, splits


def _settle(threads: int) -> None:
    torch.set_num_threads(threads)
    logging.set_verbosity_error()
    logging.disable_progress_bar()


@lru_cache(maxsize=1)
def _shared(papers: Papers) -> Shared:
    """Once in every process, when its first point comes."""
    return Shared(papers)


def _finish(papers: Papers, point: Point) -> str:
    return line(point, finish(_shared(papers), point))


def _together(pool: ProcessPoolExecutor, tasks: list[tuple]) -> None:
    """Runs all, says what each returns, and raises the first error after the others have come to their ends."""
    failed = None
    for future in as_completed([pool.submit(*task) for task in tasks]):
        if future.exception() is not None:
            failed = failed or future.exception()
        elif future.result() is not None:
            print(future.result(), flush=True)
    if failed is not None:
        raise failed


def study_in_jobs(papers: Papers, chosen: list[Point], jobs: int, threads: int) -> None:
    """As `run.study`, in `jobs` processes: the decoder beside the pictures, then the points, the longest first."""
    lay(papers, [name for name in STAGES if name != "decoder"])
    context = multiprocessing.get_context("spawn")  # a process that has touched the GPU cannot be forked
    with ProcessPoolExecutor(jobs, context, _settle, (threads,)) as pool:
        pictures = [(lay_piece, papers, *piece) for split, count in splits(papers).items() for piece in pieces(split, count)]
        _together(pool, [(lay, papers), *pictures])
        print(HEAD, flush=True)
        longest = sorted(chosen, key=lambda point: -point.captions(papers))
        _together(pool, [(_finish, papers, point) for point in longest])
