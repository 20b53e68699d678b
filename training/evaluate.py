"""What the exported folder can do on scenes it has never seen, with intervals and controls.

Everything is measured on the 16-bit folder that ships, upcast to f32. An answer counts as right only
if every one of its tokens, the end token included, is the model's first choice (this is what
greedy decoding would write). Controls: the image blanked (uniform grey through the tower), the
image of another scene, the untrained connector, and chance. Intervals are 95 %: bootstrap over
scenes, so questions about one picture are not taken as independent.
"""

import random
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F
from transformers import AutoProcessor, LlavaForConditionalGeneration

from .chat import IGNORED, Encoder
from .config import Recipe
from .connector import set_projector
from .decoder import bag_embeddings, bags
from .loop import device
from .mir import mir
from .scenes import CAPTION_PROMPTS, KINDS, QUESTION_TYPES, Scene, answers, ask, caption, draw, make_scene
from .sprites import COLOURS
from .tower import features_of, patch_labels

BOOTSTRAP = 2000
GREY = (128, 128, 128)


class Checkpoint:
    """An exported folder, ready to be scored."""

    def __init__(self, folder: Path) -> None:
        self.processor = AutoProcessor.from_pretrained(folder)
        self.model = LlavaForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).to(device()).eval()
        self.encoder = Encoder(self.processor.tokenizer, self.model.config.image_seq_length)

    @torch.no_grad()
    def tower_features(self, images: list[Image.Image]) -> torch.Tensor:
        """Patch features [images, tokens, vision_hidden] by way of the folder's own image processor."""
        config, parts = self.model.config, []
        for i in range(0, len(images), 64):
            x = self.processor.image_processor(images[i : i + 64], return_tensors="pt")["pixel_values"].to(device())
            states = self.model.model.vision_tower(x, output_hidden_states=True).hidden_states
            parts.append(states[config.vision_feature_layer][:, 1:])
        return torch.cat(parts)

    @torch.no_grad()
    def project(self, features: torch.Tensor) -> torch.Tensor:
        return self.model.model.multi_modal_projector(features)

    @torch.no_grad()
    def score(self, turns: list[tuple[str, str]], image: torch.Tensor) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Single-turn conversations with their image embeddings [n, tokens, d]: for each the summed
        loss of the assistant's tokens, their number, and whether all are the model's first choice."""
        loss, count, right = [], [], []
        for i in range(0, len(turns), 64):
            ids, labels = self.encoder.batch([self.encoder.encode([t]) for t in turns[i : i + 64]])
            ids, labels = ids.to(device()), labels.to(device())[:, 1:]
            x = self.model.get_input_embeddings()(ids)
            x = x.masked_scatter((ids == self.encoder.image_id)[..., None], image[i : i + 64])
            logits = self.model.lm_head(self.model.model.language_model(inputs_embeds=x).last_hidden_state)[:, :-1]
            scored = labels != IGNORED
            nll = F.cross_entropy(logits.transpose(1, 2), labels, ignore_index=IGNORED, reduction="none")
            loss.append(nll.sum(1))
            count.append(scored.sum(1))
            right.append(((logits.argmax(-1) == labels) | ~scored).all(1))
        return tuple(torch.cat(t).cpu().numpy() for t in (loss, count, right))

    @torch.no_grad()
    def mir(self, pairs: list[tuple[str, torch.Tensor]]) -> dict:
        """Reference MIR over (text, tower features [tokens, vision_hidden]); official text mask."""
        vision: list[list] = []
        text: list[list] = []
        for words, features in pairs:
            ids = torch.tensor([self.encoder.encode([("", words)])[0]], device=device())
            x = self.model.get_input_embeddings()(ids)
            at = ids[0] == self.encoder.image_id
            x[0, at] = self.project(features[None])[0]
            states = self.model.model.language_model(inputs_embeds=x, output_hidden_states=True).hidden_states[1:]
            last = int(at.nonzero()[-1])
            for k, state in enumerate(states):
                if k == len(vision):
                    vision.append([]), text.append([])
                vision[k].append(state[0, at].cpu().numpy())
                text[k].append(state[0, last + 1 :].cpu().numpy())
        return mir([(np.concatenate(v), np.concatenate(t)) for v, t in zip(vision, text)])


def bootstrap(totals: np.ndarray, counts: np.ndarray) -> dict[str, float]:
    """sum(totals) / sum(counts) over scenes, with a 95 % percentile bootstrap interval."""
    rng = np.random.default_rng(0)
    pick = rng.integers(len(totals), size=(BOOTSTRAP, len(totals)))
    draws = totals[pick].sum(1) / np.maximum(counts[pick].sum(1), 1)
    low, high = np.percentile(draws, [2.5, 97.5])
    return {"value": round(float(totals.sum() / counts.sum()), 4), "low": round(float(low), 4), "high": round(float(high), 4)}


class Accuracy:
    """Right answers of a question set, grouped by scene for the bootstrap."""

    def __init__(self, kinds: list[str], scene: np.ndarray) -> None:
        self.kinds, self.scene = np.array(kinds), scene
        self.scenes = int(scene.max()) + 1

    def __call__(self, right: np.ndarray) -> dict:
        """Overall and by type."""
        result = {"all": self._of(right, np.ones(len(right), bool))}
        for kind in QUESTION_TYPES:
            at = self.kinds == kind
            if at.any():
                result[kind] = {**self._of(right, at), "questions": int(at.sum())}
        return result

    def _of(self, right: np.ndarray, at: np.ndarray) -> dict[str, float]:
        weights = at.astype(float)
        return bootstrap(np.bincount(self.scene, right * weights, self.scenes), np.bincount(self.scene, weights, self.scenes))


def chance(questions: list) -> tuple[np.ndarray, np.ndarray]:
    """Per question: 1 / number of possible answers, and whether its type's most frequent answer is right."""
    common = {k: Counter(q.answer for q in questions if q.kind == k).most_common(1) for k in QUESTION_TYPES}
    uniform = np.array([1 / len(answers(q.kind)) for q in questions])
    majority = np.array([q.answer == common[q.kind][0][0] for q in questions], float)
    return uniform, majority


def ridge_probe(train_x, train_y, test_x, test_y, classes: int) -> float:
    """Accuracy of a linear classifier (ridge onto one-hot targets; strength chosen on a tenth of the
    training rows)."""
    mean, std = train_x.mean(0), train_x.std(0) + 1e-6
    one = lambda x: torch.cat([(x - mean) / std, torch.ones(len(x), 1)], 1).double()
    a, y, held = one(train_x), F.one_hot(train_y, classes).double(), len(train_x) // 10
    eye = torch.eye(a.shape[1], dtype=torch.float64)
    fit = lambda x, t, strength: torch.linalg.solve(x.T @ x + strength * eye, x.T @ t)
    right = lambda w, x, t: float(((x @ w).argmax(1) == t).double().mean())
    best = max((1.0, 30.0, 1000.0), key=lambda s: right(fit(a[held:], y[held:], s), a[:held], train_y[:held]))
    return right(fit(a, y, best), one(test_x), test_y)


def linear_probe(recipe: Recipe, tower) -> dict:
    """How well a linear classifier reads a patch's object: frozen tower features against raw pixels."""
    scenes = {"train": [make_scene(recipe.seed, "probe", i) for i in range(recipe.probe_images)],
              "test": [make_scene(recipe.seed, "heldout", i) for i in range(recipe.probe_images // 3)]}
    data = {}
    for part, group in scenes.items():
        pictures = np.stack([np.asarray(draw(s, recipe.image_size, recipe.downloads)) for s in group])
        n, grid, p = len(group), recipe.image_size // recipe.patch_size, recipe.patch_size
        raw = pictures.reshape(n, grid, p, grid, p, 3).transpose(0, 1, 3, 2, 4, 5).reshape(n * grid * grid, -1)
        labels = [patch_labels(s, recipe) for s in group]
        data[part] = {"raw": torch.from_numpy(raw.astype(np.float32)),
                      "tower": features_of(tower, recipe, group).float().flatten(0, 1),
                      **{k: torch.from_numpy(np.concatenate([x[k] for x in labels])) for k in ("kind", "colour")}}
    result = {}
    for target, classes in (("kind", len(KINDS) + 1), ("colour", len(COLOURS) + 1)):
        a, b = (data[p][target] > 0 for p in ("train", "test"))
        result[target] = {"classes": classes - 1, "patches": int(b.sum()), **{
            source: round(ridge_probe(data["train"][source][a], data["train"][target][a],
                                      data["test"][source][b], data["test"][target][b], classes), 4)
            for source in ("tower", "raw")}}
    return result


def evaluate(recipe: Recipe, folder: Path, connectors: dict[str, dict[str, torch.Tensor]],
             pairs: list[tuple[str, Image.Image]], first_scene: int) -> dict:
    """All figures of an exported folder. `connectors`: name -> tensors, the shipped one is "trained"."""
    checkpoint = Checkpoint(folder)
    scenes = [make_scene(recipe.seed, "heldout", first_scene + i) for i in range(recipe.eval_images)]
    rng = random.Random(f"{recipe.seed}/questions")
    asked = [(i, q) for i, s in enumerate(scenes) for kind in QUESTION_TYPES if (q := ask(s, kind, rng))]
    of_scene = np.array([i for i, _ in asked])
    questions = [q for _, q in asked]
    accuracy = Accuracy([q.kind for q in questions], of_scene)

    features = checkpoint.tower_features([draw(s, recipe.image_size, recipe.downloads) for s in scenes])
    blank = checkpoint.tower_features([Image.new("RGB", (recipe.image_size,) * 2, GREY)]).expand_as(features)
    pair_features = checkpoint.tower_features([image for _, image in pairs])
    captions = [(rng.choice(CAPTION_PROMPTS[i % 2]), caption(s, i % 2)) for i, s in enumerate(scenes)]
    turns = [(q.text, q.answer) for q in questions]

    def run(images: torch.Tensor) -> tuple[dict, np.ndarray, np.ndarray, np.ndarray]:
        loss, count, _ = checkpoint.score(captions, images)
        right = checkpoint.score(turns, images[of_scene])[2].astype(float)
        return {"accuracy": accuracy(right), "caption_loss": bootstrap(loss, count)}, right, loss, count

    conditions, reference = {}, {}
    for name, tensors in connectors.items():
        set_projector(checkpoint.model, tensors)
        if name != "trained":
            conditions[name], *_ = run(checkpoint.project(features))
        reference[name] = checkpoint.mir([(text, x) for (text, _), x in zip(pairs, pair_features)])
    set_projector(checkpoint.model, connectors["trained"])
    images = checkpoint.project(features)
    conditions["trained"], right, loss, count = run(images)
    conditions["image_blanked"], right_blank, loss_blank, _ = run(checkpoint.project(blank))
    conditions["image_swapped"], right_swapped, loss_swapped, _ = run(images.roll(1, 0))
    table = checkpoint.model.get_input_embeddings().weight
    words = torch.stack([bag_embeddings(table, torch.from_numpy(bags(s, recipe, checkpoint.encoder)).to(device()), 0.0)
                         for s in scenes]).detach()
    conditions["words_instead_of_image"], *_ = run(words)

    uniform, majority = chance(questions)
    per_scene = lambda x: np.bincount(of_scene, x, len(scenes))
    asked_count = per_scene(np.ones(len(questions)))
    difference = lambda other: bootstrap(per_scene(right - other), asked_count)
    return {
        "scored": "exact answers: every token of the answer and the end token is the first choice",
        "interval": "95 %, bootstrap over scenes",
        "heldout_scenes": len(scenes), "questions": len(questions),
        "chance": {"uniform": accuracy(uniform), "majority": accuracy(majority)},
        "conditions": conditions,
        "accuracy_gain_over": {"chance_uniform": difference(uniform), "chance_majority": difference(majority),
                               "image_blanked": difference(right_blank), "image_swapped": difference(right_swapped)},
        "caption_loss_increase_when": {"image_blanked": bootstrap(loss_blank - loss, count),
                                       "image_swapped": bootstrap(loss_swapped - loss, count)},
        "linear_probe_on_patches": linear_probe(recipe, checkpoint.model.model.vision_tower),
        "mir_reference": reference,
    }
