"""The risk service: `bentoml serve bentos/risk`, then POST a case to `/predict`."""

from pathlib import Path

import bentoml
import slipway_kit.bento
from risk.model import RiskModel


@bentoml.service(name="risk", image=slipway_kit.bento.image(Path(__file__).parent), traffic={"timeout": 10})
@slipway_kit.bento.mount(RiskModel)
class Service:
    """Says how likely a tumour is malignant, and what it is unsure of."""
