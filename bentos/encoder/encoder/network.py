"""The network: a pre-norm transformer encoder (https://arxiv.org/abs/2002.04745), 6 layers, width 384, 6 heads.

Its weights are random and its answers mean nothing. It is as large as the small sentence encoders that are served on
CPUs (MiniLM-L6 has these very numbers, https://arxiv.org/abs/2002.10957), so a batch costs what one of theirs costs.
"""

import torch
from torch import nn

from encoder.shape import LABELS, SEQUENCE, VOCABULARY

SEED = 20261122
LAYERS = 6
WIDTH = 384
HEADS = 6


class Block(nn.Module):
    """Attention and a network of four times the width, each added to what came in."""

    def __init__(self) -> None:
        """Build the layers; weights come from torch's current seed."""
        super().__init__()
        self.before_attention = nn.LayerNorm(WIDTH)
        self.projection = nn.Linear(WIDTH, 3 * WIDTH)
        self.output = nn.Linear(WIDTH, WIDTH)
        self.before_network = nn.LayerNorm(WIDTH)
        self.network = nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """States `(n, 64, 384)` to states of the same shape."""
        query, key, value = (
            part.unflatten(-1, (HEADS, WIDTH // HEADS)).transpose(1, 2)
            for part in self.projection(self.before_attention(states)).chunk(3, dim=-1)
        )
        attended = nn.functional.scaled_dot_product_attention(query, key, value)
        states = states + self.output(attended.transpose(1, 2).flatten(-2))
        added: torch.Tensor = states + self.network(self.before_network(states))
        return added


class EncoderNetwork(nn.Module):
    """Reads 64 tokens.

    Shapes:
        input: `(n, 64)`, int64, 0 to 999.
        output: `(n, 16)`, float32: a logit for each of 16 labels that mean nothing.
    """

    def __init__(self) -> None:
        """Build the layers; weights come from torch's current seed."""
        super().__init__()
        self.tokens = nn.Embedding(VOCABULARY, WIDTH)
        self.positions = nn.Parameter(torch.randn(SEQUENCE, WIDTH))
        self.blocks = nn.Sequential(*(Block() for _ in range(LAYERS)))
        self.norm = nn.LayerNorm(WIDTH)
        self.labels = nn.Linear(WIDTH, LABELS)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Logits of a batch."""
        states = self.norm(self.blocks(self.tokens(tokens) + self.positions))
        logits: torch.Tensor = self.labels(states.mean(dim=1))
        return logits


def seeded() -> EncoderNetwork:
    """The network with the weights it has on every machine."""
    torch.manual_seed(SEED)
    return EncoderNetwork().eval()
