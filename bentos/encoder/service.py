"""The encoder service: `bentoml serve bentos/encoder`, then POST tokens to `/predict`."""

import os
from pathlib import Path

import bentoml
import slipway_kit.bento
from encoder.model import Encoder
from slipway_kit import carrying

HERE = Path(__file__).parent

# `distro` names none that BentoML knows, so that it adds no compiler and no git; the base needs Python and `uv` only.
image = bentoml.images.Image(
    base_image=os.environ.get("SLIPWAY_BASE_IMAGE", "python:3.11-slim-bookworm"),
    distro="as-given",
    python_version="3.11",
    lock_python_packages=False,
)
# What `requirements_file` does, for a path that is absolute.
image.python_packages((HERE / "requirements.txt").read_text().strip(), carrying.requirement(HERE)).build_include(
    "wheels"
)


@bentoml.service(name="encoder", image=image, traffic={"timeout": 10})
@slipway_kit.bento.mount(Encoder)
class Service:
    """A fixed load for benchmarks; untrained, so the answers mean nothing."""
