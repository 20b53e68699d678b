"""Everything that all runs share, made once on the machine that trains: samples, tower features, token ids, held-out sets."""

import io
import json
import multiprocessing
import random
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from .prompts import Prompts
from .samples import Bank, Sample, render, sample, table
from .settings import Study
from .tower import PICTURE, Tower

AT_ONCE = 512  # pictures drawn and seen by the tower at a time
CHOICES = 5


@dataclass
class Given:
    """The folder of what training needs: `model.gguf` and its index, `tower/`, the bank, `tokenizer.json`, `prose.json`."""

    folder: Path

    def json(self, name: str):
        return json.loads((self.folder / name).read_text())


def unpacked(job: tuple[Path, list[dict], int]) -> np.ndarray:
    """Single pictures in the middle of transparent squares [n, 4, side, side]."""
    path, items, side = job
    found = np.zeros((len(items), 4, side, side), np.uint8)
    with open(path, "rb") as file:
        for row, item in zip(found, items):
            file.seek(item["at"])
            picture = np.array(Image.open(io.BytesIO(file.read(item["bytes"]))).convert("RGBA"))
            height, width = picture.shape[:2]
            top, left = (side - height) // 2, (side - width) // 2
            row[:, top : top + height, left : left + width] = picture.transpose(2, 0, 1)
    return found


def made(job: tuple[list[dict], int, range]) -> tuple[dict[str, np.ndarray], list[tuple[str, str]]]:
    """What some training samples show and say."""
    items, seed, numbers = job
    bank = Bank(items)
    some = [sample(bank, seed, "train", i) for i in numbers]
    return table(some), [(s.instruction, s.caption()) for s in some]


class Prepared:
    """Made by processes before a GPU is touched."""

    def __init__(self, given: Given, study: Study, count: int, processes: int) -> None:
        index = given.json("bank.json")
        items = index["items"]
        self.bank = Bank(items)
        parts = lambda n: [range(i, min(i + 4096, n)) for i in range(0, n, 4096)]
        each = lambda work, jobs: list(pool.map(work, jobs))
        with ProcessPoolExecutor(processes, multiprocessing.get_context("fork")) as pool:
            few = [items[i : i + 512] for i in range(0, len(items), 512)]
            self.pictures = np.concatenate(each(unpacked, [(given.folder / "bank.bin", some, index["side"]) for some in few]))
            found = each(made, [(items, study.seed, numbers) for numbers in parts(count)])
        self.table = {k: np.concatenate([t[k] for t, _ in found]) for k in found[0][0]}
        prompts = Prompts(str(given.folder / "tokenizer.json"))
        self.rows = prompts.rows([s for _, said in found for s in said])
        self.before = prompts.before
        self.prose = [prompts.ids(text) for text in given.json("prose.json")[: study.pairs]]
        self.examples = found[0][1][:20]
        self.heldout = Heldout(self.bank, study, prompts)


class Heldout:
    """Held-out pictures, and for each the captions it is scored with."""

    def __init__(self, bank: Bank, study: Study, prompts: Prompts) -> None:
        self.samples: list[Sample] = [sample(bank, study.seed, split, i) for split, n in (("heldout", study.heldout), ("scenes", study.scenes)) for i in range(n)]
        self.sets = {"names": range(study.heldout), "scenes": range(study.heldout, study.heldout + study.scenes)}
        kind = lambda s: bank.items[s.items[0]]["kind"]
        said, picture, self.owner, self.choice = [], [], [], {"caption": [], "name": []}

        def add(i: int, caption: str) -> int:
            said.append(("", caption)), picture.append(i)
            return len(said) - 1

        self.right = [add(i, s.caption()) for i, s in enumerate(self.samples)]
        for numbers in self.sets.values():
            for i in numbers:
                s, rng = self.samples[i], random.Random(f"choice/{i}")
                like = [o for j in numbers if j != i and len((o := self.samples[j]).items) == len(s.items) and not set(o.names) & set(s.names)]
                same = [o for o in like if kind(o) == kind(s)]
                # Another picture's caption in this one's form; and this one's caption with another's names.
                others = {"caption": (o for o in rng.sample(like, len(like))), "name": (o for o in rng.sample(same, len(same)) + rng.sample(like, len(like)))}
                for which, some in others.items():
                    captions, rows = {s.caption()}, []
                    for o in some:
                        caption = s.caption(names=o.names)
                        if which == "caption":
                            caption = o.caption(form=s.form) if o.layout == s.layout else None
                        if caption and caption not in captions and len(rows) < CHOICES - 1:
                            captions.add(caption), rows.append(add(i, caption))
                    self.choice[which].append([self.right[i], *rows] if len(rows) == CHOICES - 1 else None)
        self.picture = np.array(picture)
        self.rows = prompts.rows(said)
        self.said = [c for _, c in said]

    def pairs(self, count: int) -> list[int]:
        """Pictures that are measured: half of either kind."""
        names, scenes = (list(r) for r in self.sets.values())
        return names[: count - count // 2] + scenes[: count // 2]


@torch.no_grad()
def features(tower: Tower, bank: torch.Tensor, rows: dict[str, np.ndarray], keep_pictures: bool = False):
    """Patches [n, 64, 384] of samples in f16; with them their pictures, where asked for."""
    device, count = bank.device, len(rows["items"])
    found = torch.empty(count, (PICTURE // 14) ** 2, 384, dtype=torch.float16, device=device)
    pictures = []
    for i in range(0, count, AT_ONCE):
        drawn = render(bank, {k: torch.from_numpy(v[i : i + AT_ONCE]).to(device) for k, v in rows.items()})
        found[i : i + AT_ONCE] = tower(drawn.float() / 255).half()
        if keep_pictures:
            pictures.append(drawn.cpu())
    return (found, torch.cat(pictures)) if keep_pictures else found
