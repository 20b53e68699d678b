"""Token ids as mirscope (and transformers' template of SmolLM2) has them: what stands before the image, and what follows it."""

import numpy as np
from tokenizers import Tokenizer

BEFORE = "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n<|im_start|>user\n"
BETWEEN = "\n{}<|im_end|>\n<|im_start|>assistant\n"
END, NEWLINE = 2, 198  # <|im_end|>, which ends an answer, and the line break the template writes after it
IMAGE = 64  # image tokens
ANSWER = 32  # tokens of a caption, its end included
TEXT = 44  # tokens after the image


class Prompts:
    def __init__(self, tokenizer_json: str) -> None:
        self.tokenizer = Tokenizer.from_file(tokenizer_json)
        self.before = self.ids(BEFORE)

    def ids(self, text: str) -> list[int]:
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def rows(self, said: list[tuple[str, str]]) -> dict[str, np.ndarray]:
        """Of (instruction, caption) the ids after the image [n, TEXT], where the answer begins, and the answer's
        ids [n, ANSWER], -100 where there is none. An instruction that leaves the caption no room is left out."""
        n = len(said)
        found = {"ids": np.full((n, TEXT), NEWLINE, np.int32), "start": np.zeros(n, np.int64), "labels": np.full((n, ANSWER), -100, np.int64)}
        between = {i: self.ids(BETWEEN.format(i)) for i in {"", *(i for i, _ in said)}}
        answers = self.tokenizer.encode_batch([c for _, c in said], add_special_tokens=False)
        for row, ((instruction, _), answer) in enumerate(zip(said, answers)):
            answer = answer.ids[: ANSWER - 1] + [END]
            head = between[instruction]
            if len(head) + len(answer) > TEXT:
                head = between[""]
            ids = head + answer
            found["ids"][row, : len(ids)] = ids
            found["start"][row] = len(head)
            found["labels"][row, : len(answer)] = answer
        return found
