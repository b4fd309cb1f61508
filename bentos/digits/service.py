"""The digits service: `bentoml serve bentos/digits`, then POST an image to `/predict`."""

from pathlib import Path

import bentoml
import slipway_kit.bento
from digits.model import Digits


@bentoml.service(name="digits", image=slipway_kit.bento.image(Path(__file__).parent), traffic={"timeout": 10})
@slipway_kit.bento.mount(Digits)
class Service:
    """Reads handwritten digits."""
