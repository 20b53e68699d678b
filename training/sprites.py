"""What can stand in a scene: coloured shapes (drawn here) and emoji (from npm), and the backgrounds.

Everything is drawn large and scaled down, so edges are anti-aliased. The emoji pictures come from
the npm package `emoji-datasource-google` (Apache-2.0), fetched by name on first use.
"""

import json
import math
import random
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

EMOJI_PACKAGE = "emoji-datasource-google"
EMOJI_VERSION = "16.0.0"

COLOURS = {
    "red": (228, 48, 52),
    "orange": (247, 143, 30),
    "yellow": (250, 214, 40),
    "green": (52, 168, 83),
    "blue": (45, 108, 223),
    "purple": (134, 72, 190),
    "pink": (246, 130, 184),
    "black": (36, 36, 44),
}
SHAPES = ["circle", "square", "triangle", "star", "heart", "diamond", "cross", "ring"]

# word used in captions -> short name in the emoji package
EMOJI = {
    "cat": "cat", "dog": "dog", "rabbit": "rabbit", "fox": "fox_face", "panda": "panda_face",
    "frog": "frog", "pig": "pig", "lion": "lion_face", "monkey": "monkey_face", "penguin": "penguin",
    "owl": "owl", "butterfly": "butterfly", "bee": "bee", "fish": "fish", "whale": "whale",
    "turtle": "turtle", "apple": "apple", "banana": "banana", "strawberry": "strawberry",
    "lemon": "lemon", "carrot": "carrot", "pizza": "pizza", "cake": "cake", "car": "car",
    "bus": "bus", "rocket": "rocket", "airplane": "airplane", "boat": "boat", "bicycle": "bike",
    "house": "house", "tree": "evergreen_tree", "tulip": "tulip", "mushroom": "mushroom",
    "cactus": "cactus", "umbrella": "umbrella", "book": "book", "guitar": "guitar",
    "ball": "soccer", "gift": "gift", "balloon": "balloon",
}
BACKGROUNDS = ["sky", "meadow", "beach", "night", "snow"]
BACKGROUND_VARIANTS = 24


def fetch_emoji(cache: Path) -> Path:
    """Folder with the 64 px emoji PNGs and emoji.json; installs the npm package on first use."""
    package = cache / "npm" / "node_modules" / EMOJI_PACKAGE
    if not (package / "emoji.json").exists():
        npm = shutil.which("npm")
        if npm is None:
            raise SystemExit(
                f"npm is needed once to fetch {EMOJI_PACKAGE}@{EMOJI_VERSION}; install Node.js, "
                f"or unpack that package into {package}"
            )
        (cache / "npm").mkdir(parents=True, exist_ok=True)
        subprocess.run(
            [npm, "install", "--no-save", "--no-audit", "--no-fund", "--prefix", str(cache / "npm"),
             f"{EMOJI_PACKAGE}@{EMOJI_VERSION}"],
            check=True,
        )
    return package


def _polygon(name: str, n: int) -> list:
    """Corner points of a shape in an n x n box."""
    c, r = n / 2, n * 0.46
    if name == "triangle":
        return [(c, n * 0.07), (n * 0.95, n * 0.88), (n * 0.05, n * 0.88)]
    if name == "diamond":
        return [(c, n * 0.03), (n * 0.84, c), (c, n * 0.97), (n * 0.16, c)]
    if name == "star":
        radii = [r, r * 0.42] * 5
        return [(c + q * math.sin(i * math.pi / 5), c - q * math.cos(i * math.pi / 5)) for i, q in enumerate(radii)]
    if name == "heart":
        ts = np.linspace(0, 2 * math.pi, 200)
        x = 16 * np.sin(ts) ** 3
        y = 13 * np.cos(ts) - 5 * np.cos(2 * ts) - 2 * np.cos(3 * ts) - np.cos(4 * ts)
        return [(c + a * n * 0.028, n * 0.46 - b * n * 0.028) for a, b in zip(x, y)]
    raise KeyError(name)


def _shape_mask(name: str, n: int) -> Image.Image:
    mask = Image.new("L", (n, n), 0)
    draw = ImageDraw.Draw(mask)
    if name in ("circle", "ring"):
        draw.ellipse([n * 0.05, n * 0.05, n * 0.95, n * 0.95], fill=255)
        if name == "ring":
            draw.ellipse([n * 0.3, n * 0.3, n * 0.7, n * 0.7], fill=0)
    elif name == "square":
        draw.rounded_rectangle([n * 0.1, n * 0.1, n * 0.9, n * 0.9], radius=n * 0.06, fill=255)
    elif name == "cross":
        draw.rectangle([n * 0.34, n * 0.06, n * 0.66, n * 0.94], fill=255)
        draw.rectangle([n * 0.06, n * 0.34, n * 0.94, n * 0.66], fill=255)
    else:
        draw.polygon(_polygon(name, n), fill=255)
    return mask


@lru_cache(maxsize=None)
def _large(name: str, colour: str | None, cache: Path) -> Image.Image:
    """The object at its largest size, RGBA: a sticker with a white edge for shapes, the picture for emoji."""
    if colour is None:
        package = fetch_emoji(cache)
        table = {e["short_name"]: e["image"] for e in json.loads((package / "emoji.json").read_text())}
        return Image.open(package / "img" / "google" / "64" / table[EMOJI[name]]).convert("RGBA")
    n = 256
    mask = _shape_mask(name, n)
    edge = mask.filter(ImageFilter.MaxFilter(15))
    light = np.array(COLOURS[colour], float)
    ramp = np.linspace(1.10, 0.88, n)[:, None, None]  # a little light from above
    fill = np.clip(light[None, None] * ramp, 0, 255).repeat(n, 1).astype(np.uint8)
    out = Image.new("RGBA", (n, n), (255, 255, 255, 0))
    out.paste(Image.new("RGBA", (n, n), (255, 255, 255, 255)), (0, 0), edge)
    out.paste(Image.fromarray(fill).convert("RGBA"), (0, 0), mask)
    return out


@lru_cache(maxsize=None)
def sprite(name: str, colour: str | None, size: int, cache: Path) -> Image.Image:
    """The object scaled to size x size pixels, RGBA."""
    return _large(name, colour, cache).resize((size, size), Image.Resampling.LANCZOS)


@lru_cache(maxsize=None)
def background(name: str, variant: int, size: int) -> Image.Image:
    """One of the painted variants of a background, RGB, size x size."""
    rng = random.Random(f"background/{name}/{variant}")
    n = size * 3
    top, bottom = {
        "sky": ((120, 186, 240), (212, 236, 252)),
        "meadow": ((186, 226, 246), (214, 240, 226)),
        "beach": ((150, 212, 238), (196, 236, 242)),
        "night": ((22, 26, 66), (62, 58, 116)),
        "snow": ((214, 222, 238), (236, 240, 248)),
    }[name]
    t = np.linspace(0, 1, n)[:, None, None]
    shift = np.array([rng.uniform(-8, 8) for _ in range(3)])
    rows = np.clip(np.array(top) * (1 - t) + np.array(bottom) * t + shift, 0, 255)
    image = Image.fromarray(rows.repeat(n, 1).astype(np.uint8))
    draw = ImageDraw.Draw(image)

    def hill(base: float, height: float, colour: tuple) -> None:
        phase, waves = rng.uniform(0, 6.28), rng.uniform(0.7, 1.5)
        points = [(x, n * (base + height * math.sin(phase + waves * 6.28 * x / n))) for x in range(0, n + 9, 8)]
        draw.polygon(points + [(n, n), (0, n)], fill=colour)

    if name == "sky":
        for _ in range(rng.randint(2, 4)):
            x, y, w = rng.uniform(0, n), rng.uniform(0, n), rng.uniform(0.10, 0.18) * n
            for dx, dy, s in ((-0.6, 0.1, 0.6), (0, 0, 1), (0.7, 0.12, 0.7)):
                draw.ellipse([x + dx * w - s * w * 0.6, y + dy * w - s * w * 0.3,
                              x + dx * w + s * w * 0.6, y + dy * w + s * w * 0.3], fill=(240, 247, 253))
    elif name == "meadow":
        hill(rng.uniform(0.26, 0.34), 0.04, (168, 214, 140))
        hill(rng.uniform(0.48, 0.58), 0.04, (146, 202, 118))
        hill(rng.uniform(0.74, 0.82), 0.03, (124, 188, 100))
    elif name == "beach":
        hill(rng.uniform(0.28, 0.34), 0.004, (96, 188, 214))
        hill(rng.uniform(0.46, 0.56), 0.02, (250, 244, 226))
        hill(rng.uniform(0.58, 0.62), 0.02, (242, 222, 170))
    elif name == "night":
        for _ in range(36):
            x, y, r = rng.uniform(0, n), rng.uniform(0, n), rng.uniform(0.8, 2.4)
            draw.ellipse([x - r, y - r, x + r, y + r], fill=(226, 226, 196))
    elif name == "snow":
        hill(rng.uniform(0.40, 0.50), 0.05, (242, 246, 251))
        hill(rng.uniform(0.68, 0.78), 0.04, (250, 252, 255))
        for _ in range(40):
            x, y, r = rng.uniform(0, n), rng.uniform(0, n), rng.uniform(1.5, 4)
            draw.ellipse([x - r, y - r, x + r, y + r], fill=(255, 255, 255))
    return image.resize((size, size), Image.Resampling.LANCZOS)
