"""The study at toy size: `python -m unittest training.test_study`."""

import json
import math
import random
import shutil
import unittest
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import nn
from transformers import LlavaForConditionalGeneration

from .chat import Encoder, load_tokenizer
from .config import TOY
from .export import export
from .study.build import build, config_of
from .study.choose import choose, log_likelihoods
from .study.claims import axes, claims
from .study.connectors import AttentionPool, AveragePool, CAbstractor, PixelShuffle, make_connector, tokens_of_picture
from .study.features import image_processor, paint, patches_of
from .study.modeling import FamilyLlava, FamilyProcessor
from .study.questions import chance, heldout, questions
from .study.settings import STUDY, TINY, members
from .study.texts import document
from .study.train import batches, learned
from .study.write import write_study
from .scenes import make_scene
from .sprites import fetch_emoji


class Plan(unittest.TestCase):
    def test_claims_and_axes_name_members(self):
        for study in (STUDY, TINY):
            settings = members(study)
            names = [s.name for s in settings]
            self.assertEqual(len(set(names)), len(names))
            for row in claims(settings) + axes(settings):
                self.assertLessEqual(set(row["variants"]), set(names), row)
            for s in settings:
                if s.replicate_of:
                    first = next(x for x in settings if x.name == s.replicate_of)
                    self.assertEqual(replace(s, name="", label="", seed=0, replicate_of=None),
                                     replace(first, name="", label="", seed=0, replicate_of=None))

    def test_every_member_but_the_base_varies_something(self):
        settings = members()
        plain = replace(settings[0], name="", axis="", label="", value=None, note=None, few_shot=False)
        for s in settings[1:]:
            self.assertNotEqual(replace(s, name="", axis="", label="", value=None, note=None, few_shot=False), plain, s.name)


class Connectors(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(0)
        self.x = torch.randn(2, 16, 6)

    def test_pixel_shuffle_puts_neighbours_side_by_side(self):
        shuffle = PixelShuffle(6, 24, 2)
        shuffle.linear_1 = nn.Identity()
        y, grid = shuffle(self.x), self.x.view(2, 4, 4, 6)
        for r in range(2):
            for c in range(2):
                parts = [grid[:, 2 * r + dh, 2 * c + dw] for dh in range(2) for dw in range(2)]
                self.assertTrue(torch.equal(y[:, 2 * r + c], torch.cat(parts, 1)))

    def test_average_pool_takes_means_of_neighbours(self):
        pool = AveragePool(6, 6, 4)
        pool.linear_1 = nn.Identity()
        y, grid = pool(self.x), self.x.view(2, 4, 4, 6)
        self.assertTrue(torch.allclose(y[:, 1], grid[:, :2, 2:].mean((1, 2)), atol=1e-6))

    def test_attention_pool_is_multi_head_attention(self):
        pool = AttentionPool(6, 6, 3, 2)
        nn.init.normal_(pool.query)
        known = nn.MultiheadAttention(6, 2, batch_first=True)
        known.in_proj_weight.data = torch.cat([p.weight for p in (pool.q_proj, pool.k_proj, pool.v_proj)])
        known.in_proj_bias.data = torch.cat([p.bias for p in (pool.q_proj, pool.k_proj, pool.v_proj)])
        known.out_proj = pool.out_proj
        x = pool.norm(self.x)
        expected, _ = known(pool.query.expand(2, -1, -1), x, x)
        self.assertTrue(torch.allclose(pool(self.x), expected, atol=1e-6))

    def test_c_abstractor_has_the_published_names_and_sees_positions(self):
        c = CAbstractor(16, 6, 8, 10, 4, 2)
        nn.init.normal_(c.pos_emb)
        names = set(c.state_dict())
        self.assertLessEqual({"pos_emb", "net.0.b1.conv1.conv.weight", "net.0.b1.downsample.bn.bias", "net.0.b2.se.fc1.weight",
                              "net.2.b2.conv2.conv.weight", "readout.0.weight", "readout.2.bias"}, names)
        self.assertNotIn("net.2.b1.downsample.conv.weight", names)
        self.assertEqual(c.state_dict()["net.0.b1.conv2.conv.weight"].shape, (8, 1, 3, 3))
        self.assertEqual(c(self.x).shape, (2, 4, 10))
        self.assertFalse(torch.allclose(c(self.x), c(self.x.flip(1)).flip(1)))

    def test_every_member_has_the_tokens_it_says(self):
        for setting in members(TINY):
            config = config_of(TINY, setting)
            connector = make_connector(config)
            if connector is not None:
                patches = (round(setting.size * TOY.image_size) // TOY.patch_size) ** 2
                self.assertEqual(connector(torch.randn(1, patches, TOY.vision_hidden)).shape[1], tokens_of_picture(config))


class Data(unittest.TestCase):
    def setUp(self):
        self.encoder = Encoder(load_tokenizer(TOY), TOY.image_tokens)
        self.scenes = [make_scene(1, "connector", i) for i in range(TINY.samples)]

    def seen(self, **changes):
        setting = replace(members(TINY)[0], **changes)
        steps, make = batches(TINY, setting, self.encoder, self.scenes)
        return [make(i) for i in range(steps)]

    def test_every_image_is_seen_once_whatever_the_mix(self):
        for mix in ("pairs", "captions", "separate", "interleaved", "interleaved+text"):
            made = self.seen(mix=mix)
            self.assertEqual(sorted(i for *_, chosen in made for i in chosen), list(range(TINY.samples)), mix)
            for ids, _, chosen in made:
                self.assertEqual(int((ids == self.encoder.image_id).sum()), len(chosen) * TOY.image_tokens)

    def test_tuning_sees_some_of_the_images_once(self):
        made = self.seen(after="base")
        self.assertEqual(sorted(i for *_, chosen in made for i in chosen), list(range(TINY.tuning_samples)))

    def test_shuffled_texts_are_those_of_another_picture(self):
        plain, shuffled = self.seen(texts="long"), self.seen(texts="long", shuffled=True)
        for (a, _, chosen), (b, _, same) in zip(plain, shuffled):
            self.assertEqual(chosen, same)
            self.assertFalse(any(torch.equal(x[x != 0], y[y != 0]) for x, y in zip(a, b)))

    def test_interleaved_and_separate_say_the_same(self):
        words = lambda made: "".join(self.encoder.tokenizer.decode([t for row in ids for t in row if t > 3]) for ids, *_ in made)
        strip = lambda text: text.replace("USER: \nASSISTANT:", "")
        self.assertEqual(strip(words(self.seen(mix="interleaved"))), strip(words(self.seen(mix="separate"))))

    def test_the_second_text_refers_to_the_first(self):
        rng = random.Random(0)
        for a, b in zip(self.scenes, self.scenes[1:]):
            first, second = document(a, b, rng)
            self.assertEqual("again" in second, a.background == b.background)
            more = {1: "more", 0: "as many", -1: "fewer"}[int(np.sign(len(b.things) - len(a.things)))]
            self.assertIn(more, second)
            self.assertTrue(any(t.phrase in first for t in a.things))


class Questions(unittest.TestCase):
    def test_the_right_answer_is_offered_once(self):
        asked = questions(TINY, heldout(TINY))
        self.assertTrue(asked)
        for q in asked:
            self.assertEqual(len(set(q.answers)), len(q.answers))
            self.assertTrue(2 <= len(q.answers) <= 9)
        self.assertTrue(0 < chance(asked)["uniform"] < 0.5)

    def test_heldout_scenes_are_not_the_shipped_pairs(self):
        pairs = {make_scene(TOY.seed, "heldout", i) for i in range(TINY.pairs)}
        self.assertFalse(pairs & set(heldout(TINY)))


class Written(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        fetch_emoji(TOY.downloads)
        cls.study = replace(TINY, name="toy-study-test")
        export(TOY, TOY.cache / "export")
        shutil.rmtree(cls.study.cache, ignore_errors=True)
        chosen = ("base", "moca", "unfrozen-half", "sub-images-20", "c-abstractor-4", "samples-16")
        cls.settings = {s.name: s for s in members(cls.study)}
        cls.chosen = [cls.settings[n] for n in chosen]
        cls.out = cls.study.cache / "export"
        cls.data = cls.written()

    @classmethod
    def written(cls):
        """Writes some members, with claims and axes about all."""
        every = list(cls.settings.values())
        with patch("training.study.write.claims", lambda _: claims(every)), \
             patch("training.study.write.axes", lambda _: axes(every)):
            return write_study(cls.study, cls.chosen, cls.out)

    def load(self, name):
        return FamilyLlava.from_pretrained(self.out / name, dtype=torch.float32, attn_implementation="eager").eval()

    def test_members_load_with_what_they_learned(self):
        for entry in self.data["variants"]:
            setting = self.settings[entry["name"]]
            tensors, _ = learned(self.study, setting)
            model = self.load(entry["name"])
            state = dict(model.named_parameters())
            for name, tensor in tensors.items():
                self.assertTrue(torch.equal(state[name], tensor.half().float()), f"{entry['name']}: {name}")
            before = dict(build(self.study, setting).named_parameters())
            for name, tensor in state.items():
                if name not in tensors and "post_layernorm" not in name:
                    self.assertTrue(torch.equal(tensor, before[name].half().float()), f"{entry['name']}: {name}")

    def test_something_was_learned(self):
        for name in ("base", "moca", "unfrozen-half"):
            setting = self.settings[name]
            before = dict(build(self.study, setting).named_parameters())
            tensors, _ = learned(self.study, setting)
            # what a vision token is after the last layer decides nothing about the texts
            last = f".layers.{TOY.text_layers - 1}.modality_layernorm"
            self.assertTrue(all(not torch.equal(t, before[k]) for k, t in tensors.items() if last not in k), name)
        self.assertTrue(any("modality_layernorm" in k for k in learned(self.study, self.settings["moca"])[0]))
        upper = {k for k in learned(self.study, self.settings["unfrozen-half"])[0] if ".layers." in k}
        self.assertTrue(upper and all(".layers.1." in k for k in upper))

    def test_tuning_goes_on_where_the_first_training_ended(self):
        setting = replace(self.settings["mix-captions-tuned"], name="tuned", after="unfrozen-half", unfrozen="half", lr=1e-12)
        first, facts = learned(self.study, self.settings["unfrozen-half"])
        tuned, after = learned(self.study, setting)
        self.assertEqual(after["samples"], facts["samples"] + TINY.tuning_samples)
        self.assertEqual(set(tuned), set(first))
        for name, tensor in tuned.items():
            self.assertTrue(torch.allclose(tensor, first[name], atol=1e-9), name)
        setting = replace(setting, name="tuned-more", lr=1e-2)
        self.assertFalse(any(torch.equal(t, first[k]) for k, t in learned(self.study, setting)[0].items()))

    def test_plain_members_load_as_ordinary_llava(self):
        plain = LlavaForConditionalGeneration.from_pretrained(self.out / "base", dtype=torch.float32)
        ours = self.load("base")
        pixels = torch.randn(1, 3, TOY.image_size, TOY.image_size)
        ids = torch.tensor([[1, *[ours.config.image_token_id] * TOY.image_tokens, 7, 8]])
        with torch.no_grad():
            a, b = (m(input_ids=ids, pixel_values=pixels).logits for m in (plain, ours))
        self.assertTrue(torch.allclose(a, b, atol=1e-5))

    def test_packed_answers_are_as_likely_as_alone(self):
        for name in ("base", "moca", "sub-images-20"):
            model = self.load(name)
            encoder = Encoder(load_tokenizer(TOY), model.config.image_seq_length)
            asked = [q for q in questions(self.study, heldout(self.study)) if q.kind in ("position", "existence")][:3]
            torch.manual_seed(0)
            images = torch.randn(len(asked), 2, model.config.image_seq_length, TOY.text_hidden)
            example = [("What is the background?", "night")]
            packed = choose(model, encoder, [(example, q.text, q.answers) for q in asked], images)
            for i, q in enumerate(asked):
                alone = []
                for answer in q.answers:
                    ids, _ = encoder.encode([*example, (q.text, answer)], images=2)
                    ending = encoder.ids(" " + answer + "</s>")
                    with torch.no_grad():
                        x = model.merge(torch.tensor([ids]), images[i].flatten(0, 1))
                        logits = model(inputs_embeds=x).logits[0].log_softmax(-1)
                    alone.append(sum(float(logits[len(ids) - len(ending) - 1 + j, t]) for j, t in enumerate(ending)))
                prompt = ids[: len(ids) - len(ending)]
                both = log_likelihoods(model, [prompt], [[encoder.ids(" " + a + "</s>") for a in q.answers]], images[i].flatten(0, 1))
                np.testing.assert_allclose(both[0], alone, atol=2e-4)
                self.assertEqual(packed[i], int(np.argmax(alone)))

    def test_sub_images_are_the_whole_and_its_quarters(self):
        setting = self.settings["sub-images-20"]
        image = paint(self.study, heldout(self.study)[0])
        config, side = config_of(self.study, setting), TOY.image_size
        pictures = FamilyProcessor.pictures(config, image_processor(self.study, setting), [image])
        self.assertEqual(pictures.shape, (5, 3, side, side))
        large = image.resize((2 * side, 2 * side), Image.Resampling.BICUBIC)
        whole = image_processor(self.study, setting)
        for i, box in enumerate([(0, 0), (side, 0), (0, side), (side, side)]):
            crop = large.crop((*box, box[0] + side, box[1] + side))
            expected = whole([crop], return_tensors="pt")["pixel_values"][0]
            self.assertTrue(torch.allclose(pictures[i + 1], expected, atol=1e-5), i)

    def test_moca_moves_vision_tokens_only(self):
        model = self.load("moca")
        norm = model.model.language_model.layers[0].modality_layernorm
        norm.shift.data += 1
        ids = torch.tensor([[1, model.config.image_token_id, 7]])
        model.merge(ids, torch.zeros(1, TOY.text_hidden))
        x = torch.randn(1, 3, TOY.text_hidden)
        moved = (norm(x) - x).abs().sum(-1)[0]
        self.assertTrue(moved[1] > 1 and moved[0] == moved[2] == 0)

    def test_figures_are_complete(self):
        stored = json.loads((self.out / "variants.json").read_text())
        self.assertEqual(stored, json.loads(json.dumps(self.data)))
        for entry in stored["variants"]:
            for value in (entry["scores"]["choice"], entry["scores"]["caption_loss"], entry["scores"]["text_perplexity"]):
                self.assertTrue(all(math.isfinite(value[k]) for k in ("value", "low", "high")))
                self.assertTrue(value["low"] <= value["value"] <= value["high"])
        base = stored["variants"][0]
        self.assertEqual(list(base["scores"]["few_shot"]), ["0", "2"])

    def test_a_second_run_scores_what_has_changed_and_nothing_else(self):
        scored = {f.stem: f for f in (self.study.cache / "scores").iterdir()}
        self.assertEqual(set(scored), {s.name for s in self.chosen})
        cached = json.loads(scored["moca"].read_text())
        scored["moca"].write_text(json.dumps({**cached, "key": "of other weights"}))
        before = {name: f.stat().st_mtime_ns for name, f in scored.items()}
        self.assertEqual(self.written(), self.data)
        changed = {name for name, f in scored.items() if f.stat().st_mtime_ns != before[name]}
        self.assertEqual(changed, {"moca"})


if __name__ == "__main__":
    unittest.main()
