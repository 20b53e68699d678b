"""The recipe at toy size, end to end: `python -m unittest training.test_recipe` (seconds; no download
beyond the emoji package)."""

import dataclasses
import json
import random
import shutil
import tempfile
import unittest
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from transformers import AutoProcessor, LlavaForConditionalGeneration

from .chat import Encoder, load_tokenizer, segments
from .config import TOY
from .connector import load_snapshots, set_projector, snapshot_samples
from .export import export
from .mir import frechet, mir
from .scenes import PLACES, QUESTION_TYPES, answers, ask, caption, conversation, draw, make_scene, patch_owner
from .sprites import fetch_emoji


class World(unittest.TestCase):
    def test_scenes_depend_on_their_number_only(self):
        self.assertEqual(make_scene(1, "a", 7), make_scene(1, "a", 7))
        self.assertNotEqual(make_scene(1, "a", 7), make_scene(2, "a", 7))

    def test_no_heldout_content_in_training(self):
        content = lambda s: (s.things, s.background)
        held = {content(make_scene(1, "heldout", i)) for i in range(300)}
        seen = {content(make_scene(1, split, i)) for split in ("tower", "decoder", "connector") for i in range(2000)}
        self.assertFalse(held & seen)

    def test_answers_are_possible_and_true(self):
        rng = random.Random(0)
        for i in range(200):
            scene = make_scene(1, "a", i)
            for kind in QUESTION_TYPES:
                q = ask(scene, kind, rng)
                if q is None:
                    continue
                self.assertIn(q.answer, answers(kind))
                if kind == "existence":
                    named = q.text.removeprefix("Is there ").rstrip("?")
                    self.assertEqual(q.answer == "yes", named in [t.phrase for t in scene.things])
                if kind == "object":
                    place = q.text.removeprefix("What is ").rstrip("?")
                    self.assertEqual(q.answer, next(t.words for t in scene.things if PLACES[t.cell] == place))

    def test_every_object_owns_patches(self):
        for i in range(200):
            scene = make_scene(1, "a", i)
            owner = patch_owner(scene, 128, 16)
            self.assertEqual(set(owner[owner >= 0]), set(range(len(scene.things))))


class Metric(unittest.TestCase):
    def test_frechet_of_known_clouds(self):
        rng = np.random.default_rng(0)
        x = rng.normal(size=(400, 8))
        self.assertAlmostEqual(frechet(x, x)["frechet"], 0, places=9)
        far = frechet(x, 2 * x + 3)
        s = float(np.trace(np.cov(x.T)))
        gap = float(np.sum((x.mean(0) - (2 * x + 3).mean(0)) ** 2))
        self.assertAlmostEqual(far["frechet"], gap + s, places=8)  # (2 - 1)^2 Tr S
        self.assertAlmostEqual(far["frechet"], far["location"] + far["spread"] + far["shape"], places=9)

    def test_scaling_both_clouds_changes_nothing(self):
        rng = np.random.default_rng(1)
        v, t = rng.normal(size=(300, 8)) * 3, rng.normal(size=(200, 8)) + 1
        self.assertAlmostEqual(mir([(v, t)])["mir"], mir([(7 * v, 7 * t)])["mir"], places=10)


class EndToEnd(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        recipe = dataclasses.replace(TOY, name="toy-test")
        fetch_emoji(recipe.downloads)
        shutil.rmtree(recipe.cache, ignore_errors=True)
        cls.recipe, cls.out = recipe, Path(cls.folder.name) / "demo"
        cls.metrics = export(recipe, cls.out)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_chat_template_says_what_training_said(self):
        processor = AutoProcessor.from_pretrained(self.out / "model")
        encoder = Encoder(load_tokenizer(self.recipe), self.recipe.image_tokens)
        rng = random.Random(3)
        for i in range(20):
            turns = conversation(make_scene(1, "a", i), rng, 3)
            if i == 0:
                turns[0] = ("", turns[0][1])
            messages = []
            for j, (user, assistant) in enumerate(turns):
                content = ([{"type": "image"}] if j == 0 else []) + ([{"type": "text", "text": user}] if user else [])
                messages.append({"role": "user", "content": content if j == 0 else user})
                messages.append({"role": "assistant", "content": [{"type": "text", "text": assistant}]})
            text = processor.apply_chat_template(messages)
            self.assertEqual(text, "".join(t for t, _ in segments(turns, images=1)))
            image = Image.new("RGB", (self.recipe.image_size,) * 2)
            ids = processor(images=image, text=text, add_special_tokens=False)["input_ids"]
            self.assertEqual(list(ids[0]), encoder.encode(turns)[0])
            prompt = processor.apply_chat_template(messages[:1], add_generation_prompt=True)
            self.assertEqual(prompt, segments(turns, images=1)[0][0])

    def test_transformers_loads_and_runs_the_folder(self):
        processor = AutoProcessor.from_pretrained(self.out / "model")
        model = LlavaForConditionalGeneration.from_pretrained(self.out / "model", dtype=torch.float32).eval()
        messages = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What is the background?"}]}]
        image = draw(make_scene(1, "heldout", 0), self.recipe.image_size, self.recipe.downloads)
        text = processor.apply_chat_template(messages, add_generation_prompt=True)
        inputs = processor(images=image, text=text, return_tensors="pt")
        self.assertEqual(int((inputs["input_ids"] == model.config.image_token_id).sum()), self.recipe.image_tokens)
        with torch.no_grad():
            self.assertTrue(torch.isfinite(model(**inputs).logits).all())

    def test_connectors_fit_the_model(self):
        model = LlavaForConditionalGeneration.from_pretrained(self.out / "model")
        index = json.loads((self.out / "connectors" / "index.json").read_text())
        self.assertEqual([e["name"] for e in index], ["untrained", "halfway", "trained"])
        for tensors in load_snapshots(self.recipe).values():
            set_projector(model, tensors)
        self.assertEqual(snapshot_samples(self.recipe)[-1], self.recipe.connector_samples)

    def test_pairs_and_figures_are_complete(self):
        lines = [json.loads(x) for x in (self.out / "pairs.jsonl").read_text().splitlines()]
        self.assertEqual(len(lines), self.recipe.shipped_pairs)
        for i, line in enumerate(lines):
            self.assertTrue((self.out / line["image"]).exists())
            self.assertEqual(line["text"], caption(make_scene(self.recipe.seed, "heldout", i), i % 2))
        self.assertEqual(len(self.metrics["mir_reference"]["trained"]["layers"]), self.recipe.text_layers)
        self.assertTrue((self.out / "README.md").exists())

    def test_finished_stages_are_not_repeated(self):
        before = (self.recipe.cache / "tower" / "model.safetensors").stat().st_mtime_ns
        export(self.recipe, self.out)
        self.assertEqual((self.recipe.cache / "tower" / "model.safetensors").stat().st_mtime_ns, before)


if __name__ == "__main__":
    unittest.main()
