"""What a written member can do on held-out scenes, with controls and intervals.

Everything is computed from the folder that ships, loaded by transformers, upcast to f32. Intervals
are 95 %, bootstrap over scenes.
"""

import random
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F
from transformers import AutoTokenizer

from ..chat import IGNORED, Encoder
from ..decoder import plain_text, reading
from ..evaluate import bootstrap
from ..loop import device
from ..mir import mir
from ..scenes import CAPTION_PROMPTS, QUESTION_TYPES, caption, make_scene
from .choose import choose
from .features import GREY, paint, patches_of
from .modeling import FamilyLlava
from .questions import asked_after_examples, heldout, questions
from .settings import Study, Setting


class Member:
    """A member's folder, with the image tokens of the held-out scenes."""

    def __init__(self, study: Study, setting: Setting, folder: Path) -> None:
        self.study = study
        self.model = FamilyLlava.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").to(device()).eval()
        self.encoder = Encoder(AutoTokenizer.from_pretrained(folder), self.model.config.image_seq_length)
        self.scenes = heldout(study)
        see = lambda images: self.image_tokens(patches_of(study, setting, self.model, images))
        self.images = torch.cat([see([paint(study, s) for s in self.scenes[i : i + 32]])
                                 for i in range(0, len(self.scenes), 32)])
        self.blank = see([Image.new("RGB", (study.picture_size,) * 2, GREY)]).expand_as(self.images)

    @torch.no_grad()
    def image_tokens(self, patches: torch.Tensor) -> torch.Tensor:
        """[images, tokens, width] from [images, pictures, patches, vision width]."""
        return self.model.image_tokens(patches.flatten(0, 1).float().to(device())).unflatten(0, (len(patches), -1))

    @torch.no_grad()
    def losses(self, rows: list[tuple[list[int], list[int]]], images: torch.Tensor | None) -> tuple[np.ndarray, np.ndarray]:
        """Summed loss and number of the labelled tokens, for each row."""
        loss, count = [], []
        for i in range(0, len(rows), 32):
            ids, labels = self.encoder.batch(rows[i : i + 32])
            x = self.model.merge(ids.to(device()), None if images is None else images[i : i + 32].flatten(0, 1))
            states = self.model.model.language_model(inputs_embeds=x, use_cache=False).last_hidden_state[:, :-1]
            target = labels[:, 1:].to(device())
            each = F.cross_entropy(self.model.lm_head(states).transpose(1, 2), target, ignore_index=IGNORED, reduction="none")
            loss.append(each.sum(1)), count.append((target != IGNORED).sum(1))
        return torch.cat(loss).cpu().numpy(), torch.cat(count).cpu().numpy()

    def caption_loss(self) -> dict:
        """Nats per token of the captions, user's prompt given."""
        rng = random.Random(f"{self.study.recipe.seed}/caption prompts")
        rows = [self.encoder.encode([(rng.choice(CAPTION_PROMPTS[i % 2]), caption(s, i % 2))]) for i, s in enumerate(self.scenes)]
        return bootstrap(*self.losses(rows, self.images))

    def text_perplexity(self) -> dict:
        """e to the loss per token of held-out texts without any picture: captions and reading."""
        rng = random.Random(f"{self.study.recipe.seed}/held-out texts")
        scenes = [make_scene(self.study.recipe.seed, "heldout", self.study.pairs + self.study.eval_scenes + i)
                  for i in range(self.study.text_scenes)]
        rows = [self.encoder.encode(plain_text(s, rng), images=0, score_all=True) if i % 2 == 0 else
                self.encoder.encode(reading(s, rng), images=0) for i, s in enumerate(scenes)]
        return {k: round(float(np.exp(v)), 4) for k, v in bootstrap(*self.losses(rows, None)).items()}

    @torch.no_grad()
    def mir_reference(self, setting: Setting) -> float:
        """MIR of the shipped pairs in f64, after transformers' own forward pass; text: all after the image."""
        vision: list[list] = []
        text: list[list] = []
        for i in range(self.study.pairs):
            scene = make_scene(self.study.recipe.seed, "heldout", i)
            ids = torch.tensor([self.encoder.encode([("", caption(scene, i % 2))])[0]], device=device())
            image = self.image_tokens(patches_of(self.study, setting, self.model, [paint(self.study, scene)], dtype=torch.float32))
            x = self.model.merge(ids, image.flatten(0, 1))
            states = self.model.model.language_model(inputs_embeds=x, output_hidden_states=True).hidden_states[1:]
            at = ids[0] == self.encoder.image_id
            last = int(at.nonzero()[-1])
            for k, state in enumerate(states):
                if k == len(vision):
                    vision.append([]), text.append([])
                vision[k].append(state[0, at].cpu().numpy())
                text[k].append(state[0, last + 1 :].cpu().numpy())
        return mir([(np.concatenate(v), np.concatenate(t)) for v, t in zip(vision, text)])["mir"]

    def choices(self) -> dict:
        """Shares of right choices: with the scene's image, by type of question, with a grey image, and
        with the image of another scene."""
        asked = questions(self.study, self.scenes)
        scene = np.array([q.scene for q in asked])
        kinds = np.array([q.kind for q in asked])
        right = np.array([q.right for q in asked])
        shown = [([], q.text, q.answers) for q in asked]

        def share(hits: np.ndarray, at: np.ndarray) -> dict:
            count = lambda w: np.bincount(scene, w * at, len(self.scenes))
            return bootstrap(count(hits), count(np.ones(len(asked))))

        every, result = np.ones(len(asked), bool), {}
        for name, images in (("choice", self.images), ("choice_blank", self.blank), ("choice_swapped", self.images.roll(1, 0))):
            hits = (choose(self.model, self.encoder, shown, images[scene][:, None]) == right).astype(float)
            result[name] = share(hits, every)
            if name == "choice":
                result["choice_kinds"] = {k: share(hits, kinds == k) for k in QUESTION_TYPES if (kinds == k).any()}
        return result

    def few_shot(self) -> dict:
        """Shares of right choices after 0, 2, ... examples: questions of the same type about other held-out
        scenes, each with its image and its answer. Only the first scenes, for every number of examples."""
        asked = questions(self.study, self.scenes)
        some = asked_after_examples(self.study, asked)
        result = {}
        for shots in self.study.shots:
            rng = random.Random(f"{self.study.recipe.seed}/examples/{shots}")
            prompts, images = [], []
            for q in some:
                examples = rng.sample([e for e in asked if e.kind == q.kind and e.scene != q.scene], shots)
                prompts.append(([(e.text, e.answers[e.right]) for e in examples], q.text, q.answers))
                images.append(self.images[[*(e.scene for e in examples), q.scene]])
            chosen = choose(self.model, self.encoder, prompts, torch.stack(images))
            hits = (chosen == np.array([q.right for q in some])).astype(float)
            scene = np.array([q.scene for q in some])
            result[str(shots)] = bootstrap(np.bincount(scene, hits), np.bincount(scene))
        return result


def score(study: Study, setting: Setting, folder: Path) -> dict:
    """All scores of a written member, and its MIR in f64."""
    member = Member(study, setting, folder)
    scores = {**member.choices(), "caption_loss": member.caption_loss(), "text_perplexity": member.text_perplexity()}
    if setting.few_shot:
        scores["few_shot"] = member.few_shot()
    return {"scores": scores, "mir_reference": round(member.mir_reference(setting), 7)}
