"""Tests of training/real that need no package's weights: the recipe's own parts against PyTorch's and by their rules."""

import tempfile
import unittest
from pathlib import Path

import numpy as np
import torch

from .real import decoder as smollm
from .real.connectors import Connectors, loaded, rate, untrained
from .real.names import clipart, content_words, head, with_article
from .real.pictures import held_out, split_of
from .real.samples import Bank, FORMS, render, sample, table
from .real.settings import STUDY, TOY, Run
from .real.train import orders


def random_decoder(layers: int) -> smollm.Decoder:
    torch.manual_seed(0)
    w = {"embed_tokens.weight": torch.randn(50, 576) * 0.1, "norm.weight": torch.rand(576)}
    for i in range(layers):
        for name, shape in {"input_layernorm": (576,), "post_attention_layernorm": (576,), "self_attn.q_proj": (576, 576), "self_attn.k_proj": (192, 576),
                            "self_attn.v_proj": (192, 576), "self_attn.o_proj": (576, 576), "mlp.gate_proj": (1536, 576), "mlp.up_proj": (1536, 576),
                            "mlp.down_proj": (576, 1536)}.items():
            w[f"layers.{i}.{name}.weight"] = torch.rand(shape) if len(shape) == 1 else torch.randn(shape) * 0.05
    return smollm.Decoder(w, torch.float32, layers)


class TestDecoder(unittest.TestCase):
    def test_blocks_of_four_and_eight_bits(self):
        """By hand: a scale, a minimum, and the lower halves of the bytes first."""
        half = lambda v: np.array([v], np.float16).tobytes()
        packed = bytes(range(16)), bytes(v << 4 for v in range(16))
        block = half(0.5) + half(-1) + bytes(a | b for a, b in zip(packed[0], reversed(packed[1])))
        data = torch.frombuffer(bytearray(block), dtype=torch.uint8)
        expected = [0.5 * v - 1 for v in [*range(16), *reversed(range(16))]]
        self.assertEqual(smollm.numbers(data, "Q4_1", [1, 32])[0].tolist(), expected)
        data = torch.frombuffer(bytearray(half(0.25) + np.arange(-16, 16, dtype=np.int8).tobytes()), dtype=torch.uint8)
        self.assertEqual(smollm.numbers(data, "Q8_0", [32]).tolist(), [0.25 * v for v in range(-16, 16)])

    def test_what_is_remembered_gives_the_same_states(self):
        decoder = random_decoder(2)
        ids = torch.arange(9)
        x = decoder.embedding[ids][None].expand(2, -1, -1)
        past = decoder.remember(ids[:4])
        whole, rest = decoder(x), decoder(x[:, 4:], past)
        self.assertLess((whole[:, 4:] - rest).abs().max().item(), 1e-5)
        later = x.clone()
        later[:, 6] += 1  # nothing before it changes
        self.assertTrue(torch.equal(decoder(later)[:, :6], whole[:, :6]))
        self.assertFalse(torch.equal(decoder(later)[:, 6:], whole[:, 6:]))


class TestConnectors(unittest.TestCase):
    RUNS = [Run("a", 8, seed=1, lr=1e-2), Run("b", 8, seed=2, lr=1e-3)]

    def learned(self, runs, steps=5):
        torch.manual_seed(3)
        calibration, x, y = torch.randn(2, 64, 384), torch.randn(4, 384), torch.randn(4, 576)
        c = Connectors(runs, torch.device("cpu"), calibration)
        kept = c.kept.clone()
        for i in range(steps):
            for p in c.parameters:
                p.grad = None
            (c(x.expand(len(runs), -1, -1)) - y).square().sum().backward()
            c.share.fill_(rate(i, steps))
            c.step()
        return c, kept, x, y

    def test_runs_side_by_side_are_runs_by_themselves(self):
        both, *_ = self.learned(self.RUNS)
        for k, run in enumerate(self.RUNS):
            alone, *_ = self.learned([run])
            for p, q in zip(both.parameters, alone.parameters):
                self.assertLess((p[k] - q[0]).abs().max().item(), 1e-6)
        self.assertGreater((both.parameters[0][0] - both.parameters[0][1]).abs().max().item(), 1e-3)

    def test_a_step_is_adamw_with_clipped_gradients(self):
        torch.set_default_dtype(torch.float64)  # near a gradient of 0 the rounding of f32 decides a step's direction
        self.addCleanup(torch.set_default_dtype, torch.float32)
        run = self.RUNS[0]
        c, _, x, y = self.learned([run])
        layers = torch.nn.Linear(384, 576), torch.nn.Linear(576, 576)
        with torch.no_grad():
            for p, q in zip([t for layer in layers for t in (layer.weight, layer.bias)], untrained(run.seed)):
                p.copy_(q)
        parameters = [p for layer in layers for p in layer.parameters()]
        optimiser = torch.optim.AdamW(parameters, lr=run.lr, weight_decay=0)
        for i in range(5):
            optimiser.param_groups[0]["lr"] = run.lr * rate(i, 5)
            optimiser.zero_grad()
            (layers[1](torch.nn.functional.gelu(layers[0](x))) - y).square().sum().backward()
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimiser.step()
        for p, q in zip(c.parameters, parameters):
            self.assertLess((p[0] - q).abs().max().item(), 1e-9)

    def test_a_held_length_stays_and_another_does_not(self):
        c, kept, *_ = self.learned([Run("a", 8, lr=1e-2), Run("b", 8, lr=1e-2, held=True)], steps=10)
        now = c.length() / kept
        self.assertAlmostEqual(now[1].item(), 1, places=4)
        self.assertGreater(abs(now[0].item() - 1), 0.01)

    def test_what_ships_is_what_was_trained(self):
        c, _, x, _ = self.learned(self.RUNS)
        self.assertLess((loaded(c.of(1), torch.device("cpu"))(x) - c(x.expand(2, -1, -1))[1]).abs().max().item(), 2e-3)


class TestRuns(unittest.TestCase):
    def test_every_sample_once_and_shuffled_captions_are_another_pictures(self):
        shown, said = orders(Run("a", 64), 8)
        self.assertEqual(sorted(shown.flatten().tolist()), list(range(64)))
        self.assertTrue(torch.equal(shown, said))
        shown, said = orders(Run("a", 64, shuffled=True), 8)
        self.assertEqual(sorted(said.flatten().tolist()), list(range(64)))
        self.assertFalse((shown == said).any())

    def test_groups_have_one_amount_and_names_of_their_own(self):
        for study in (STUDY, TOY):
            groups = study.groups(study.largest[0])
            self.assertTrue(all(len({run.samples for run in group}) == 1 for group in groups))
            names = [run.name for group in groups for run in group]
            self.assertEqual(len(names), len(set(names)))


ITEMS = [{"style": style, "kind": "thing", "phrase": phrase, "sentence": None} for phrase in
         ("a red apple", "an apple", "a dog", "a hot dog", "grapes", "a kite", "a drum", "the flag of Peru", "a rose", "a blue whale") for style in ("google", "twitter", "clipart")]


class TestSamples(unittest.TestCase):
    def test_names_become_phrases(self):
        for name, phrase in {"apple": "an apple", "grapes": "grapes", "cooked rice": "cooked rice", "bus": "a bus", "unicorn": "a unicorn", "hourglass": "an hourglass",
                             "glass of milk": "a glass of milk", "the full moon": "the full moon"}.items():
            self.assertEqual(with_article(name), phrase)
        self.assertEqual(head("a glass of milk"), "glass")
        self.assertEqual(content_words("two red apples on a table"), ["red", "apple", "table"])

    def test_titles_that_are_no_english_names_are_left_out(self):
        with tempfile.TemporaryDirectory() as folder:
            for part, words in {"noun": "spider apple", "adj": "red angry", "verb": "", "adv": ""}.items():
                Path(folder, f"index.{part}").write_text("".join(f"{w} n 1\n" for w in words.split()))
            self.assertEqual(clipart("Angry Spider 02", folder), "an angry spider")
            self.assertIsNone(clipart("ragnetto incazzato", folder))
            self.assertIsNone(clipart("red", folder))

    def test_a_held_out_name_is_in_no_training_picture(self):
        chosen = {"dog"}
        self.assertEqual([split_of(i, chosen) for i in ITEMS if i["phrase"] in ("a dog", "a hot dog", "a kite")], ["heldout"] * 6 + ["train"] * 3)
        self.assertEqual(split_of({"phrase": None, "sentence": "Dogs bark."}, chosen), "none")
        self.assertEqual(split_of({"phrase": "a dog on a kite", "sentence": None}, {"kite"}), "none")
        self.assertEqual(held_out(ITEMS), held_out(ITEMS[::-1]))

    def bank(self):
        items = [{**i, "split": split_of(i, {"dog"})} for i in ITEMS]
        return Bank([*items, {"style": "stamp", "kind": "thing", "phrase": None, "sentence": "A swan swims.", "split": "train"}])

    def test_every_form_of_every_layout_can_be_said(self):
        bank, seen = self.bank(), set()
        for split in ("train", "heldout", "scenes"):
            for i in range(400):
                s = sample(bank, 1, split, i)
                for form in range(len(FORMS[s.layout])):
                    caption = s.caption(form=form)
                    self.assertNotIn("{", caption)
                    self.assertTrue(caption[0].isupper() and caption.endswith("."), caption)
                    seen.add((s.layout, form))
                self.assertEqual(split == "heldout", any("dog" in n for n in s.names), s.names)
                self.assertEqual(s.caption(), sample(bank, 1, split, i).caption())
        self.assertEqual(seen, {(layout, form) for layout, forms in FORMS.items() for form in range(len(forms))})

    def test_a_picture_shows_what_its_caption_says(self):
        """A single red square, left or right, mirrored or not, on its background."""
        bank = torch.zeros(1, 4, 96, 96, dtype=torch.uint8)
        bank[0, 0], bank[0, 3] = 255, 255
        bank[0, 1, :, :48] = 255  # its left half is yellow
        grey = np.full((1, 2, 3), 0.5, np.float32)
        rows = {"items": torch.tensor([[0, -1, -1]] * 2), "shades": torch.from_numpy(np.concatenate([grey, grey])), "texture": torch.zeros(2, 49),
                "pattern": torch.zeros(2, dtype=torch.long), "spots": torch.tensor([[[0.25, 0.5, 0.4, 0.0]] + [[0.0] * 4] * 2, [[0.25, 0.5, 0.4, 1.0]] + [[0.0] * 4] * 2])}
        found = render(bank, rows).float() / 255
        self.assertLess((found[:, :, :, 70:] - 0.5).abs().max().item(), 0.01)  # nothing on the right
        left, right = found[0, :, 56, 12], found[0, :, 56, 40]
        self.assertLess((left - torch.tensor([1.0, 1.0, 0.0])).abs().max().item(), 0.01)
        self.assertLess((right - torch.tensor([1.0, 0.0, 0.0])).abs().max().item(), 0.01)
        self.assertLess((found[1, :, 56, 12] - torch.tensor([1.0, 0.0, 0.0])).abs().max().item(), 0.01)

    def test_the_table_holds_what_the_samples_say(self):
        bank = self.bank()
        some = [sample(bank, 1, "train", i) for i in range(30)]
        rows = table(some)
        for i, s in enumerate(some):
            self.assertEqual([v for v in rows["items"][i] if v >= 0], s.items)


if __name__ == "__main__":
    unittest.main()
