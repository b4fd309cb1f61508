"""The encoder's image for a GPU: built, and asked here. Without a GPU torch answers on a processor.

What is shown is all but the GPU: the image carries torch with the CUDA libraries that it loads, starts by the
container's command, and answers as the exported network does that the processor's image carries.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import pytest

from infra.models.planning import BENTO_SOURCES, KIT_COMMAND
from slipway.building import sources
from slipway.building.base import Builder
from slipway.engines.locate import Programs, needed
from slipway.environment import deliver_images
from slipway.errors import CommandError
from slipway.paths import REPOSITORY
from slipway.progress import Progress
from tests.alone import alone
from tests.drills.figures import figure
from tests.snapshot import Snapshot, settled_difference

pytestmark = pytest.mark.drill

_TOLD = "told:"
_INSIDE = """
import contextlib, importlib.util, json, os, signal, subprocess, sys, time, urllib.request

import torch

words, request = json.loads(sys.argv[1])
server = subprocess.Popen(words, stdout=sys.stderr)
try:
    for _ in range(1200):
        with contextlib.suppress(OSError):
            urllib.request.urlopen("http://127.0.0.1:3000/readyz", timeout=5)
            break
        assert server.poll() is None, "the server has ended"
        time.sleep(0.1)
    kind = {"content-type": "application/json"}
    asked = urllib.request.Request("http://127.0.0.1:3000/predict/batch", json.dumps(request).encode(), kind)
    answers = [each["output"] for each in json.load(urllib.request.urlopen(asked, timeout=60))["results"]]
finally:
    server.send_signal(signal.SIGTERM)
    status = server.wait(60)
told = {
    "answers": answers,
    "status": status,
    "user": os.getuid(),
    "cuda": torch.version.cuda,
    "cudnn": torch.backends.cudnn.version(),
    "architectures": torch._C._cuda_getArchFlags().split(),
    "has_onnxruntime": importlib.util.find_spec("onnxruntime") is not None,
}
print(sys.argv[2] + json.dumps(told))
"""
"""Run in the image: what it carries, and what it answers by its container's command."""


@dataclass(frozen=True)
class Said:
    """What was found in the image, how it ended without a GPU, and what the processor's image would have answered."""

    told: dict[str, Any]
    refused: CommandError
    expected: list[dict[str, Any]]


@contextmanager
def _container(builder: Builder, archive: str) -> Iterator[str]:
    container = builder.buildah("from", "--quiet", f"oci-archive:{archive}")
    try:
        yield container
    finally:
        image = builder.buildah("inspect", "--format", "{{.FromImageID}}", container)
        builder.buildah("rm", container)
        builder.buildah("rmi", image)


@pytest.fixture(scope="module")
def said() -> Iterator[Said]:
    """Build the image, and ask what it serves."""
    (build,) = deliver_images(["encoder-gpu"], Progress(quiet=True))
    figure("encoder's GPU image, unpacked", f"{build.unpacked_bytes / 1e9:.1f} GB")
    before = Snapshot.take()
    tokens = np.random.default_rng(20261124).integers(0, 1000, (16, 64)).tolist()
    request = [{"tokens": each} for each in tokens]
    programs = Programs(needed("build"))
    with Builder(programs) as builder, _container(builder, build.archive) as container:
        run = alone(str(programs.path("buildah")), "run", "--workingdir", BENTO_SOURCES)
        inside = ("python", "-c", _INSIDE, json.dumps([KIT_COMMAND, request]), _TOLD)
        slow = ("--env", "ENCODER_RUNTIME=torch", "--env", "SLIPWAY_OBJECTIVE_MS=60000")
        lines = builder.run(*run, *slow, container, "--", *inside).splitlines()
        with pytest.raises(CommandError) as refused:
            builder.run(*run, container, "--", "timeout", "300", *KIT_COMMAND)
    (told,) = [line.removeprefix(_TOLD) for line in lines if line.startswith(_TOLD)]
    yield Said(json.loads(told), refused.value, _by_the_processors_image(request))
    assert settled_difference(before) == {}


def _by_the_processors_image(request: list[dict[str, Any]]) -> list[dict[str, Any]]:
    sys.path.insert(0, str(REPOSITORY / "bentos" / "encoder"))
    from encoder.model import Encoder, Tokens  # noqa: PLC0415  # only now on the path

    models = sources.store() / "models" / "encoder"
    encoder = Encoder()
    encoder.load(models / (models / "latest").read_text())
    return [msgspec.to_builtins(each) for each in encoder.predict_batch([Tokens(**each) for each in request])]


def test_it_carries_torch_and_what_a_gpu_needs(said: Said) -> None:
    assert said.told["cuda"], "torch was built for processors alone"
    assert said.told["cudnn"] > 0
    assert {"sm_80", "sm_90"} <= set(said.told["architectures"]), "A100 and H100"
    assert not said.told["has_onnxruntime"]


def test_the_containers_command_answers_as_the_exported_network_does(said: Said) -> None:
    assert [each["label"] for each in said.told["answers"]] == [each["label"] for each in said.expected]
    for answer, expected in zip(said.told["answers"], said.expected, strict=True):
        assert answer["logit"] == pytest.approx(expected["logit"], abs=1e-3)
    assert len({each["label"] for each in said.expected}) > 1, "the requests do not tell networks apart"


def test_a_pod_that_has_no_gpu_after_all_ends_and_says_why(said: Said) -> None:
    assert said.refused.status != 124, "it went on"
    assert "NVIDIA" in said.refused.output


def test_it_serves_as_nobody_and_ends_when_told(said: Said) -> None:
    assert said.told["user"] != 0
    assert said.told["status"] == 0
