"""What is measured, and how it is started. Settings are in the peers' own files, with their sources."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from slipway.paths import REPOSITORY
from tests.bench.serving.shape import LIGHT, MODEL, PORT, WORKLOAD, Shape

ENVIRONMENT = REPOSITORY / ".venv-bench"
"""Where peers are installed (requirements/bench.txt)."""
_HERE = __package__


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A server.

    Attributes:
        name: In commands and in JSON.
        title: In reports.
        words: What starts it, behind the environment's `python -m`; `{port}` and `{model}` are filled in.
        variables: Environment variables of its own; filled in likewise.
        batched: Whether a request carries a list of one item.
    """

    name: str
    title: str
    words: tuple[str, ...]
    variables: Mapping[str, str] = field(default_factory=dict)
    batched: bool = False

    def command(self, shape: Shape, port: int) -> list[str]:
        """The words of its command line."""
        known = {"port": str(port), "model": "Digits" if shape is LIGHT else "Encoder"}
        return [str(ENVIRONMENT / "bin" / "python"), "-m", *(word.format(**known) for word in self.words)]

    def environment(self, shape: Shape, model: Path, port: int, spans: str) -> dict[str, str]:
        """Its environment variables, without those of this process.

        Args:
            shape: Of the workload.
            model: `model.onnx`.
            port: Where it listens.
            spans: Where OpenTelemetry's spans are sent.
        """
        known = {"port": str(port), "objective": f"{shape.objective * 1000:.0f}", "spans": spans}
        return {
            WORKLOAD: shape.name,
            MODEL: str(model),
            PORT: str(port),
            "PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'bentos' / 'kit'}",
            **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
            **{name: value.format(**known) for name, value in self.variables.items()},
        }


def _bentoml(name: str, title: str, service: str) -> Peer:
    return Peer(
        name=name,
        title=title,
        words=(
            *("bentoml", "serve", f"{_HERE}.bentoml_batched:{service}", "--working-dir", str(REPOSITORY)),
            *("--host", "127.0.0.1", "--port", "{port}"),
        ),
        variables={"BENTOML_DO_NOT_TRACK": "1"},
        batched=True,
    )


BARE = Peer(name="bare", title="uvicorn, constant answer", words=(f"{_HERE}.bare",))
OURS = Peer(
    name="ours",
    title="slipway-kit",
    words=("slipway_kit", f"{_HERE}.ours:{{model}}"),
    variables={
        "SLIPWAY_HOST": "127.0.0.1",
        "SLIPWAY_PORT": "{port}",
        "SLIPWAY_OBJECTIVE_MS": "{objective}",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "{spans}",
    },
)
GREEDY = Peer(name="greedy", title="Starlette, greedy batcher", words=(f"{_HERE}.greedy",))
BENTOML = _bentoml("bentoml", "BentoML batched, default", "Default")
BENTOML_TUNED = _bentoml("bentoml-tuned", "BentoML batched, tuned", "Tuned")
FASTAPI = Peer(name="fastapi", title="FastAPI + uvicorn", words=(f"{_HERE}.fastapi_plain",))
LITSERVE = Peer(name="litserve", title="LitServe batched", words=(f"{_HERE}.litserve_batched",))
RAY = Peer(
    name="ray",
    title="Ray Serve batched",
    words=(f"{_HERE}.ray_batched",),
    variables={
        "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
        "RAY_SERVE_DEFAULT_HTTP_HOST": "127.0.0.1",
        # The replica is asked directly, without the proxy between: the quickest way that Ray Serve has.
        "RAY_SERVE_DIRECT_INGRESS_MIN_HTTP_PORT": "{port}",
        "RAY_SERVE_DIRECT_INGRESS_MAX_HTTP_PORT": "65535",
        "RAY_USAGE_STATS_ENABLED": "0",
    },
)
PEERS: tuple[Peer, ...] = (OURS, GREEDY, BENTOML, BENTOML_TUNED, FASTAPI, LITSERVE, RAY)
"""What answers predictions, in the order of reports."""
