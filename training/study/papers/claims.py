"""What the papers say of MIR after caption pre-training, and the axes, as something that can be judged.

As in the other study `mirscope study` judges, and a claim without a source is about a control of our own: here
also what length alone does, and whether something simpler than MIR orders the settings. A claim that the
other study judges, too, has its name, but for those over amounts. MIR is that of the released script's layers, as in
the paper's figures; the last one is taken after the final norm.
"""

from ..claims import MIR, MM1
from .settings import Point


def ordered(every: list[Point], axis: str) -> list[str]:
    """An axis' points, one seed of each: the base first, or where its amount belongs."""
    named = [every[0], *(p for p in every if p.axis == axis and p.replicate_of is None)]
    return [p.name for p in (sorted(named, key=lambda p: p.value) if axis == "amount" else named)]


def rates(every: list[Point], base_rate: float) -> list[str]:
    named = [p for p in every if p.axis == "learning_rate" or p.name == "base"]
    return [p.name for p in sorted(named, key=lambda p: p.lr or base_rate)]


def claims(every: list[Point], base_rate: float) -> list[dict]:
    amount, rate = [n for n in ordered(every, "amount") if n != "untrained"], rates(every, base_rate)
    texts = ["texts-short", "texts-medium", "base"]
    unfrozen = ["base", "unfrozen-half", "unfrozen-all"]
    starts, held = ordered(every, "start"), ordered(every, "held")
    once = [p.name for p in every if p.replicate_of is None]
    rows = [
        ("amount-mir", MIR, "More pairs in pre-training lower MIR", "mir_official", "decreasing", amount),
        ("amount-score", MIR, "More pairs in pre-training raise the score after tuning", "choice", "increasing", amount),
        ("amount-both", MIR, "Over amounts of pre-training, MIR falls as the score rises", "mir_official", "falls_with:choice", amount),
        ("texts-mir", MIR, "More detailed captions lower MIR", "mir_official", "decreasing", texts),
        ("texts-score", MIR, "More detailed captions raise the score after tuning", "choice", "increasing", texts),
        ("shuffled-mir", "", "Mismatched captions raise MIR", "mir_official", "increasing", ["base", "shuffled"]),
        ("shuffled-score", "", "Mismatched captions lower the score after tuning", "choice", "decreasing", ["base", "shuffled"]),
        ("rate-mir", MIR, "A higher learning rate raises MIR", "mir_official", "increasing", rate),
        ("unfrozen-mir", MIR, "Unfreezing more of the decoder lowers MIR", "mir_official", "decreasing", unfrozen),
        ("unfrozen-score", MIR, "Unfreezing more of the decoder raises the score after tuning", "choice", "increasing", unfrozen),
        ("linear-mir", MIR, "A 2-layer MLP has a lower MIR than a linear layer", "mir_official", "decreasing", ["linear", "base"]),
        ("mlp4-mir", MIR, "A 4-layer MLP has a higher MIR than a 2-layer MLP", "mir_official", "increasing", ["base", "mlp4"]),
        ("queries-mir", MIR, "Learned queries have a higher MIR than an MLP", "mir_official", "increasing", ["base", "attention"]),
        ("start-mir", "", "Image tokens that start far longer than words end at a higher MIR", "mir_official", "increasing", ["base", starts[-1]]),
        ("start-score", "", "Image tokens that start longer leave the score after tuning as it is", "choice", "same", starts),
        ("held-mir", "", "Holding the image tokens' length lowers MIR", "mir_official", "decreasing", ["base", "held-rescaled"]),
        ("held-score", "", "Holding the image tokens' length leaves the score after tuning as it is", "choice", "same", held),
        ("type-score", MM1, "At the same number of image tokens the connector's type hardly changes the score after tuning",
         "choice", "same", ["linear", "attention", "c-abstractor"]),
        ("all-score", MIR, "Over all settings, MIR falls as the score after tuning rises", "mir_official", "falls_with:choice", once),
        ("all-matched", "", "Over all settings, norm-matched MIR falls as the score after tuning rises", "norm_matched_mir",
         "falls_with:choice", once),
        ("all-loss", "", "Over all settings, the caption loss falls as the score after tuning rises", "caption_loss",
         "falls_with:choice", once),
    ]
    keys = ("id", "source", "statement", "metric", "expect", "variants")
    return [dict(zip(keys, row)) for row in rows]


def axes(every: list[Point], base_rate: float) -> list[dict]:
    rows = [
        ("amount", "Amount of pre-training", MIR, "How many pairs of a picture and its caption the connector is trained on, each amount with a whole schedule of its own.",
         True, ordered(every, "amount")),
        ("texts", "Caption detail", MIR, "How much captions say, at the same pictures; and as a control another picture's caption.",
         False, ["texts-short", "texts-medium", "base", "shuffled"]),
        ("learning_rate", "Learning rate", MIR, "The connector's peak learning rate in pre-training.", True, rates(every, base_rate)),
        ("connector", "Connector", MIR, "How patches become image tokens, at the same number of tokens.", False, ordered(every, "connector")),
        ("unfrozen", "What is unfrozen", MIR, "Whether the decoder learns beside the connector in pre-training.", False, ordered(every, "unfrozen")),
        ("start", "Length at the start", "", "How long image tokens are before pre-training, over the words' length.", False, ordered(every, "start")),
        ("held", "Length held", "", "What keeps image tokens from growing in pre-training.", False, ordered(every, "held")),
        ("seed", "Seeds", "", "The same setting with other random numbers: how far figures move by chance.", False,
         [p.name for p in every if p.name == "base" or p.replicate_of is not None]),
    ]
    keys = ("name", "title", "source", "explains", "ordered", "variants")
    return [dict(zip(keys, row)) for row in rows]
