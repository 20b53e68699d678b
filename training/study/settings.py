"""The settings of the study: one base, and what is varied around it, one thing at a time."""

from dataclasses import dataclass, replace
from pathlib import Path

from ..config import DEMO, HERE, TOY, Recipe


@dataclass(frozen=True)
class Study:
    """Sizes and amounts that all members share. Tower and decoder are those of `recipe`."""

    recipe: Recipe = DEMO
    name: str = "study"
    samples: int = 4000  # images seen, each once
    tuning_samples: int = 1000  # of them, talked about again where instruction tuning follows
    batch: int = 32
    lr: float = 2e-3
    decoder_share: float = 0.25  # of the learning rate, for decoder weights where they learn too
    text_share: float = 0.2  # of the steps, where text-only data is mixed in
    picture_size: int = 256  # of the pictures before the image processor
    pairs: int = 100  # shipped for measuring, never trained on; as many as the paper takes
    eval_scenes: int = 200
    shots: tuple[int, ...] = (0, 2, 4)
    shot_scenes: int = 100
    text_scenes: int = 150

    @property
    def cache(self) -> Path:
        """Where finished members are kept."""
        return self.recipe.cache.with_name(self.name)

    @property
    def shared_weights(self) -> Path:
        """The recipe's own export, from which members take what they did not learn."""
        export = HERE.parent / "assets" / "demo" if self.recipe == DEMO else self.recipe.cache / "export"
        return export / "model" / "model.safetensors"


STUDY = Study()
TINY = Study(recipe=TOY, name="toy-study", samples=32, tuning_samples=16, batch=16, picture_size=96, pairs=4, eval_scenes=12,
              shots=(0, 2), shot_scenes=4, text_scenes=4)


@dataclass(frozen=True)
class Setting:
    """One member. What is not named is as in the base."""

    name: str
    axis: str
    label: str
    value: float | None = None  # for ordered axes: what is varied, as a number
    seed: int = 1  # of the connector's first weights and the order of the data
    replicate_of: str | None = None
    snapshot: int | None = None  # samples seen along the recipe's long pre-training; nothing is trained then
    texts: str = "conversation"  # conversation | short | medium | long: what is said about a picture
    shuffled: bool = False  # the text of another picture
    lr: float | None = None
    connector: str = "mlp2x_gelu"
    shrink: int = 1  # the side of the token grid is the side of the patch grid over this
    size: float = 1.0  # side of what the tower sees, over the size it was trained on
    sub_images: int = 0
    unfrozen: str = "connector"  # connector | half | all: what of the decoder learns too
    mix: str = "pairs"  # pairs | captions | separate | interleaved | interleaved+text
    moca: bool = False
    after: str | None = None  # the member whose training goes on here; its weights are the first ones
    few_shot: bool = False  # whether it is asked with examples before the question
    note: str | None = None

    @property
    def left_out(self) -> bool:
        """Whether its weights are left out of what ships: megabytes of decoder, only to know the seeds' noise,
        what the mix of the data changes, or what a decoder does that learns as a whole."""
        return self.axis == "mix" or self.unfrozen == "all" or self.replicate_of is not None and self.unfrozen != "connector"

    def again(self, seed: int) -> "Setting":
        """The same with another seed."""
        return replace(self, name=f"{self.name}-seed{seed}", seed=seed, replicate_of=self.name,
                       label=f"{self.label} (seed {seed})")

    def tuned(self) -> "Setting":
        """The same with instruction tuning after it: conversations about some of the pictures, as VILA has."""
        return replace(self, name=f"{self.name}-tuned", label=f"{self.label}, tuned", mix="pairs", after=self.name)


def members(study: Study = STUDY) -> list[Setting]:
    """All settings, the base first; replicates follow what they replicate."""
    recipe, S = study.recipe, Setting
    tokens = lambda grid: (recipe.image_size // recipe.patch_size // grid) ** 2
    n = recipe.image_tokens
    base = S("base", "seed", "base", few_shot=True,
             note=f"two-layer MLP, {n} image tokens, conversations about {study.samples} pictures, each seen once, at a peak "
                  f"learning rate of {study.lr}; tower and decoder frozen")
    shuffled = S("texts-shuffled", "texts", "shuffled captions", shuffled=True,
                 note="negative control: every picture has another picture's texts")
    moca = S("moca", "moca", "MoCa on", moca=True)
    half = S("unfrozen-half", "unfrozen", "upper half of the decoder", unfrozen="half")
    whole = S("unfrozen-all", "unfrozen", "whole decoder", unfrozen="all", few_shot=True)
    mixes = [
        S("mix-captions", "mix", "captions", mix="captions", unfrozen="all", few_shot=True),
        S("mix-interleaved", "mix", "interleaved", mix="interleaved", unfrozen="all", few_shot=True),
        S("mix-separate", "mix", "the same, as pairs", mix="separate", unfrozen="all", few_shot=True),
        S("mix-interleaved-text", "mix", "interleaved + text", mix="interleaved+text", unfrozen="all",
          few_shot=True, note=f"the text-only steps come on top: {study.text_share:.0%} of all"),
    ]
    listed = [
        base,
        shuffled,
        S("lr-2e-4", "learning_rate", "learning rate 2e-4", 2e-4, lr=2e-4),
        S("lr-6e-4", "learning_rate", "learning rate 6e-4", 6e-4, lr=6e-4),
        S("lr-6e-3", "learning_rate", "learning rate 6e-3", 6e-3, lr=6e-3),
        S("texts-short", "texts", "names only", texts="short"),
        S("texts-medium", "texts", "names, number, background", texts="medium"),
        S("texts-long", "texts", "all and positions", texts="long"),
        base.again(2),
        S("linear", "connector", f"linear, {n}", n, connector="linear"),
        S("mlp4", "connector", f"4-layer MLP, {n}", n, connector="mlp4x_gelu"),
        S(f"average-{tokens(2)}", "connector", f"average pooling, {tokens(2)}", tokens(2),
          connector="average_pool", shrink=2),
        S(f"attention-{tokens(2)}", "connector", f"attention pooling, {tokens(2)}", tokens(2),
          connector="attention_pool", shrink=2),
        S(f"c-abstractor-{tokens(2)}", "connector", f"C-Abstractor, {tokens(2)}", tokens(2),
          connector="c_abstractor", shrink=2),
        S(f"shuffle-{tokens(2)}", "connector", f"pixel shuffle + linear, {tokens(2)}", tokens(2),
          connector="pixel_shuffle", shrink=2),
        S(f"average-{tokens(4)}", "tokens", f"{tokens(4)} tokens, average pooling", tokens(4),
          connector="average_pool", shrink=4),
        half,
        whole,
        moca,
        *mixes,
        *resolutions(study),
        moca.again(2), shuffled.again(2), half.again(2), whole.again(2),
        S(f"attention-{n}", "connector", f"attention pooling, {n}", n, connector="attention_pool"),
        base.again(3),
        # Not all: each stores a whole decoder, and text-only data is about what is forgotten before.
        *(mix.tuned() for mix in mixes if not mix.mix.endswith("+text")),
    ]
    return listed + pretraining(recipe)


def resolutions(study: Study) -> list[Setting]:
    """Other sizes of the picture that the tower sees, and sub-images."""
    recipe = study.recipe
    side = lambda size, shrink=1: round(size * recipe.image_size) // recipe.patch_size // shrink
    small, large = round(0.75 * recipe.image_size), round(1.5 * recipe.image_size)
    sub = side(1, 2) ** 2 * 5
    return [
        Setting(f"size-{small}", "tokens", f"{side(0.75) ** 2} tokens, picture {small}", side(0.75) ** 2, size=0.75),
        Setting(f"size-{large}", "tokens", f"{side(1.5) ** 2} tokens, picture {large}", side(1.5) ** 2, size=1.5),
        Setting(f"sub-images-{sub}", "tokens", f"{sub} tokens, picture and 4 sub-images, average pooling", sub,
                sub_images=2, connector="average_pool", shrink=2,
                note="compare with average pooling of the picture alone, and with as many tokens by a linear layer"),
    ]


def pretraining(recipe: Recipe) -> list[Setting]:
    """The recipe's own long pre-training, at equal steps in log(samples), and the same from a second seed."""
    from ..connector import snapshot_samples

    first = [Setting(f"samples-{n}", "samples", f"{n:,} pairs" if n else "untrained", n, seed=recipe.seed, snapshot=n)
             for n in [0, *snapshot_samples(recipe)]]
    return first + [s.again(recipe.seed + 1) for s in first]
