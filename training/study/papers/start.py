"""The connector before training: its first weights, its output's length, and what may hold that length."""

import torch
from torch import nn

from ..connectors import Mlp
from ..modeling import FamilyLlava

CALIBRATION = 64  # pictures whose tokens' mean length is taken


def last_layer(connector: nn.Module) -> nn.Linear:
    """The layer that gives the image tokens; scaling it scales them."""
    return [m for m in connector.modules() if isinstance(m, nn.Linear)][-1]


def as_pytorch(connector: nn.Module) -> None:
    """First weights as LLaVA has them, which are PyTorch's own. What stands before the last layer of the other
    types keeps the weights of `connectors.initialise`: with PyTorch's they would pass next to nothing on."""
    mlp = isinstance(connector, Mlp) or hasattr(connector, "linear_2")  # the latter is transformers' own
    for layer in connector.modules() if mlp else [last_layer(connector)]:
        if isinstance(layer, nn.Linear):
            layer.reset_parameters()


def length(model: FamilyLlava, patches: torch.Tensor) -> torch.Tensor:
    """Mean length of the image tokens of some pictures [pictures, patches, vision width], on the device."""
    return model.image_tokens(patches).float().norm(dim=-1).mean()


@torch.no_grad()
def scale(model: FamilyLlava, factor: torch.Tensor | float) -> None:
    """Makes the image tokens longer by a factor."""
    last = last_layer(model.model.multi_modal_projector)
    last.weight.mul_(factor)
    last.bias.mul_(factor)


def word_length(model: FamilyLlava, ids: torch.Tensor) -> torch.Tensor:
    """Mean length of the embeddings of a text's tokens, on the device."""
    return model.get_input_embeddings()(ids).float().norm(dim=-1).mean()
