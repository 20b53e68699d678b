"""Stage 2: a small Llama, trained on text alone.

Three kinds of text, all from scenes the later stages do not reuse:
* plain captions, every token scored;
* reading comprehension: a caption in the user's turn, then questions and answers;
* the same conversations about a scene that is given as a list of words instead of a caption: the
  positions an image will take hold one bag of words per patch ("red circle top left" where an
  object stands, "meadow" elsewhere). A bag is one vector, the sum of its words' embeddings over
  the square root of their number, blurred by noise.
So the frozen decoder can already read words from the image's positions, and what is left for the
connector is to say in word embeddings what the tower sees.
"""

import random

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from transformers import LlamaConfig, LlamaForCausalLM, LlamaModel

from .chat import IGNORED, Encoder, load_tokenizer
from .config import Recipe
from .loop import ahead, device, reseed, train
from .scenes import POSITIONS, Scene, caption, conversation, make_scene, patch_owner

BAG = 6  # most tokens a bag holds


def text_config(recipe: Recipe, tokenizer) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=recipe.text_hidden, intermediate_size=recipe.text_mlp,
        num_hidden_layers=recipe.text_layers, num_attention_heads=recipe.text_heads,
        num_key_value_heads=recipe.text_kv_heads, head_dim=recipe.text_hidden // recipe.text_heads,
        max_position_embeddings=recipe.context, rms_norm_eps=1e-5, tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


def bags(scene: Scene, recipe: Recipe, encoder: Encoder) -> np.ndarray:
    """[image_tokens, BAG] token ids of each patch's words, -1 where there are fewer."""
    words = [f"{t.words} {POSITIONS[t.cell]}" for t in scene.things] + [scene.background]
    table = np.full((len(words), BAG), -1)
    for row, text in zip(table, words):
        ids = [i for word in text.split() for i in encoder.ids(" " + word)][:BAG]
        row[: len(ids)] = ids
    return table[patch_owner(scene, recipe.image_size, recipe.patch_size)]


def some_slots(owner: np.ndarray, count: int, rng: random.Random) -> list[int]:
    """`count` patches in order, at least one of every object among them."""
    chosen = set()
    for i in set(owner[owner >= 0]):
        at = np.flatnonzero(owner == i).tolist()
        chosen.update(rng.sample(at, 1))
    rest = [i for i in range(len(owner)) if i not in chosen]
    chosen.update(rng.sample(rest, max(0, count - len(chosen))))
    return sorted(chosen)


def bag_embeddings(table: torch.Tensor, bag: torch.Tensor, noise: float) -> torch.Tensor:
    """Word embeddings [vocab, d] and bags [n, BAG] -> one vector per bag [n, d]."""
    used = (bag >= 0).float()[..., None]
    vectors = (F.embedding(bag.clamp(min=0), table) * used).sum(-2) / used.sum(-2).sqrt()
    rms = table.detach().square().mean().sqrt()
    return vectors + noise * rms * torch.rand(len(vectors), 1, device=bag.device) * torch.randn_like(vectors)


def plain_text(scene: Scene, rng: random.Random) -> list[tuple[str, str]]:
    """A caption without a picture; every token is scored."""
    return [(caption(scene, 2), caption(scene, rng.randrange(2)))]


def reading(scene: Scene, rng: random.Random) -> list[tuple[str, str]]:
    """Reading comprehension: a caption in the user's first turn, then questions and answers."""
    turns = [t for t in conversation(scene, rng, 6) if t[1] != caption(scene, 0) and t[1] != caption(scene, 1)]
    turns[0] = (caption(scene, rng.randrange(2)) + "\n" + turns[0][0], turns[0][1])
    return turns


def scored_loss(layers: LlamaModel, head: nn.Linear, embeddings: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy over the labelled tokens; logits are computed only there."""
    hidden = layers(inputs_embeds=embeddings, use_cache=False).last_hidden_state[:, :-1]
    target = labels[:, 1:]
    at = target != IGNORED
    return F.cross_entropy(head(hidden[at]).float(), target[at])


def initialise(decoder: LlamaForCausalLM) -> None:
    """Weights of size 1/sqrt(inputs), smaller where they add to the residual stream. The usual 0.02 is
    meant for wide models; in a narrow one it leaves attention flat for hundreds of steps."""
    depth = (2 * decoder.config.num_hidden_layers) ** -0.5
    for name, p in decoder.named_parameters():
        if "embed_tokens" in name:
            torch.nn.init.normal_(p, std=0.05)
        elif p.ndim == 2 and "lm_head" not in name:
            out = name.endswith(("o_proj.weight", "down_proj.weight"))
            torch.nn.init.normal_(p, std=p.shape[1] ** -0.5 * (depth if out else 1))


def train_decoder(recipe: Recipe) -> LlamaForCausalLM:
    reseed(recipe.seed, "decoder")
    tokenizer = load_tokenizer(recipe)
    encoder = Encoder(tokenizer, recipe.image_tokens)
    decoder = LlamaForCausalLM._from_config(text_config(recipe, tokenizer), attn_implementation="eager").to(device())
    initialise(decoder)
    batch = recipe.decoder_batch
    steps = max(1, recipe.decoder_texts // batch)

    def make(step: int):
        rng = random.Random(f"{recipe.seed}/decoder/{step}")
        kind = rng.random()
        few = step < recipe.few_slots_share * steps
        slots = recipe.few_slots if few else recipe.image_tokens
        rows, found = [], []
        for i in range(batch):
            scene = make_scene(recipe.seed, "decoder", step * batch + i)
            if kind < 0.05:
                rows.append(encoder.encode(plain_text(scene, rng), images=0, score_all=True))
            elif kind < 0.15:
                rows.append(encoder.encode(reading(scene, rng), images=0))
            else:
                bag = bags(scene, recipe, encoder)
                if few:
                    owner = patch_owner(scene, recipe.image_size, recipe.patch_size)
                    bag = bag[some_slots(owner, slots, rng)]
                rows.append(encoder.encode(conversation(scene, rng, 6), slots=len(bag)))
                found.append(bag)
        ids, labels = encoder.batch(rows)
        return ids, labels, torch.from_numpy(np.concatenate(found)) if found else None

    def loss_of(data, step):
        ids, labels, bag = data
        ids, labels = ids.to(device()), labels.to(device())
        table = decoder.model.embed_tokens.weight
        embeddings = F.embedding(ids, table)
        if bag is not None:
            slots = bag_embeddings(table, bag.to(device()), recipe.slot_noise)
            embeddings = embeddings.masked_scatter((ids == encoder.image_id)[..., None], slots)
        return {"loss": scored_loss(decoder.model, decoder.lm_head, embeddings, labels), "slots": torch.tensor(0.0 if bag is None else len(bag) / batch)}

    train("decoder", decoder.parameters(), ahead(make, steps), steps, loss_of, recipe.decoder_lr,
          recipe.cache / "logs" / "decoder.csv")
    return decoder.eval()


def load_decoder(recipe: Recipe) -> LlamaForCausalLM:
    """The text-trained decoder of this recipe, trained on first use; frozen."""
    folder = recipe.cache / "decoder"
    if not (folder / "config.json").exists():
        train_decoder(recipe).save_pretrained(folder)
    return LlamaForCausalLM.from_pretrained(folder, attn_implementation="eager").to(device()).eval().requires_grad_(False)
