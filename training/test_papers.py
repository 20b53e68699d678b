"""The papers' own protocol at toy size: `python -m unittest training.test_papers`."""

import json
import random
import re
import shutil
import tempfile
import threading
import time
import unittest
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from safetensors.torch import load_file

from .chat import Encoder, load_tokenizer
from .mir import effective_rank, norm_matched, sinks
from .scenes import caption, make_scene
from .sprites import BACKGROUNDS, COLOURS, EMOJI, SHAPES, fetch_emoji
from .study.modeling import FamilyLlava
from .study.papers import page as pages
from .study.papers import steps, words
from .study.papers.batch import collate, token_losses
from .study.papers.claims import axes, claims
from .study.papers.jobs import study_in_jobs
from .study.papers.measure import states
from .study.papers.parts import lay
from .study.papers.prose import passage
from .study.papers.ranks import correlation, kendall, pooled_deviation, spearman
from .study.papers.run import finish, folder_of, pretrained, status, stored
from .study.papers.settings import PAPERS, TOY_PAPERS, points
from .study.papers.start import CALIBRATION, length, word_length
from .study.papers.steps import Group, rate, run_steps
from .study.papers.table import FIGURES, POINTS, correlations, groups, noise, row
from .study.papers.told import retold, text
from .study.papers.train import Shared, untrained
from .study.papers.write import write

CHOSEN = ("base", "shuffled", "untrained", "unfrozen-half", "attention", "start-20", "held-rescaled", "base-seed2")


class Texts(unittest.TestCase):
    def test_prose_says_nothing_that_a_picture_shows(self):
        words = set(re.findall("[a-z]+", " ".join(passage(1, "measure", i, 14) for i in range(2000)).lower()))
        shown = {*EMOJI, *SHAPES, *COLOURS, *BACKGROUNDS, "picture", "object", "objects", "left", "right", "top", "bottom", "center"}
        self.assertFalse(words & shown)

    def test_passages_are_the_same_every_time_and_all_different(self):
        first = [passage(1, "measure", i, 14) for i in range(100)]
        self.assertEqual(first, [passage(1, "measure", i, 14) for i in range(100)])
        self.assertEqual(len(set(first)), 100)
        self.assertFalse(any("{" in t or "a a" in t.split(". ") for t in first))

    def test_retold_scenes_leave_nothing_out(self):
        for i in range(100):
            scene = make_scene(1, "decoder", i)
            said = retold(scene, random.Random(i)).lower()
            for thing in scene.things:
                self.assertIn(thing.words, said)
            self.assertIn(scene.background, said)

    def test_no_text_has_an_image_in_it(self):
        encoder = Encoder(load_tokenizer(TOY_PAPERS.recipe), TOY_PAPERS.recipe.image_tokens)
        for i in range(100):
            turns, everything = text(TOY_PAPERS, make_scene(1, "decoder", i), random.Random(i))
            self.assertNotIn(encoder.image_id, encoder.encode(turns, images=0, score_all=everything)[0])


class Plan(unittest.TestCase):
    def test_points_have_names_of_their_own_and_vary_one_thing(self):
        for papers in (PAPERS, TOY_PAPERS):
            every = points(papers)
            self.assertEqual(len({p.name for p in every}), len(every))
            plain = replace(every[0], name="", axis="", label="", value=None)
            for p in every[1:]:
                changed = {k for k, v in vars(replace(p, name="", axis="", label="", value=None, note=None)).items() if v != vars(plain)[k]}
                self.assertEqual(len(changed - {"replicate_of", "seed"}) + ("seed" in changed and p.replicate_of == "base"),
                                 1, p.name)
            for rows in (claims(every, papers.lr), axes(every, papers.lr)):
                for r in rows:
                    self.assertLessEqual(set(r["variants"]), {p.name for p in every}, r)

    def test_axes_are_in_their_order(self):
        every = points()
        by_name = {p.name: p for p in every}
        order = {a["name"]: [by_name[n] for n in a["variants"]] for a in axes(every, PAPERS.lr)}
        amounts = [p.captions(PAPERS) for p in order["amount"]]
        self.assertEqual(amounts, sorted({0, *PAPERS.amounts}))
        rates = [p.lr or PAPERS.lr for p in order["learning_rate"]]
        self.assertEqual(rates, sorted(PAPERS.rates))
        self.assertTrue(all(n % PAPERS.batch == 0 for n in amounts))


class Steps(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def run_to(self, name, stop=None):
        torch.manual_seed(0)
        p = torch.nn.Parameter(torch.randn(4, 4))
        count = iter(range(10**6))

        def loss_of(batch):
            if next(count) == stop:
                raise KeyboardInterrupt
            return {"loss": ((p - batch) ** 2).sum()}

        make = lambda i: torch.full((4, 4), float(i))
        run_steps(name, [Group([p], weight_decay=0.1)], 50, make, loss_of, 0.1, self.folder / f"{name}.pt", self.folder / f"{name}.csv")
        return p.detach()

    def test_a_run_that_was_cut_off_ends_where_one_that_was_not_does(self):
        whole = self.run_to("whole")
        with patch.object(steps, "SAVE_EVERY", 0.0):
            for stop in (7, 1, 30):
                with self.assertRaises(KeyboardInterrupt):
                    self.run_to("cut", stop)
            self.assertTrue(torch.equal(self.run_to("cut"), whole))
        last = [(self.folder / f"{n}.csv").read_text().splitlines()[-1].split(",")[0] for n in ("whole", "cut")]
        self.assertEqual(last, ["50", "50"])

    def test_the_rate_rises_and_falls_to_nothing(self):
        every = [rate(i, 200) for i in range(200)]
        self.assertEqual(int(np.argmax(every)), 5)
        self.assertEqual(max(every), 1.0)
        self.assertLess(every[-1], 1e-3)
        self.assertTrue(all(a > b for a, b in zip(every[6:], every[7:])))

    def test_it_waits_while_the_file_is_there(self):
        file = self.folder / "PAUSE"
        file.touch()
        with patch.object(steps, "PAUSE", file):
            threading.Timer(0.3, file.unlink).start()
            started = time.monotonic()
            steps.Pause()()
            self.assertGreater(time.monotonic() - started, 0.3)


class Figures(unittest.TestCase):
    def test_rank_correlations(self):
        x, y = np.array([1.0, 2, 3, 4, 5]), np.array([2.0, 1, 4, 3, 5])
        self.assertAlmostEqual(float(spearman(x, y)), 0.8)
        self.assertAlmostEqual(float(kendall(x, y)), 0.6)
        self.assertAlmostEqual(float(spearman(np.array([1.0, 2, 2, 3]), np.array([1.0, 2, 3, 4]))), 0.9486833)
        self.assertAlmostEqual(pooled_deviation([[1, 3], [5, 5, 5]])[0], (2 / 3) ** 0.5)
        self.assertIsNone(pooled_deviation([[1], [2]]))

    def test_noise_widens_a_correlation_and_takes_pairs_away(self):
        x, y = list(range(8)), [-v for v in range(8)]
        quiet, loud = correlation(x, y, 1e-6, 1e-6), correlation(x, y, 5.0, 5.0)
        self.assertEqual((quiet["spearman"], quiet["kendall"], quiet["disagree"], quiet["agree"]), (-1.0, -1.0, 28, 0))
        self.assertEqual(quiet["spearman_95"], [-1.0, -1.0])
        self.assertGreater(loud["spearman_95"][1], 0)
        self.assertEqual(loud["pairs_beyond_noise"], 0)

    def test_what_stands_beside_mir(self):
        rng = np.random.default_rng(0)
        v, t = rng.standard_normal((500, 8)), rng.standard_normal((600, 8)) + 1
        self.assertAlmostEqual(norm_matched([(v, t)])["mir"], norm_matched([(30 * v, 7 * t)])["mir"])
        self.assertTrue(7.8 < effective_rank(v) <= 8)
        self.assertAlmostEqual(effective_rank(v * [1, 0, 0, 0, 0, 0, 0, 0]), 1)
        v[3] *= 100
        found = sinks(v)
        self.assertEqual(found["count"], 1)
        self.assertGreater(found["longest"], 10)


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.found = pages.read()

    def test_it_is_what_the_results_give(self):
        self.assertEqual(pages.page(self.found), pages.PAGE.read_text(), "run `training/run papers --page`")

    def test_every_quantity_has_a_name(self):
        self.assertEqual({*words.QUANTITIES, "score"}, {*FIGURES, "mir_exact"})

    def test_what_ships_is_complete(self):
        for line in (pages.OURS / "pairs.jsonl").read_text().splitlines():
            self.assertTrue((pages.OURS / json.loads(line)["image"]).is_file())
        for v in self.found["ours"]["study"]["variants"]:
            self.assertTrue(v.get("left_out") or (pages.OURS / v["folder"] / "learned.safetensors").is_file(), v["name"])
        self.assertLess(pages.agreement(self.found), 1e-3)

    def test_results_of_other_checkpoints_are_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            for name in (POINTS, "results.json", "variants.json"):
                shutil.copy(pages.OURS / name, folder)
            pages.read(ours=folder)
            rows = json.loads((folder / POINTS).read_text())
            rows[3]["score"] += 0.01
            (folder / POINTS).write_text(json.dumps(rows))
            self.assertRaises(pages.Stale, pages.read, ours=folder)

    def test_verdicts_are_those_of_the_results(self):
        score = lambda v: {"choice": {"value": v}}
        variants = [{"name": n, "replicate_of": of, "scores": score(v)}
                    for n, of, v in [("a", None, 0.5), ("a-2", "a", 0.54), ("b", None, 0.6), ("b-2", "b", 0.7), ("b-3", "b", 0.8)]]
        claim = {"id": "x", "metric": "choice", "variants": ["a", "b"]}
        verdict = {"claim": "x", "outcome": "did-not-hold", "ends": [0.5, 0.6], "noise": 0.08, "rank": {"rho": 1.0, "n": 2}, "note": "why"}
        made_up = {"study": {"variants": variants, "claims": [claim]}, "verdicts": [verdict], "measured": {}}
        self.assertEqual(pages.verdict_cells(made_up, "x"), ["**did not hold**", "+10.0 points, noise 8.0 points; why"])
        self.assertEqual(pages.verdict_cells(made_up, "y"), ["not asked", "-"])
        # 0.7 - 0.52, and 0.08 over the root of the smaller number of seeds
        self.assertEqual(pages.of_means(made_up, claim, verdict), "+18.0 points, noise 5.7 points (2 seeds)")
        verdict |= {"outcome": "within-noise", "ends": None, "noise": None, "rank": {"rho": -0.25, "n": 9}, "note": None}
        self.assertEqual(pages.verdict_cells(made_up, "x"), ["**within noise**", "rho = \u22120.25 (n = 9)"])
        self.assertEqual(pages.of_means(made_up, claim, verdict), "-")

    def test_quantities_of_reports_are_told_with_the_noise_of_all_else(self):
        runs = [("a", None, 0.1, 4.0), ("b", None, 0.2, 3.0), ("c", None, 0.3, 2.0), ("d", None, 0.4, 1.0), ("a-2", "a", 0.101, 4.001)]
        points = [{"name": n, "replicate_of": of, "score": score} for n, of, score, _ in runs] + [{"name": "e", "replicate_of": None, "score": 0.9}]
        quantity = lambda v: {"id": "never-seen", "label": "never seen", "value": v}
        ours = {"measured": {n: {"quantities": [quantity(v)]} for n, _, _, v in runs} | {"e": {}}}
        there = {"over": "comparable", "x": "quantity_never-seen", "y": "choice", "rank": {"rho": 0.5, "n": 7}}
        lines = pages.quantity_table(points, ours, {"correlations": [there]})
        self.assertIn("Spearman, 4 settings", lines[0])
        self.assertEqual(lines[2], "| never seen | \u22121.00 (\u22121.00 to \u22121.00) | \u22121.00 (\u22121.00 to \u22121.00) | 0 / 6 | 0.50 (n = 7) |")
        self.assertEqual(pages.quantity_table(points, {"measured": {p["name"]: {} for p in points}}, {"correlations": []}), [])

    def test_several_seeds_are_a_mean_and_a_deviation(self):
        self.assertEqual(pages.spread([0.5], pages.share), "50.0 %")
        self.assertEqual(pages.spread([0.4, 0.6], pages.share), "50.0 \u00b1 14.1 %")
        self.assertEqual(pages.spread([1, 2, 3], pages.number), "2.00 \u00b1 1.00")

    def test_words_that_the_figures_do_not_bear_are_not_written(self):
        axes, ours = self.found["ours"]["study"]["axes"], self.found["ours"]
        columns = (*words.QUANTITIES, "score")
        said = lambda rows: words.meaning(groups(rows), noise(rows, columns), correlations(rows, axes, columns), ours)
        rows = [dict(r) for r in self.found["points"]]
        self.assertEqual(len(said(rows)), 10)
        for r in rows:
            if r["name"] == "start-20":
                r["mir"] = 1.0  # below every shuffled one
        self.assertRaisesRegex(words.Unsupported, "learned nothing", said, rows)


class Road(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        fetch_emoji(TOY_PAPERS.recipe.downloads)
        cls.papers = TOY_PAPERS
        cls.every = points(cls.papers)
        lay(cls.papers)
        shutil.rmtree(cls.papers.recipe.cache / "points", ignore_errors=True)
        cls.shared = Shared(cls.papers)
        cls.points = {p.name: p for p in cls.every if p.name in CHOSEN}
        cls.found = {n: finish(cls.shared, p) for n, p in cls.points.items()}
        cls.said = write(cls.papers, cls.every)
        cls.out = cls.papers.recipe.cache / "export"

    def test_finished_points_are_not_made_again(self):
        files = {f: f.stat().st_mtime_ns for n in CHOSEN for f in folder_of(self.papers, self.points[n]).iterdir()}
        for p in self.points.values():
            finish(self.shared, p)
        self.assertEqual(files, {f: f.stat().st_mtime_ns for f in files})
        self.assertIn(f"{len(CHOSEN)} of {len(self.every)}", status(self.papers, self.every))
        self.assertIsNone(stored(self.papers, replace(self.points["base"], lr=0.5), "captions"))

    def test_several_processes_find_what_one_finds(self):
        elsewhere = replace(self.papers, recipe=replace(self.papers.recipe, name="toy-papers-jobs"))
        shutil.rmtree(elsewhere.recipe.cache, ignore_errors=True)
        chosen = [self.points["base"], self.points["untrained"]]
        study_in_jobs(elsewhere, chosen, jobs=2, threads=1)
        for p in chosen:
            found = {stage: stored(elsewhere, p, stage) for stage in self.found[p.name]}
            one, other = (row(p, f) for f in (self.found[p.name], found))
            self.assertEqual(one.keys(), other.keys())
            for key, value in one.items() - {("seconds", one["seconds"])}:
                self.assertAlmostEqual(value, other[key], delta=1e-5) if isinstance(value, float) else self.assertEqual(value, other[key])

    def test_tables_are_complete(self):
        table, data = (json.loads(p.read_text()) for p in (self.papers.recipe.cache / "table.json", self.out / "variants.json"))
        self.assertEqual(json.loads((self.out / POINTS).read_text()), table["points"])
        self.assertEqual([p["name"] for p in table["points"]], [p.name for p in self.every if p.name in CHOSEN])
        self.assertEqual({v["name"] for v in data["variants"]}, set(CHOSEN))
        for p in table["points"]:
            self.assertTrue(all(np.isfinite(v) for v in p.values() if isinstance(v, float)), p)
        self.assertIn("mir", {c["of"] for c in table["correlations"]})
        self.assertIn("mir", table["noise"])
        self.assertEqual(len((self.out / "pairs.jsonl").read_text().splitlines()), self.papers.pairs)

    def test_what_mirscope_measured_outlives_another_writing(self):
        (self.out / "results.json").write_text("{}")
        (self.out / "figures").mkdir(exist_ok=True)
        write(self.papers, self.every)
        self.assertEqual((self.out / "results.json").read_text(), "{}")
        self.assertTrue((self.out / "figures").is_dir())

    def test_a_written_member_measures_as_its_point_did(self):
        for name in ("base", "unfrozen-half", "attention"):
            model = FamilyLlava.from_pretrained(self.out / name, dtype=torch.float32, attn_implementation="eager").eval()
            ours = pretrained(self.shared, self.points[name])
            texts, pictures = self.shared.prose[:3], range(3)
            for (v, t), (w, u) in zip(states(self.shared, model, texts, pictures), states(self.shared, ours, texts, pictures)):
                np.testing.assert_allclose(v, w, atol=1e-5)
                np.testing.assert_allclose(t, u, atol=1e-5)

    def test_only_what_is_unfrozen_learns_before_tuning(self):
        learned = {n: set(load_file(folder_of(self.papers, p) / "learned.safetensors")) for n, p in self.points.items()}
        self.assertTrue(all("projector" in k for k in learned["base"]))
        self.assertTrue(any(".layers.1." in k for k in learned["unfrozen-half"]))
        self.assertFalse(any(".layers.0." in k for k in learned["unfrozen-half"]))

    def test_lengths_start_and_stay_as_said(self):
        calibration, words = self.shared.patches["connector"][:CALIBRATION].float(), self.shared.prose_ids()
        with torch.no_grad():
            far = untrained(self.shared, self.points["start-20"])
            self.assertAlmostEqual(float(length(far, calibration) / word_length(far, words)), 20, delta=0.01)
            before = length(untrained(self.shared, self.points["held-rescaled"]), calibration)
            after = length(pretrained(self.shared, self.points["held-rescaled"]), calibration)
            self.assertAlmostEqual(float(after / before), 1, delta=0.01)
            self.assertAlmostEqual(row(self.points["untrained"], self.found["untrained"])["mir_beyond_length"], 0, delta=1e-3)

    def test_padding_counts_for_nothing(self):
        model = pretrained(self.shared, self.points["base"])
        rows = [self.shared.encoder.encode([("", caption(s, 0))]) for s in self.shared.scenes["heldout"][:3]]
        images = [model.image_tokens(self.shared.patches["heldout"][i : i + 1].float()) for i in range(3)]
        batch = collate(self.shared.encoder, rows)
        with torch.no_grad():
            together = token_losses(model, batch, torch.cat(images))
            alone = [token_losses(model, collate(self.shared.encoder, [r]), x).sum() for r, x in zip(rows, images)]
        self.assertEqual(float(together[batch.count :].abs().sum()), 0)
        self.assertAlmostEqual(float(together.sum()), float(sum(alone)), delta=1e-2)


if __name__ == "__main__":
    unittest.main()
