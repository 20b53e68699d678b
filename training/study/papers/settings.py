"""The points of the papers' protocol: one base, and one thing varied at a time around it, as data."""

from dataclasses import dataclass, replace
from pathlib import Path

from ...config import DEMO, HERE, TOY, Recipe
from ..settings import Setting, Study


@dataclass(frozen=True)
class Papers(Study):
    """Sizes and amounts that all points share. `samples` are the captions of all axes but the amount's."""

    name: str = "papers"
    # The words of prose come on top of those of scenes: room for most of them as one token.
    recipe: Recipe = replace(DEMO, name="papers", vocab_limit=1280, decoder_texts=192_000, decoder_batch=32)
    samples: int = 8000
    amounts: tuple[int, ...] = (512, 1600, 4000, 8000, 16_000, 32_000)
    batch: int = 8  # of 32, four times fewer steps leave the connector half-way: see README.md
    lr: float = 2e-3
    rates: tuple[float, ...] = (2e-4, 6e-4, 2e-3, 6e-3)
    tuning_samples: int = 800
    tuning_lr: float = 5e-4
    seeds: int = 3  # of the base, the shuffled control and the ends of the amounts
    pairs: int = 100  # as many as the paper takes
    passage_sentences: int = 14
    eval_scenes: int = 250
    loss_scenes: int = 250
    starts: tuple[float, ...] = (1.0, 20.0)  # the vision tokens' length over the words' at the start, where it is set
    decay: float = 4.0  # weight decay of the last layer, where it holds the output's length
    prose_share: float = 0.3
    caption_share: float = 0.1
    prose_sentences: tuple[int, int] = (6, 16)

    @property
    def tower(self) -> Path | None:
        """The folder whose vision tower all points share; None: the recipe's own, trained on first use."""
        return HERE.parent / "assets" / "demo" / "model" if self.recipe.image_size == DEMO.image_size else None

    @property
    def pictures(self) -> int:
        """Distinct pictures of pre-training; each is seen once."""
        return max(*self.amounts, self.samples)


PAPERS = Papers()
TOY_PAPERS = Papers(
    name="toy-papers", recipe=replace(TOY, name="toy-papers", vocab_limit=1280, decoder_texts=64, decoder_batch=16),
    samples=32, amounts=(16, 32, 48), batch=16, tuning_samples=16, picture_size=96, pairs=6, passage_sentences=4,
    eval_scenes=6, loss_scenes=6,
)


@dataclass(frozen=True)
class Point(Setting):
    """One point: a pre-training of its own, then the tuning that all have. `texts` is a level of detail."""

    texts: str = "long"
    samples: int | None = None
    start: float | None = None  # mean length of the image tokens at the start over the words'; None: as PyTorch gives it
    hold: str | None = None  # what holds the output's length: "decay" on the last layer, or "rescaled" after every step

    @property
    def left_out(self) -> bool:
        """Whether its weights are left out of what ships: megabytes of decoder; what was found of them does ship."""
        return self.unfrozen != "connector"

    def captions(self, papers: Papers) -> int:
        """Captions of its pre-training."""
        return papers.samples if self.samples is None else self.samples


def points(papers: Papers = PAPERS) -> list[Point]:
    """All points: the base first, then what answers most for its cost, then the other seeds."""
    base = Point("base", "seed", "base", papers.samples)
    shuffled = Point("shuffled", "texts", "shuffled captions", shuffled=True)
    amounts = [Point(f"amount-{n}", "amount", f"{n:,} pairs", n, samples=n) for n in papers.amounts if n != papers.samples]
    rates = [(r, f"{r:.0e}".replace("e-0", "e-")) for r in papers.rates if r != papers.lr]
    rates = [Point(f"lr-{words}", "learning_rate", f"learning rate {words}", r, lr=r) for r, words in rates]
    once = [
        base, shuffled,
        Point("untrained", "amount", "untrained", 0, samples=0, note="what tuning alone gives"),
        *amounts,
        Point("texts-short", "texts", "names only", texts="short"),
        Point("texts-medium", "texts", "names, number, background", texts="medium"),
        *rates,
        Point("linear", "connector", "linear", connector="linear"),
        Point("mlp4", "connector", "4-layer MLP", connector="mlp4x_gelu"),
        Point("attention", "connector", "attention pooling", connector="attention_pool"),
        Point("c-abstractor", "connector", "C-Abstractor", connector="c_abstractor"),
        Point("unfrozen-half", "unfrozen", "upper half of the decoder", unfrozen="half"),
        Point("unfrozen-all", "unfrozen", "whole decoder", unfrozen="all"),
        *(Point(f"start-{s:g}", "start", f"{s:g} times the words' length", s, start=s) for s in papers.starts),
        Point("held-decay", "held", "weight decay on the last layer", hold="decay"),
        Point("held-rescaled", "held", "length kept at its start", hold="rescaled"),
    ]
    repeated = [base, shuffled, amounts[0], amounts[-1]]
    return once + [p.again(seed) for seed in range(2, papers.seeds + 1) for p in repeated]
