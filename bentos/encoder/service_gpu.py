"""The encoder service for a GPU: what `service.py` serves, computed by torch itself."""

from pathlib import Path

import bentoml
import slipway_kit.bento
from encoder.model import Encoder

_IMAGE = slipway_kit.bento.image(Path(__file__).parent, "requirements.gpu.txt")


@bentoml.service(name="encoder-gpu", image=_IMAGE, traffic={"timeout": 10})
@slipway_kit.bento.mount(Encoder)
class Service:
    """A fixed load for benchmarks; untrained, so the answers mean nothing."""
