"""The network: 30 features in, one logit out. Imported for training only."""

import torch
from torch import nn

from risk.features import FEATURES


class RiskNetwork(nn.Module):
    """Scores a case; the scale of its features is part of it, so that nobody who serves it can forget it.

    Shapes:
        input: `(n, 30)`, float32.
        output: `(n,)`, float32 logits of being malignant.
    """

    mean: torch.Tensor
    deviation: torch.Tensor

    def __init__(self, mean: torch.Tensor, deviation: torch.Tensor) -> None:
        """Build the layers; weights come from torch's current seed."""
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)
        self.layers = nn.Sequential(nn.Linear(len(FEATURES), 32), nn.ReLU(), nn.Dropout(0.5), nn.Linear(32, 1))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Logits of a batch of cases."""
        logits: torch.Tensor = self.layers((features - self.mean) / self.deviation).squeeze(-1)
        return logits


class Calibrated(nn.Module):
    """The network with its temperature: what it says is as often true as it says (Guo et al., ICML 2017).

    Shapes:
        input: `(n, 30)`, float32.
        output: `(n,)`, float32 probabilities of being malignant.
    """

    def __init__(self, network: RiskNetwork, temperature: float) -> None:
        """Put both together."""
        super().__init__()
        self.network = network
        self.temperature = temperature

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Probabilities of a batch of cases."""
        return torch.sigmoid(self.network(features) / self.temperature)
