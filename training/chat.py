"""The tokenizer, the chat format, and batches of conversations.

Format: `<s>USER: <image>\\nquestion ASSISTANT: answer</s>USER: question ASSISTANT: answer</s>`.
The Jinja template that ships and `segments` below say the same thing; a test compares them.
"""

from collections.abc import Iterable
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from .config import Recipe
from .scenes import QUESTION_TYPES, answers, caption, conversation, make_scene

PAD, BOS, EOS, IMAGE = "<pad>", "<s>", "</s>", "<image>"
IGNORED = -100  # label of tokens that are not scored
REMEMBERED = 50_000  # pieces of text whose tokens an encoder keeps

CHAT_TEMPLATE = """\
{{ bos_token }}{% for message in messages %}\
{% if message['role'] == 'assistant' %}{{ 'ASSISTANT: ' }}{% elif message['role'] == 'user' %}{{ 'USER: ' }}{% endif %}\
{% if message['content'] is string %}{% set text = message['content'] | trim %}\
{% else %}{% set parts = namespace(text='') %}{% for part in message['content'] %}\
{% if part['type'] == 'image' %}{{ '<image>\\n' }}\
{% elif part['type'] == 'text' %}{% set parts.text = parts.text + part['text'] %}{% endif %}{% endfor %}\
{% set text = parts.text | trim %}{% endif %}\
{% if message['role'] == 'assistant' %}{{ text + eos_token }}\
{% elif text %}{{ text + ' ' }}{% endif %}{% endfor %}\
{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"""


def train_tokenizer(recipe: Recipe) -> PreTrainedTokenizerFast:
    """The tokenizer of the recipe's own texts."""
    import random

    def texts():
        for i in range(recipe.tokenizer_scenes):
            scene = make_scene(recipe.seed, "tokenizer", i)
            rng = random.Random(i)
            for style in range(3):
                yield f" {caption(scene, style)}"
            for user, assistant in conversation(scene, rng, 6):
                yield f"USER: {user} ASSISTANT: {assistant}"
        for kind in QUESTION_TYPES:
            for answer in answers(kind):
                yield from [f" {answer}"] * 3

    return tokenizer_of(recipe, texts())


def tokenizer_of(recipe: Recipe, texts: Iterable[str]) -> PreTrainedTokenizerFast:
    """A byte-level BPE over some texts; any UTF-8 text can be encoded."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=recipe.vocab_limit, min_frequency=2, special_tokens=[PAD, BOS, EOS, IMAGE],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False,
    ))
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=PAD, bos_token=BOS, eos_token=EOS,
        extra_special_tokens={"image_token": IMAGE}, model_max_length=recipe.context,
        padding_side="right", clean_up_tokenization_spaces=False,
    )


def load_tokenizer(recipe: Recipe) -> PreTrainedTokenizerFast:
    """The recipe's tokenizer, trained on first use."""
    folder = recipe.cache / "tokenizer"
    if not (folder / "tokenizer.json").exists():
        train_tokenizer(recipe).save_pretrained(folder)
    return PreTrainedTokenizerFast.from_pretrained(folder)


def segments(turns: list[tuple[str, str]], images: int) -> list[tuple[str, bool]]:
    """The conversation as text pieces; True marks what the assistant says. The first `images` turns
    begin with an image: one in a conversation about a picture, all of them in an interleaved document."""
    pieces = []
    for i, (user, assistant) in enumerate(turns):
        head = (BOS if i == 0 else "") + "USER: " + (IMAGE + "\n" if i < images else "")
        pieces.append((head + (user + " " if user else "") + "ASSISTANT:", False))
        pieces.append((" " + assistant + EOS, True))
    return pieces


class Encoder:
    """Turns conversations into token ids and labels, remembering pieces it has seen."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast, image_tokens: int) -> None:
        self.tokenizer, self.image_tokens = tokenizer, image_tokens
        self.image_id = tokenizer.convert_tokens_to_ids(IMAGE)
        self.pad_id = tokenizer.pad_token_id
        self._seen: dict[str, list[int]] = {}

    def ids(self, text: str) -> list[int]:
        if text not in self._seen:
            if len(self._seen) >= REMEMBERED:  # long texts hardly ever come again
                self._seen.clear()
            self._seen[text] = self.tokenizer.encode(text, add_special_tokens=False)
        return self._seen[text]

    def encode(self, turns: list[tuple[str, str]], slots: int | None = None, score_all: bool = False, images: int = 1):
        """(ids, labels) of one conversation; `slots` image tokens stand for each of its `images`."""
        slots = self.image_tokens if slots is None else slots
        ids: list[int] = []
        labels: list[int] = []
        for text, spoken in segments(turns, images):
            piece = []
            for t in self.ids(text):
                piece += [t] * slots if t == self.image_id else [t]
            ids += piece
            labels += piece if spoken or score_all else [IGNORED] * len(piece)
        return ids, labels

    def batch(self, rows: list[tuple[list[int], list[int]]]) -> tuple[torch.Tensor, torch.Tensor]:
        """Pads on the right (a causal model needs no mask then): ids and labels [batch, tokens]."""
        width = max(len(ids) for ids, _ in rows)
        ids = torch.full((len(rows), width), self.pad_id)
        labels = torch.full((len(rows), width), IGNORED)
        for i, (row, label) in enumerate(rows):
            ids[i, : len(row)] = torch.tensor(row)
            labels[i, : len(label)] = torch.tensor(label)
        return ids, labels
