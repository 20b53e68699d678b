"""What a sample shows and says: one to three single pictures on a background, and a caption in one of many forms.

Sample number i of a split depends on (seed, split, i) alone. Pictures are put together on the GPU (`render`) from
the bank; nothing is drawn from a generator there, so that every device makes the same picture up to rounding.
"""

import random
import re
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from .pictures import SHARED
from .tower import PICTURE

SLOTS, TEXTURE = 3, 7
COLORS = {"white": (245, 245, 245), "light gray": (200, 200, 200), "dark gray": (85, 85, 85), "black": (18, 18, 18), "red": (205, 45, 40), "orange": (240, 145, 45),
          "yellow": (245, 220, 80), "green": (70, 160, 75), "dark green": (25, 85, 45), "light blue": (160, 205, 240), "blue": (50, 95, 200), "dark blue": (20, 35, 95),
          "purple": (130, 70, 165), "pink": (245, 170, 195), "brown": (125, 80, 50), "beige": (230, 212, 178)}
PATTERNS = ("plain", "gradient", "striped", "checkered", "cloudy")
INSTRUCTIONS = ("Describe the picture.", "What is in the picture?", "What do you see?", "Write a caption for the image.", "What does the image show?",
                "Describe this image in one sentence.")
PLACES = {(0, 0): "in the top left corner", (0, 1): "at the top", (0, 2): "in the top right corner", (1, 0): "on the left side", (1, 1): "in the center",
          (1, 2): "on the right side", (2, 0): "in the bottom left corner", (2, 1): "at the bottom", (2, 2): "in the bottom right corner"}
ONE = ("{A}.", "{This} {a}.", "A picture of {a}.", "There {is} {a} in the picture.", "The picture shows {a}.", "{A} on {bg}.", "A picture of {a} on {bg}.",
       "The picture shows {a} in front of {bg}.", "{A} {place} of the picture, on {bg}.", "On {bg} there {is} {a}, {place}.", "{A} {place}.")
TOLD = ("{A}", "{A} The background is {color}.")
BESIDE = ("{A} to the left of {b}.", "{B} to the right of {a}.", "On the left there {is} {a}, and on the right there {isb} {b}.", "{A} next to {b}.",
          "{A} and {b} side by side on {bg}.", "A picture of {a} on the left and {b} on the right, on {bg}.")
ABOVE = ("{A} above {b}.", "{B} below {a}.", "At the top there {is} {a}, and at the bottom there {isb} {b}.", "{A} over {b} on {bg}.",
         "A picture of {a} at the top and {b} at the bottom.")
APART = ("{A} {place} and {b} {placeb}.", "The picture shows {a} {place} and {b} {placeb}, on {bg}.", "{A} and {b}.", "A picture of {a} and {b} on {bg}.")
THREE = ("{A}, {b} and {c}.", "From left to right: {a}, {b} and {c}.", "The picture shows {a}, {b} and {c} on {bg}.", "{A} on the left, {b} in the middle and {c} on the right.",
         "There are three things on {bg}: {a}, {b} and {c}.")
FORMS = {"one": ONE, "told": TOLD, "beside": BESIDE, "above": ABOVE, "apart": APART, "three": THREE}


@dataclass
class Sample:
    """What is shown, and how it is said."""

    layout: str  # a key of FORMS
    form: int
    items: list[int]  # numbers in the bank, in the order in which the caption has them
    names: list[str]
    spots: list[tuple[float, float, float, bool]]  # centre x and y, longest side, in shares of the picture; whether mirrored
    cells: list[tuple[int, int]]
    color: str
    pattern: str
    shades: np.ndarray  # [2, 3], 0..1
    texture: np.ndarray  # [49], 0..1
    instruction: str

    def caption(self, form: int | None = None, names: list[str] | None = None) -> str:
        """The caption; in another form or with other names where they are given."""
        names = names or self.names
        plural = [not re.match(r"(an?|the|some) ", n) and re.split(r" (?:with|of|in|on|at) ", n)[0].endswith("s") for n in names]
        pattern = {"plain": "", "gradient": "", "striped": "striped ", "checkered": "checkered ", "cloudy": "cloudy "}[self.pattern]
        bg = f"{'an' if not pattern and self.color[0] in 'aeiou' else 'a'} {pattern}{self.color} background"
        upper = lambda n: n[:1].upper() + n[1:]
        words = {"bg": bg, "color": self.color, "is": "are" if plural[0] else "is", "This": "These are" if plural[0] else "This is", "place": PLACES[self.cells[0]]}
        for letter, name in zip("abc", names):
            words[letter], words[letter.upper()] = name, upper(name)
        if len(names) > 1:
            words["isb"], words["placeb"] = "are" if plural[1] else "is", PLACES[self.cells[1]]
        forms = FORMS[self.layout]
        return forms[(self.form if form is None else form) % len(forms)].format(**words)


class Bank:
    """Which pictures each split may use, by name."""

    def __init__(self, items: list[dict]) -> None:
        self.items = items
        usable = lambda i, split: items[i]["split"] == split and (split == "train" or items[i]["style"] in SHARED)
        self.by_name: dict[str, dict[str, list[int]]] = {"train": {}, "heldout": {}, "scenes": {}}
        for i, item in enumerate(items):
            if not item["phrase"]:
                continue
            if usable(i, "train"):
                self.by_name["train"].setdefault(item["phrase"], []).append(i)
                if item["style"] in SHARED:  # new scenes of known things, in pictures that may be passed on
                    self.by_name["scenes"].setdefault(item["phrase"], []).append(i)
            if usable(i, "heldout"):
                self.by_name["heldout"].setdefault(item["phrase"], []).append(i)
        self.names = {split: sorted(found) for split, found in self.by_name.items()}
        self.told = [i for i, item in enumerate(items) if item["split"] == "train" and item["sentence"]]

    def pick(self, split: str, rng: random.Random) -> tuple[int, str]:
        # Skin tones and flags are many; half of those that come up are drawn again.
        name = rng.choice(self.names[split])
        if (" skin" in name or name.startswith("the flag")) and rng.random() < 0.5:
            name = rng.choice(self.names[split])
        return rng.choice(self.by_name[split][name]), name


def sample(bank: Bank, seed: int, split: str, index: int) -> Sample:
    """Sample `index`. Splits: `train`; `heldout`, one thing of a name that no training picture has; `scenes`, new
    scenes of two or three things whose names were trained."""
    rng = random.Random(f"{seed}/{split}/{index}")
    layout = {"heldout": "one", "scenes": rng.choice(("beside", "above", "apart", "three"))}.get(split)
    if layout is None:
        layout = rng.choices(("one", "told", "beside", "above", "apart", "three"), (40, 6, 14, 12, 10, 18))[0]
    if layout == "told":
        item = rng.choice(bank.told)
        things = [(item, bank.items[item]["sentence"])]
    else:
        things = []
        while len(things) < {"one": 1, "three": 3}.get(layout, 2):
            item, name = bank.pick(split, rng)
            if name not in [n for _, n in things]:
                things.append((item, name))
    jitter = lambda amount: rng.uniform(-amount, amount)
    if layout in ("one", "told"):
        size = rng.uniform(0.42, 0.95)
        room = (1 - size) / 2
        spots = [(0.5 + jitter(room), 0.5 + jitter(room), size)]
        third = lambda v: 0 if v < 0.4 else 2 if v > 0.6 else 1
        cells = [(third(spots[0][1]), third(spots[0][0]))]
    elif layout == "three":
        spots = [(x + jitter(0.03), 0.5 + jitter(0.2), rng.uniform(0.27, 0.36)) for x in (0.18, 0.5, 0.82)]
        cells = [(1, 0), (1, 1), (1, 2)]
    elif layout in ("beside", "above"):
        pair = [(v + jitter(0.02), 0.5 + jitter(0.15), rng.uniform(0.34, 0.48)) for v in (0.26, 0.74)]
        spots = pair if layout == "beside" else [(y, x, s) for x, y, s in pair]
        cells = [(1, 0), (1, 2)] if layout == "beside" else [(0, 1), (2, 1)]
    else:
        cells = rng.sample([(0, 0), (0, 2), (2, 0), (2, 2)], 2)
        spots = [(0.26 + 0.24 * c + jitter(0.02), 0.26 + 0.24 * r + jitter(0.02), rng.uniform(0.32, 0.46)) for r, c in cells]
    color = rng.choice(list(COLORS))
    base = np.array(COLORS[color]) + [jitter(14) for _ in range(3)]
    shades = np.clip(np.stack([base, base + jitter(34)]), 0, 255) / 255
    instruction = "" if split != "train" or rng.random() < 0.5 else rng.choice(INSTRUCTIONS)
    return Sample(layout, rng.randrange(len(FORMS[layout])), [i for i, _ in things], [n for _, n in things],
                  [(*spot, rng.random() < 0.5 and "flag" not in name) for spot, (_, name) in zip(spots, things)], cells, color,
                  rng.choices(PATTERNS, (55, 15, 10, 8, 12))[0], shades.astype(np.float32),
                  np.array([rng.random() for _ in range(TEXTURE**2)], np.float32), instruction)


def table(samples: list[Sample]) -> dict[str, np.ndarray]:
    """What `render` needs of samples, as arrays."""
    n = len(samples)
    found = {"items": np.full((n, SLOTS), -1, np.int64), "spots": np.zeros((n, SLOTS, 4), np.float32), "shades": np.stack([s.shades for s in samples]),
             "texture": np.stack([s.texture for s in samples]), "pattern": np.array([PATTERNS.index(s.pattern) for s in samples])}
    for i, s in enumerate(samples):
        found["items"][i, : len(s.items)] = s.items
        found["spots"][i, : len(s.items)] = [(x, y, size, float(m)) for x, y, size, m in s.spots]
    return found


@torch.no_grad()
def render(bank: torch.Tensor, rows: dict[str, torch.Tensor]) -> torch.Tensor:
    """Pictures [n, 3, 112, 112] as bytes; `bank` [items, 4, side, side] as bytes, colours not multiplied by alpha."""
    n, device, fine = len(rows["items"]), bank.device, 2 * PICTURE
    at = (torch.arange(fine, device=device) + 0.5) / fine
    y, x = at.view(1, fine, 1).expand(n, fine, fine), at.view(1, 1, fine).expand(n, fine, fine)
    clouds = F.interpolate(rows["texture"].view(n, 1, TEXTURE, TEXTURE), size=(fine, fine), mode="bilinear", align_corners=True)[:, 0]
    kinds = torch.stack([torch.zeros_like(clouds), y, ((x + y) * 6 % 1 < 0.5).float(), (((x * 6).floor() + (y * 6).floor()) % 2), clouds])
    mix = kinds[rows["pattern"], torch.arange(n, device=device)][:, None]
    first, second = rows["shades"][:, 0].view(n, 3, 1, 1), rows["shades"][:, 1].view(n, 3, 1, 1)
    canvas = first + (second - first) * mix
    for slot in range(SLOTS):
        item, spot = rows["items"][:, slot], rows["spots"][:, slot]
        there = (item >= 0).nonzero()[:, 0]
        if not len(there):
            continue
        picture = bank[item[there]].float() / 255
        alpha = picture[:, 3:]
        picture = torch.cat([picture[:, :3] * alpha, alpha], 1)
        cx, cy, size, mirrored = spot[there].unbind(1)
        zero, sign = torch.zeros_like(cx), 1 - 2 * mirrored
        theta = torch.stack([torch.stack([sign / size, zero, -sign * (2 * cx - 1) / size], 1), torch.stack([zero, 1 / size, -(2 * cy - 1) / size], 1)], 1)
        drawn = F.grid_sample(picture, F.affine_grid(theta, [len(there), 4, fine, fine], align_corners=False), align_corners=False)
        canvas[there] = canvas[there] * (1 - drawn[:, 3:]) + drawn[:, :3]
    return (F.avg_pool2d(canvas, 2).clamp(0, 1) * 255).round().to(torch.uint8)
