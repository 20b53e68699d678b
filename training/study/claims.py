"""What the three papers say, as something the study can agree or disagree with.

A claim names a metric, members in an order, and what the metric should do along them. Whether it
does is decided by `mirscope study`, not here. One without a source is about a control of our own.
What was changed after the first results were seen stands in README.md.
"""

from .settings import Setting

MIR = "MIR (arXiv 2410.07167)"
VILA = "VILA (arXiv 2312.07533)"
MM1 = "MM1 (arXiv 2403.09611)"


def claims(settings: list[Setting]) -> list[dict]:
    """All claims, about members by name."""
    named = lambda axis: [s.name for s in settings if s.axis == axis and s.replicate_of is None]
    one = lambda connector, shrink: next(s.name for s in settings if s.connector == connector and s.shrink == shrink
                                         and s.axis != "seed" and not s.sub_images and s.size == 1 and not s.replicate_of)
    size = lambda factor: next(s.name for s in settings if s.size == factor and s.shrink == 1)
    sub = next(s.name for s in settings if s.sub_images)
    samples, texts = named("samples"), ["texts-short", "texts-medium", "texts-long"]
    rates = ["lr-2e-4", "lr-6e-4", "base", "lr-6e-3"]
    unfrozen = ["base", "unfrozen-half", "unfrozen-all"]
    pooled = [one(c, 2) for c in ("average_pool", "attention_pool", "c_abstractor", "pixel_shuffle")]
    # Those that README.md calls comparable: as many tokens as the base, of the long run the end alone.
    comparable = [s.name for s in settings if s.replicate_of is None and s.shrink == 1 and s.size == 1 and not s.sub_images
                  and s.name not in samples[:-1]]
    rows = [
        ("samples-mir", MIR, "More pre-training lowers MIR", "mir", "decreasing", samples),
        ("samples-score", MIR, "Along pre-training, MIR falls as the score rises", "mir", "falls_with:choice", samples),
        ("texts-mir", MIR, "More detailed captions lower MIR", "mir", "decreasing", texts),
        ("texts-score", MIR, "More detailed captions raise the score", "choice", "increasing", texts),
        ("shuffled-mir", "", "Mismatched texts raise MIR", "mir", "increasing", ["base", "texts-shuffled"]),
        ("shuffled-score", "", "Mismatched texts lower the score", "choice", "decreasing", ["base", "texts-shuffled"]),
        ("rate-mir", MIR, "A higher learning rate raises MIR", "mir", "increasing", rates),
        ("unfrozen-mir", MIR, "Unfreezing more of the decoder lowers MIR", "mir", "decreasing", unfrozen),
        ("unfrozen-score", MIR, "Unfreezing more of the decoder raises the score", "choice", "increasing", unfrozen),
        ("linear-mir", MIR, "A 2-layer MLP has a lower MIR than a linear layer", "mir", "decreasing", ["linear", "base"]),
        ("mlp4-mir", MIR, "A 4-layer MLP has a higher MIR than a 2-layer MLP", "mir", "increasing", ["base", "mlp4"]),
        ("queries-mir", MIR, "Learned queries have a higher MIR than an MLP", "mir", "increasing",
         ["base", one("attention_pool", 1)]),
        ("moca-mir", MIR, "MoCa lowers MIR", "mir", "decreasing", ["base", "moca"]),
        ("moca-score", MIR, "MoCa raises the score", "choice", "increasing", ["base", "moca"]),
        ("type-score", MM1, "At the same number of image tokens the connector's type hardly changes the score", "choice", "same",
         pooled),
        ("tokens-score", MM1, "More image tokens raise the score (pooled, then a linear layer)", "choice", "increasing",
         [one("average_pool", 4), one("average_pool", 2), "linear"]),
        ("size-score", MM1, "A higher resolution, and with it more image tokens, raises the score", "choice", "increasing", [size(0.75), "base", size(1.5)]),
        ("sub-images-score", MM1, "Sub-images, and with them five times as many image tokens, raise the score", "choice", "increasing", [one("average_pool", 2), sub]),
        ("interleaved-few-shot", VILA, "Before instruction tuning, interleaved documents raise the few-shot score over the same as separate pairs",
         "few_shot_2", "increasing", ["mix-separate", "mix-interleaved"]),
        ("interleaved-tuned-few-shot", VILA, "After instruction tuning, interleaved documents raise the few-shot score over the same as separate pairs",
         "few_shot_2", "increasing", ["mix-separate-tuned", "mix-interleaved-tuned"]),
        ("captions-few-shot", MM1, "Before instruction tuning, interleaved documents raise the few-shot score over caption pairs", "few_shot_2",
         "increasing", ["mix-captions", "mix-interleaved"]),
        ("captions-tuned-few-shot", VILA, "After instruction tuning, interleaved documents raise the few-shot score over caption pairs", "few_shot_2",
         "increasing", ["mix-captions-tuned", "mix-interleaved-tuned"]),
        ("captions-score", MM1, "Caption pairs raise the score without examples over interleaved documents", "choice",
         "increasing", ["mix-interleaved", "mix-captions"]),
        ("forgetting", VILA, "Training the decoder on image data alone makes it forget text", "text_perplexity", "increasing",
         ["base", "mix-interleaved"]),
        ("text-data", VILA, "Text-only data in the mix (in VILA: in the tuning) brings the text back", "text_perplexity", "decreasing",
         ["mix-interleaved", "mix-interleaved-text"]),
        ("all-score", MIR, "Over settings with equally many image tokens, MIR falls as the score rises", "mir",
         "falls_with:choice", comparable),
    ]
    keys = ("id", "source", "statement", "metric", "expect", "variants")
    return [dict(zip(keys, row)) for row in rows]


def axes(settings: list[Setting]) -> list[dict]:
    """What is varied, and which members to compare; the base stands among them where it belongs."""
    named = lambda axis: [s.name for s in settings if s.axis == axis]
    first = lambda axis: ["base", *named(axis)]
    value = {s.name: s.value for s in settings}
    by_value = lambda names: sorted(names, key=lambda n: (value[n] is None, value[n]))
    rates = named("learning_rate")
    rates.insert(next(i for i, n in enumerate(rates) if n == "lr-6e-3"), "base")
    tokens = [s.name for s in settings if s.axis == "tokens" or (s.connector == "average_pool" and s.axis == "connector")]
    rows = [
        ("samples", "Pre-training amount", MIR, "One long run of the connector, looked at before its first pair and then at equal steps in log(pairs); its rate comes down only at the end.",
         True, by_value(named("samples"))),
        ("texts", "Data quality", MIR, "What is said about the same pictures: how much detail, and as a control the text of another picture.",
         False, first("texts")),
        ("learning_rate", "Learning rate", MIR, "The connector's peak learning rate, at fixed data; the base has 2e-3.", True, rates),
        ("connector", "Connector", f"{MIR}, {MM1}", "How patches become image tokens; the number behind the comma is that of the image tokens.",
         False, first("connector")),
        ("tokens", "Image tokens and resolution", MM1, "How many image tokens there are, the size of the picture the tower sees, and sub-images.",
         False, ["base", "linear", *tokens]),
        ("unfrozen", "What is unfrozen", f"{MIR}, {VILA}", "Whether the decoder learns beside the connector.", False, first("unfrozen")),
        ("mix", "Data mix", f"{VILA}, {MM1}", "Caption pairs, interleaved documents, the same documents cut into pairs, and text without pictures; but for the base the decoder learns too. Tuned: conversations about some of the pictures come after it, as instruction tuning does in VILA.",
         False, first("mix")),
        ("moca", "MoCa", MIR, "A learned scale and shift of the vision tokens at the end of every layer.", False, first("moca")),
        ("seed", "Seeds", "", "The same setting with other random numbers: how far figures move by chance.", False, named("seed")),
    ]
    keys = ("name", "title", "source", "explains", "ordered", "variants")
    return [dict(zip(keys, row)) for row in rows]
