"""Held-out questions with a few answers each to choose from."""

import random
from collections import Counter
from dataclasses import dataclass

import numpy as np

from ..scenes import QUESTION_TYPES, Scene, answers, ask, make_scene
from .settings import Study

MOST = 9  # answers to choose from; a type with more (objects) offers OFFERED of them
OFFERED = 8


@dataclass(frozen=True)
class Choice:
    """A question about held-out scene number `scene` and its possible answers; one is right."""

    scene: int
    kind: str
    text: str
    answers: tuple[str, ...]
    right: int


def offered(scene: Scene, kind: str, answer: str, rng: random.Random) -> list[str]:
    """The answers to choose from: all of the type, or the right one, the scene's other objects, and
    others drawn at random."""
    every = answers(kind)
    if len(every) <= MOST:
        return every
    near = [t.words for t in scene.things if t.words != answer]
    rest = rng.sample([a for a in every if a != answer and a not in near], OFFERED - 1 - len(near))
    chosen = [answer, *near, *rest]
    rng.shuffle(chosen)
    return chosen


def heldout(study: Study) -> list[Scene]:
    """Scenes for scoring: never trained on, and not among the shipped pairs."""
    return [make_scene(study.recipe.seed, "heldout", study.pairs + i) for i in range(study.eval_scenes)]


def questions(study: Study, scenes: list[Scene]) -> list[Choice]:
    """One question of each type about every scene, as far as the scene allows it."""
    rng = random.Random(f"{study.recipe.seed}/choices")
    found = []
    for i, scene in enumerate(scenes):
        for kind in QUESTION_TYPES:
            question = ask(scene, kind, rng)
            if question:
                possible = offered(scene, kind, question.answer, rng)
                found.append(Choice(i, kind, question.text, tuple(possible), possible.index(question.answer)))
    return found


def asked_after_examples(study: Study, asked: list[Choice]) -> list[Choice]:
    """Those that are asked with examples before them: about the first scenes."""
    return [q for q in asked if q.scene < study.shot_scenes]


def chance(asked: list[Choice]) -> dict[str, float]:
    """Share of right answers when guessing uniformly, and when always choosing the answer that is most
    often right among the offered ones."""
    often = Counter((q.kind, q.answers[q.right]) for q in asked)
    common = [max(range(len(q.answers)), key=lambda i: often[q.kind, q.answers[i]]) == q.right for q in asked]
    return {"uniform": round(float(np.mean([1 / len(q.answers) for q in asked])), 4),
            "majority": round(float(np.mean(common)), 4)}
