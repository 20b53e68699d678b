"""What a member of the study is told about pictures."""

import random

from ..scenes import CAPTION_PROMPTS, NUMBERS, PLACES, SETTINGS, Scene, caption, conversation, listed

Turns = list[tuple[str, str]]


def described(scene: Scene, detail: str, rng: random.Random) -> Turns:
    """One picture's text: a `conversation` of captions and questions, or a single caption."""
    if detail == "conversation":
        return conversation(scene, rng, 6)
    if detail == "short":
        return [(rng.choice(CAPTION_PROMPTS[2]), caption(scene, 2))]
    style = rng.randrange(2)
    if detail == "long":
        return [(rng.choice(CAPTION_PROMPTS[style]), caption(scene, style))]
    count = len(scene.things)
    verb, plural = ("is", "") if count == 1 else ("are", "s")
    return [(rng.choice(CAPTION_PROMPTS[0]),
             f"A picture {SETTINGS[scene.background]}. There {verb} {NUMBERS[count]} object{plural} in it: "
             f"{listed([t.phrase for t in scene.things])}.")]


def document(first: Scene, second: Scene, rng: random.Random) -> list[str]:
    """The texts of an interleaved document about two pictures. The second refers to the first, and
    neither says everything, as in documents from the web."""
    placed = lambda things: listed([f"{t.phrase} {PLACES[t.cell]}" for t in things])
    some = lambda scene: [t for t in scene.things if rng.random() < 0.7] or [rng.choice(scene.things)]
    also = "again" if first.background == second.background else "now"
    a, b = len(first.things), len(second.things)
    number = "as many objects" if a == b else "more objects" if b > a else "fewer objects"
    return [f"We begin {SETTINGS[first.background]}, with {placed(some(first))}.",
            f"Here we are {also} {SETTINGS[second.background]}, with {number}: {placed(some(second))}."]
