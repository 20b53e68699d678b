"""The world the models are trained on: small scenes with exact captions, questions and answers.

A scene is one to four different objects in the cells of a 3 x 3 grid on a background. Scene number
`index` of a split is a pure function of (seed, split, index): nothing is stored, data streams.

The split is decided by a hash of the scene's content (what stands where, on which background), not
of its number: a held-out scene never occurs in training, whatever the seed or the amount.
"""

import random
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from .sprites import BACKGROUND_VARIANTS, BACKGROUNDS, COLOURS, EMOJI, SHAPES, background, sprite

KINDS = SHAPES + list(EMOJI)  # class k of an object is KINDS[k]
POSITIONS = ["top left", "top", "top right", "left", "center", "right", "bottom left", "bottom", "bottom right"]
PLACES = ["at the top left", "at the top", "at the top right", "on the left", "in the center", "on the right",
          "at the bottom left", "at the bottom", "at the bottom right"]
NUMBERS = ["zero", "one", "two", "three", "four"]
SETTINGS = {"sky": "in the sky", "meadow": "on a meadow", "beach": "at the beach", "night": "at night",
            "snow": "in the snow"}
HELDOUT_SHARE = 10  # one content in this many is held out
QUESTION_TYPES = ["colour", "object", "position", "count", "existence", "background"]


@dataclass(frozen=True)
class Thing:
    """One object: its word, its colour (shapes only) and its cell, 0..8 in reading order."""

    name: str
    colour: str | None
    cell: int

    @property
    def words(self) -> str:
        return f"{self.colour} {self.name}" if self.colour else self.name

    @property
    def phrase(self) -> str:
        return f"{'an' if self.words[0] in 'aeiou' else 'a'} {self.words}"


@dataclass(frozen=True)
class Scene:
    """Objects in reading order, the background, and the seed of what captions do not mention."""

    things: tuple[Thing, ...]
    background: str
    drawing_seed: str

    @property
    def heldout(self) -> bool:
        content = "|".join(f"{t.words}@{t.cell}" for t in self.things) + "|" + self.background
        return zlib.crc32(content.encode()) % HELDOUT_SHARE == 0


def _random_words(rng: random.Random) -> tuple[str, str | None]:
    if rng.random() < 0.5:
        return rng.choice(SHAPES), rng.choice(list(COLOURS))
    return rng.choice(list(EMOJI)), None


def make_scene(seed: int, split: str, index: int) -> Scene:
    """Scene `index` of a split: "heldout" draws only held-out contents, every other split only the rest."""
    rng = random.Random(f"{seed}/{split}/{index}")
    while True:
        count = rng.randint(1, 4)
        words: list = []
        while len(words) < count:
            w = _random_words(rng)
            if w not in words:
                words.append(w)
        cells = sorted(rng.sample(range(9), count))
        things = tuple(Thing(n, c, cell) for (n, c), cell in zip(words, cells))
        scene = Scene(things, rng.choice(BACKGROUNDS), f"{seed}/{split}/{index}/drawing")
        if scene.heldout == (split == "heldout"):
            return scene


# ------------------------------------------------------------------ drawing


def _layout(scene: Scene, size: int) -> tuple[random.Random, list[tuple[int, int, int]]]:
    """Left, top and side of every object's box in pixels."""
    rng = random.Random(scene.drawing_seed)
    boxes = []
    for thing in scene.things:
        side = round(size * rng.uniform(0.22, 0.31))
        row, col = divmod(thing.cell, 3)
        jitter = size * 0.03
        x = size * (col + 0.5) / 3 + rng.uniform(-jitter, jitter) - side / 2
        y = size * (row + 0.5) / 3 + rng.uniform(-jitter, jitter) - side / 2
        boxes.append((min(max(round(x), 0), size - side), min(max(round(y), 0), size - side), side))
    return rng, boxes


def draw(scene: Scene, size: int, cache: Path) -> Image.Image:
    """The picture, RGB, size x size."""
    rng, boxes = _layout(scene, size)
    image = background(scene.background, rng.randrange(BACKGROUND_VARIANTS), size).copy()
    for thing, (x, y, side) in zip(scene.things, boxes):
        picture = sprite(thing.name, thing.colour, side, cache)
        image.paste(picture, (x, y), picture)
    return image


def patch_owner(scene: Scene, size: int, patch: int) -> np.ndarray:
    """For each patch (reading order) the index of the object that covers it, -1 where there is none.

    An object is taken as a disc; a patch belongs to it when the disc covers a quarter of the patch.
    """
    _, boxes = _layout(scene, size)
    grid = size // patch
    steps = 4
    at = (np.arange(grid * steps) + 0.5) * patch / steps
    owner = np.full(grid * grid, -1)
    best = np.full(grid * grid, 0.25)
    for i, (x, y, side) in enumerate(boxes):
        inside = (at[:, None] - y - side / 2) ** 2 + (at[None, :] - x - side / 2) ** 2 < (0.46 * side) ** 2
        share = inside.reshape(grid, steps, grid, steps).mean((1, 3)).ravel()
        owner[share >= best] = i
        best = np.maximum(best, share)
    return owner


# ------------------------------------------------------------------ text


def listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]


def caption(scene: Scene, style: int) -> str:
    """An exact description; style 0 and 1 are full sentences, style 2 only names the objects."""
    count = len(scene.things)
    placed = listed([f"{t.phrase} {PLACES[t.cell]}" for t in scene.things])
    plural = "" if count == 1 else "s"
    if style == 0:
        verb = "is" if count == 1 else "are"
        return (f"A picture {SETTINGS[scene.background]}. There {verb} {NUMBERS[count]} object{plural} in it: "
                f"{placed}.")
    if style == 1:
        return (f"This picture shows {placed}. It was made {SETTINGS[scene.background]} "
                f"and has {NUMBERS[count]} object{plural}.")
    named = listed([t.phrase for t in scene.things])
    return named[0].upper() + named[1:] + "."


CAPTION_PROMPTS = {0: ["", "Describe the picture."], 1: ["", "Tell me about the picture."], 2: ["Name the objects."]}


@dataclass(frozen=True)
class Question:
    """A question with one exact answer; `kind` is one of QUESTION_TYPES."""

    kind: str
    text: str
    answer: str


def answers(kind: str) -> list[str]:
    """Every answer a question of this type can have."""
    return {
        "colour": list(COLOURS),
        "object": [f"{c} {s}" for s in SHAPES for c in COLOURS] + list(EMOJI),
        "position": POSITIONS,
        "count": NUMBERS[1:],
        "existence": ["yes", "no"],
        "background": BACKGROUNDS,
    }[kind]


def ask(scene: Scene, kind: str, rng: random.Random) -> Question | None:
    """A question of this type about the scene; None where the scene allows none."""
    things = scene.things
    if kind == "colour":
        names = [t.name for t in things]
        usable = [t for t in things if t.colour and names.count(t.name) == 1]
        if not usable:
            return None
        t = rng.choice(usable)
        return Question(kind, f"What color is the {t.name}?", t.colour)
    if kind == "object":
        t = rng.choice(things)
        return Question(kind, f"What is {PLACES[t.cell]}?", t.words)
    if kind == "position":
        t = rng.choice(things)
        return Question(kind, f"Where is the {t.words}?", POSITIONS[t.cell])
    if kind == "count":
        return Question(kind, "How many objects are there?", NUMBERS[len(things)])
    if kind == "existence":
        present = {(t.name, t.colour) for t in things}
        if rng.random() < 0.5:
            t = rng.choice(things)
            return Question(kind, f"Is there {t.phrase}?", "yes")
        shapes = [t for t in things if t.colour]
        while True:
            if shapes and rng.random() < 0.5:  # near miss: the right shape in another colour
                name, colour = rng.choice(shapes).name, rng.choice(list(COLOURS))
            else:
                name, colour = _random_words(rng)
            if (name, colour) not in present:
                return Question(kind, f"Is there {Thing(name, colour, 0).phrase}?", "no")
    if kind == "background":
        return Question(kind, "What is the background?", scene.background)
    raise KeyError(kind)


def conversation(scene: Scene, rng: random.Random, questions: int) -> list[tuple[str, str]]:
    """(user text, assistant text) turns: often a caption first, then questions in random order."""
    turns = []
    if rng.random() < 0.7:
        style = rng.choice([0, 0, 1, 1, 2])
        turns.append((rng.choice(CAPTION_PROMPTS[style]), caption(scene, style)))
    while len(turns) < questions + 1:
        q = ask(scene, rng.choice(QUESTION_TYPES), rng)
        if q:
            turns.append((q.text, q.answer))
    if rng.random() < 0.5:
        rng.shuffle(turns)
    return turns
