"""What the page says around its tables. Figures come from the results; a sentence that states more than they
do is not written: `so` stops the page where what it says no longer follows from them."""

from .ranks import SURE
from .settings import PAPERS

LAYERS = {"0": "into the decoder", "1": "layer 1", "3": "layer 3", "last": "last layer"}
QUANTITIES = {
    "mir": "MIR",
    "mir_exact": "MIR before the final norm",
    "mir_matched": "norm-matched MIR",
    "mir_captions": "MIR with the images' own captions as text",
    "mir_untrained_same_length": "MIR of the untrained connector at the trained one's length",
    "mir_beyond_length": "MIR beyond length: less that of the untrained connector at its length",
    "location": "location part of the distance",
    "spread": "spread part of the distance",
    "shape": "shape part of the distance",
    **{f"norm_ratio_{k}": f"norm ratio of vision to text tokens, {v}" for k, v in LAYERS.items()},
    **{f"rank_vision_{k}": f"effective rank of the vision tokens, {v}" for k, v in LAYERS.items()},
    "sinks_vision": "vision tokens over 3 medians, most in any layer",
    "sinks_text": "text tokens over 3 medians, most in any layer",
    "longest_vision": "longest vision token over the median, any layer",
    "longest_text": "longest text token over the median, any layer",
    "caption_loss": "caption loss, right image",
    "caption_loss_another": "caption loss, another image",
    "caption_loss_blank": "caption loss, grey image",
    "picture_gain": "image gain (caption loss with another image less that with the right one)",
    "text_perplexity": "perplexity of text without images",
    "score_untuned": "score before tuning",
    "score_another_picture": "score after tuning, with another image",
}
BASE = f"Base: {PAPERS.samples:,} pairs, 2-layer MLP, learning rate {PAPERS.lr:g}"

CLAIMED = [
    "- **MIR** (arXiv 2410.07167): measured after caption pre-training, MIR predicts the score after instruction tuning. It falls with "
    "more pairs and with more detailed captions, with a lower learning rate, and where more of the decoder is trained; a 2-layer MLP has a lower MIR "
    "than a linear layer, a 4-layer MLP or learned queries.",
    "- **VILA** (arXiv 2312.07533): training the decoder beside the connector brings image and text embeddings closer in deep layers; interleaved "
    "data keep few-shot accuracy.",
    "- **MM1** (arXiv 2403.09611): the number of image tokens and the resolution matter, the connector's type hardly does.",
]
SETTINGS = [
    "MIR is that of unrelated prose, on the layers of the released script, as in the paper's figures (mirscope's `official-accurate`); lower means that "
    "vision tokens are distributed more like text tokens. Before the final norm: the same with the last layer taken there (mirscope's `exact`, which "
    "the figures and the other study's verdicts show). Norm ratio: mean length of vision tokens over that of text tokens. Effective rank: the exponential of the entropy of the covariance's normalised eigenvalues. "
    "Loss in nats per token, on held-out images. Several seeds: mean \u00b1 standard deviation.",
]
CORRELATIONS = [
    "Spearman's rank correlation of the score after tuning with each quantity, one run per setting (the first seed), strongest first. "
    "In brackets: the middle 95 % when every figure is moved by its standard deviation between seeds once more; this weakens a correlation, so "
    f"the measured one may lie near an end. Pairs: pairs of settings that differ by more than {SURE:g} standard deviations of a difference in both "
    "quantities. The two losses with the wrong image and the two scores beside it are listed for completeness. Settings that "
    "were trained on shorter captions have a high caption loss for that reason alone.",
    "",
    "An axis with three settings has no useful interval.",
]

OF_REPORTS = [
    "The same for every quantity that a report of mirscope has, as `mirscope study assets/papers` measures them; settings whose weights "
    "do not ship are missing here. The Modality Integration Rate in this table is the one before the final norm. By the other protocol: "
    "over those of its settings that can be compared, as [its page](../assets/study/results.md#what-the-score-goes-with) has it.",
]
VERDICTS = [
    "`mirscope study` judges both studies by one rule, printed in [assets/papers/results.md](../assets/papers/results.md#claims): a change counts where "
    "it is no smaller than what two trainings that differ in their seed alone exceed once in 20 times. **held**: it is in the claimed direction, "
    "without a setback larger than the noise. **did not hold**: it is not. **within noise**: it is smaller. A claim that one "
    "quantity falls with another is judged by the rank correlation, over resampled settings.",
    "",
    "The other protocol ([assets/study](../assets/study/results.md)) measures MIR on the images' own captions after training on conversations, "
    "without instruction tuning, and scores the same checkpoint. Its change is of the claim of the same name. "
    "Means over seeds are shown where both ends of a claim were trained from several; their noise is that of one run over the "
    "root of the number of seeds. They are not part of the rule.",
]


class Unsupported(Exception):
    """A sentence that the results do not support any more."""


def so(condition: bool, sentence: str) -> str:
    if not condition:
        raise Unsupported(f"the results do not say this any more, write it anew: {sentence}")
    return sentence


def figure(value: float, places: int = 2) -> str:
    return f"{value:.{places}f}".replace("-", "\u2212")


def percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def rho(c: dict) -> str:
    low, high = c["spearman_95"]
    return f"{figure(c['spearman'])} ({figure(low)} to {figure(high)})"


def sign(c: dict) -> int:
    """The sign of a correlation whose interval leaves out zero; 0 of any other."""
    low, high = c["spearman_95"]
    return (low > 0) - (high < 0)


def opening(here: dict[str, int], there: dict[str, int], by: dict[str, list[dict]]) -> list[str]:
    told = lambda counts: f"{sum(counts.values())} claims of the papers: " + ", ".join(f"{n} {outcome}" for outcome, n in counts.items())
    return [f"Does MIR after caption pre-training predict the score after instruction tuning? {len(by)} settings of a small model, trained, tuned and scored "
            f"in the paper's order. Of {told(here)}. By the other protocol of this repository, of {told(there)}. What that means is "
            "[at the end](#what-it-means).", "",
            "Written by `training/run papers --page`; every number comes from `assets/papers` and `assets/study`.", "",
            "![MIR against score](../assets/papers/figures/mir-score.svg)", "",
            "![Amount of pre-training: MIR, score and losses](../assets/papers/figures/settings-amount.svg)", ""]


def done(points: list[dict], ours: dict, apart: float) -> list[str]:
    base, chance = ours["measured"]["base"], ours["study"]["chance"]
    settings = [p for p in points if p["replicate_of"] is None]
    several = {p["replicate_of"] for p in points} - {None}
    amounts = sorted({p["samples"] for p in settings} - {0})
    return [
        f"1. **Model**: a LLaVA of {base['parameters'] / 1e6:.1f} million parameters with 64 image tokens. The vision tower is the demo's. The decoder "
        f"({len(base['layers'])} layers, {base['hidden_size']} wide) was trained on text alone: prose, captions and scenes told in words.",
        f"2. **Caption pre-training**: the connector alone learns, unless a setting unfreezes more. Each of {len(settings)} settings has a whole schedule of its own, "
        f"{amounts[0]} to {amounts[-1]} pairs of an image and its caption (the base {PAPERS.samples}), each image once; {len(several)} settings were trained from {PAPERS.seeds} "
        f"seeds, {len(points)} runs in all.",
        f"3. **MIR** before tuning: {base['num_pairs']} held-out images, each with unrelated prose ({base['n_vision']} vision and {base['n_text']} text tokens). "
        f"mirscope's MIR of the written checkpoints and that of the training side differ by {100 * apart:.2g} % at most.",
        f"4. **Instruction tuning**, the same for all: {PAPERS.tuning_samples} conversations about other images; connector and decoder learn.",
        f"5. **Score**: the share of right answers to held-out questions about {PAPERS.eval_scenes} scenes. Without looking it is "
        f"{percent(chance['uniform'])} (every answer alike) or {percent(chance['majority'])} (always the most frequent one).",
        "",
        "[training/study/papers](../training/study/papers/README.md) has the details. `mirscope study assets/papers` measures the checkpoints again.",
        "",
    ]


def meaning(by: dict[str, list[dict]], noise: dict[str, dict], along: list[dict], ours: dict) -> list[str]:
    """In plain words: what MIR sees, when it can be trusted, and when not."""
    at = {(c["over"], c["of"]): c for c in along}
    every, rest = "all", "all but the shuffled control"
    one = {name: runs[0] for name, runs in by.items()}
    mean = lambda name, column: sum(r[column] for r in by[name]) / len(by[name])
    all_of = lambda name: ", ".join(figure(r["mir"]) for r in by[name])
    verdict = {v["claim"]: v for v in ours["verdicts"]}
    limit, limit_score = verdict["shuffled-mir"]["noise"], verdict["shuffled-score"]["noise"]
    trained = [n for n in one if n != "untrained"]
    above = [n for n in trained if one[n]["mir"] > one["untrained"]["mir"]]
    amounts = sorted((n for n in one if n.startswith("amount-")), key=lambda n: one[n]["samples"])
    low, high = amounts[0], amounts[-1]
    worst = max(amounts, key=lambda n: one[n]["mir"])
    about = {c["id"]: c["metric"] for c in ours["study"]["claims"]}
    changes = [abs(v["ends"][1] - v["ends"][0]) for v in ours["verdicts"] if v["ends"] and about[v["claim"]] == "mir_official"]
    small = sum(c < limit for c in changes)
    slow, *_, fast = sorted((n for n in one if n.startswith("lr-")), key=lambda n: float(n.removeprefix("lr-")))
    simple = ("caption_loss", "picture_gain", "rank_vision_last")
    return [
        so(sign(at[every, "mir"]) < 0 and sign(at[rest, "mir"]) == 0 and verdict["all-score"]["outcome"] == "within-noise"
           and sign(at[every, "mir_matched"]) < 0 and verdict["all-matched"]["outcome"] == "held",
           f"- **MIR goes with the score, but weakly.** Over all settings rho = {rho(at[every, 'mir'])}. Without the shuffled control it is "
           f"{rho(at[rest, 'mir'])}, and the interval includes zero; over resampled settings it does so with the control as well (the verdict above: within "
           f"noise). Norm-matched MIR passes both tests."),
        so(min(r["mir"] for r in by["shuffled"]) > max(r["mir"] for r in by["base"]) and verdict["shuffled-mir"]["outcome"] == "held"
           and one["start-20"]["mir"] > min(r["mir"] for r in by["shuffled"]) and verdict["start-score"]["outcome"] == "held",
           f"- **What MIR sees in every seed: a connector that learned nothing about its images.** With captions of other images MIR is "
           f"{all_of('shuffled')} (one per seed), with the right ones {all_of('base')}. The score tells the two apart as well: {percent(mean('shuffled', 'score'))} "
           f"against {percent(mean('base', 'score'))}. The reverse does not follow: tokens that start long have as high a MIR "
           f"({figure(one['start-20']['mir'])}) and score {percent(one['start-20']['score'])}."),
        so(len(above) > len(trained) / 2 and one["untrained"]["score"] < mean("base", "score") - limit_score and mean(low, "mir") - mean(high, "mir") > limit / min(len(by[low]), len(by[high])) ** 0.5
           and amounts.index(worst) not in (0, len(amounts) - 1),
           f"- **It is no measure of progress from the start of training.** The untrained connector has MIR {figure(one['untrained']['mir'])}, lower than "
           f"{len(above)} of the {len(trained)} trained settings, and scores {percent(one['untrained']['score'])} after tuning. With training MIR first "
           f"rises (to {figure(one[worst]['mir'])} at {one[worst]['samples']} pairs) and then falls: from {figure(mean(low, 'mir'))} at {one[low]['samples']} pairs to "
           f"{figure(mean(high, 'mir'))} at {one[high]['samples']} (means over seeds), while the score rises from {percent(mean(low, 'score'))} to "
           f"{percent(mean(high, 'score'))}. Among connectors trained long enough more pairs do lower MIR; before and after cannot be compared."),
        so(verdict["rate-mir"]["outcome"] == "held" and one[fast]["score"] - one[slow]["score"] > limit_score,
           f"- **It may prefer the worse learning rate.** At the highest rate MIR is {figure(one[fast]['mir'])} and the score {percent(one[fast]['score'])}, at the "
           f"lowest {figure(one[slow]['mir'])} and {percent(one[slow]['score'])}: a higher rate makes longer tokens (norm ratio {figure(one[fast]['norm_ratio_1'])} against "
           f"{figure(one[slow]['norm_ratio_1'])} at layer 1), and MIR counts length."),
        so(verdict["start-mir"]["outcome"] == "held" and verdict["start-score"]["outcome"] == "held" and verdict["held-score"]["outcome"] == "held"
           and sign(at[every, "mir_untrained_same_length"]) == 0,
           f"- **Length moves MIR without moving the score.** Image tokens that start at {one['start-20']['label'].removesuffix(' length')} length end at MIR "
           f"{figure(one['start-20']['mir'])} instead of {figure(one['base']['mir'])}, with weight decay on the last layer at {figure(one['held-decay']['mir'])}; the scores are "
           f"{percent(one['start-20']['score'])}, {percent(one['base']['score'])} and {percent(one['held-decay']['score'])}, alike within the noise "
           f"({figure(100 * limit_score, 1)} points). The untrained connector, made as long as each trained one, has a MIR that says nothing about the score "
           f"(rho = {rho(at[every, 'mir_untrained_same_length'])}). Without the effect of length MIR says more: norm-matched rho = {rho(at[every, 'mir_matched'])}, beyond "
           f"length {rho(at[every, 'mir_beyond_length'])}."),
        so(all(abs(at[every, q]["spearman"]) > abs(at[every, m]["spearman"]) for q in simple for m in ("mir", "mir_matched", "mir_beyond_length")),
           f"- **Simpler measures order the settings better.** With held-out captions: image gain, rho = {rho(at[every, 'picture_gain'])}, and caption "
           f"loss, {rho(at[every, 'caption_loss'])}. Without captions, as MIR: the effective rank of the vision tokens at the last layer, "
           f"{rho(at[every, 'rank_vision_last'])}. Captions and questions are about the same kind of scenes here, which favours the first two."),
        f"- **One run is not enough.** Between seeds MIR has a standard deviation of {figure(noise['mir']['deviation'], 3)}: two runs of the same setting differ by "
        f"{figure(limit)} or more once in 20 times. Of {len(changes)} claims about a change of MIR, {small} are about a smaller one. How large the noise of another "
        "model is only its own seeds can tell.",
        "- **Trust MIR** when the connectors compared have the same architecture and number of tokens, were trained to the end of their schedules, have a norm "
        "ratio at layer 1 that is alike, and differ by more than seeds do; and when norm-matched MIR says the same.",
        "- **Do not trust it** when one of them was hardly trained, when learning rate, starting length or weight decay changed the tokens' "
        "length, or when there is one run of each and the difference is small.",
        "- **What this cannot say**: the models are tiny, the scenes drawn, the questions our own, and there is one decoder. The paper's 7B models have a far "
        "higher MIR, of which the first layers and the tokens' length make most; nothing here was measured there.",
    ]
