"""The encoder service: `bentoml serve bentos/encoder`, then POST tokens to `/predict`."""

from pathlib import Path

import bentoml
import slipway_kit.bento
from encoder.model import Encoder


@bentoml.service(name="encoder", image=slipway_kit.bento.image(Path(__file__).parent), traffic={"timeout": 10})
@slipway_kit.bento.mount(Encoder)
class Service:
    """A fixed load for benchmarks; untrained, so the answers mean nothing."""
