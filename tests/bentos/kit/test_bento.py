"""The same application under `bentoml serve`."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx

from tests.bentos.kit.served import KIT, MODELS, SECONDS, status
from tests.ports import free_port

SERVICE = """
import bentoml
import slipway_kit.bento
from serving_models import Slow


@bentoml.service(name="waiting")
@slipway_kit.bento.mount(Slow)
class Service:
    pass
"""


def test_bentoml_serve_answers_as_the_container_does(tmp_path: Path) -> None:
    (tmp_path / "service.py").write_text(SERVICE)
    (tmp_path / MODELS.name).write_text(MODELS.read_text())
    port = free_port()
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(KIT)}
    environment |= {"BENTOML_HOME": str(tmp_path / "bentoml"), "BENTOML_DO_NOT_TRACK": "true"}
    log = tmp_path / "log"
    with log.open("w") as output, httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=SECONDS) as client:
        serving = subprocess.Popen(
            [
                *(sys.executable, "-m", "bentoml", "serve", "service:Service"),
                *("--working-dir", str(tmp_path), "--host", "127.0.0.1", "--port", str(port)),
            ],
            cwd=tmp_path,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            seen = [status(client)]
            ends = time.monotonic() + 60
            while seen[-1] != 200:
                assert time.monotonic() < ends, log.read_text()
                assert serving.poll() is None, log.read_text()
                time.sleep(0.05)
                seen.append(status(client))
            assert 503 in seen  # while the model was being loaded
            assert client.post("/predict", json={"ms": 0, "note": "a"}).json() == {"note": "a"}
            assert client.post("/predict", json={"ms": "long"}).json()["error"]["reason"] == "invalid"
            assert client.get("/openapi.json").json()["info"]["title"] == "Slow"
            assert "slipway_queue_depth 0.0" in client.get("/metrics").text
        finally:
            serving.send_signal(signal.SIGTERM)
            serving.wait(SECONDS)
