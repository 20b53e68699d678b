"""Teacher-forced choice: which of the offered answers the model finds most likely.

All answers of a question stand behind one prompt, each seeing the prompt and itself only, at the
positions it would have alone; so the prompt, with its images, is computed once.
"""

import numpy as np
import torch

from ..chat import EOS, Encoder
from ..loop import device
from .modeling import FamilyLlava

TOKENS_AT_ONCE = 6000


def packed(prompt: list[int], endings: list[list[int]]) -> tuple[list[int], list[int], list[int]]:
    """(ids, positions, part): part 0 is the prompt, part i answer number i."""
    ids, positions, part = list(prompt), list(range(len(prompt))), [0] * len(prompt)
    for i, ending in enumerate(endings, 1):
        ids += ending
        positions += range(len(prompt), len(prompt) + len(ending))
        part += [i] * len(ending)
    return ids, positions, part


@torch.no_grad()
def log_likelihoods(model: FamilyLlava, prompts: list[list[int]], endings: list[list[list[int]]],
                    image_tokens: torch.Tensor | None) -> list[list[float]]:
    """For every prompt and each of its endings: the sum of the log-probabilities of the ending's tokens.
    `image_tokens` are those of all images of all prompts, in order."""
    rows = [packed(p, e) for p, e in zip(prompts, endings)]
    width = max(len(ids) for ids, _, _ in rows)
    ids = torch.full((len(rows), width), model.config.pad_token_id)
    positions, part = torch.zeros_like(ids), torch.full_like(ids, -1)  # padding is a part of its own
    for i, row in enumerate(rows):
        for whole, values in zip((ids, positions, part), row):
            whole[i, : len(values)] = torch.tensor(values)
    sees = ((part[:, None, :] == 0) | (part[:, None, :] == part[:, :, None])).tril()
    mask = torch.zeros(sees.shape).masked_fill(~sees, torch.finfo(torch.float32).min)[:, None]
    x = model.merge(ids.to(device()), image_tokens)
    states = model.model.language_model(inputs_embeds=x, attention_mask=mask.to(device()),
                                        position_ids=positions.to(device()), use_cache=False).last_hidden_state
    result = []
    for i, (prompt, ends) in enumerate(zip(prompts, endings)):
        last, at, sums = len(prompt) - 1, len(prompt), []
        before = [[last, *range(start, start + len(e) - 1)]
                  for start, e in zip(np.cumsum([at, *map(len, ends[:-1])]).tolist(), ends)]
        logits = model.lm_head(states[i, [b for group in before for b in group]]).log_softmax(-1)
        each = logits.gather(1, torch.tensor([t for e in ends for t in e], device=device())[:, None])[:, 0]
        for piece in each.split([len(e) for e in ends]):
            sums.append(float(piece.sum()))
        result.append(sums)
    return result


def choose(model: FamilyLlava, encoder: Encoder, asked: list[tuple[list[tuple[str, str]], str, tuple[str, ...]]],
           image_tokens: torch.Tensor) -> np.ndarray:
    """The number of the chosen answer for each (examples before, question, offered answers). Every example
    and the question have an image; `image_tokens` [questions, images, tokens, width]."""
    prompts, endings = [], []
    for examples, question, offered in asked:
        ids, _ = encoder.encode([*examples, (question, "")], images=len(examples) + 1)
        empty = encoder.ids(" " + EOS)
        prompts.append(ids[: len(ids) - len(empty)])
        endings.append([encoder.ids(" " + answer + EOS) for answer in offered])
    chosen = []
    step = max(1, TOKENS_AT_ONCE // max(map(len, prompts), default=1))
    for i in range(0, len(prompts), step):
        part = slice(i, i + step)
        sums = log_likelihoods(model, prompts[part], endings[part], image_tokens[part].flatten(0, 2))
        chosen += [int(np.argmax(s)) for s in sums]
    return np.array(chosen)
