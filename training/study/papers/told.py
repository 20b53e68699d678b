"""What the decoder reads before it ever sees a picture: text alone.

Prose; captions; and scenes told in sentences, followed by captions and questions about them. A
scene is told as people tell things: in any order, in different words, some of it twice, with other
talk between. So the decoder learns to find in a long, unordered text what it is asked for, which is
what it must do with image tokens later; but it has read nothing in the place of an image, no
placeholder and no vector that is not a word's.
"""

import random

from ...scenes import CAPTION_PROMPTS, PLACES, POSITIONS, SETTINGS, Scene, Thing, caption, conversation
from .prose import prose
from .settings import Papers

Turns = list[tuple[str, str]]

THERE = ["There is {a} {place}.", "{A} is {place}.", "{Place} there is {a}.", "{Place} one sees {a}.", "{A}, {place}.",
         "{Place}: {a}.", "Look, {a} {place}!", "The {words} is {place}.", "We see {a} {place}.", "{words}, {position}."]
BEHIND = ["The picture was made {setting}.", "It is {setting}.", "The background is {background}.", "All of it is {setting}.",
          "Behind everything: {background}.", "{background}.", "{Setting} one sees this.", "We are {setting}."]


def about_thing(thing: Thing, rng: random.Random) -> str:
    place = PLACES[thing.cell]
    upper = lambda text: text[0].upper() + text[1:]
    return rng.choice(THERE).format(a=thing.phrase, A=upper(thing.phrase), place=place, Place=upper(place),
                                    words=thing.words, position=POSITIONS[thing.cell])


def about_background(scene: Scene, rng: random.Random) -> str:
    setting = SETTINGS[scene.background]
    return rng.choice(BEHIND).format(setting=setting, Setting=setting[0].upper() + setting[1:], background=scene.background)


def retold(scene: Scene, rng: random.Random) -> str:
    """A scene in sentences of many forms and any order; everything is said once or more."""
    told = [about_thing(t, rng) for t in scene.things for _ in range(rng.choice([1, 1, 2, 3]))]
    told += [about_background(scene, rng) for _ in range(rng.choice([1, 1, 2, 3, 4]))]
    if rng.random() < 0.2:
        told += prose(rng, rng.randint(1, 2)).split(". ")[:1]
    rng.shuffle(told)
    return " ".join(told)


def description(scene: Scene, rng: random.Random) -> str:
    """A scene in words: an orderly caption, or retold."""
    return caption(scene, rng.randrange(2)) if rng.random() < 0.15 else retold(scene, rng)


def reading(scene: Scene, rng: random.Random) -> Turns:
    """A description in the user's first turn, then captions and questions about it."""
    turns = conversation(scene, rng, 6)
    turns[0] = (description(scene, rng) + "\n" + turns[0][0], turns[0][1])
    return turns


def text(papers: Papers, scene: Scene, rng: random.Random) -> tuple[Turns, bool]:
    """One text to learn from, and whether all of it is scored or only what the assistant says."""
    kind = rng.random()
    if kind < papers.prose_share:
        return [("", prose(rng, rng.randint(*papers.prose_sentences)))], True
    if kind < papers.prose_share + papers.caption_share:
        style = rng.randrange(3)
        return [(rng.choice(CAPTION_PROMPTS[style]), caption(scene, style))], True
    return reading(scene, rng), False
