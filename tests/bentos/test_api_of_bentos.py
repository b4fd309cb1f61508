"""What every bento's description promises, held against its server: schemathesis asks what it allows, and what not."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from schemathesis import engine
from schemathesis.engine.events import FatalError, NonFatalError, ScenarioFinished
from slipway_kit.store import StoreError, folder_of

from slipway.paths import REPOSITORY
from tests.bentos.kit.served import Served

MODELS = {"digits": "digits.model:Digits", "encoder": "encoder.model:Encoder", "risk": "risk.model:RiskModel"}
TRAINING_SECONDS = 300.0
CONFIG = schemathesis.Config.from_dict(
    {
        "output": {"sanitization": {"enabled": False}},
        "generation": {"deterministic": True, "max-examples": 20},
        "phases": {"examples": {"enabled": False}, "stateful": {"enabled": False}},
        # A list beyond a batch breaks the description, and is answered as what it is: too large.
        "checks": {"negative_data_rejection": {"expected-statuses": ["400", "405", "413", "415", "422", "429"]}},
    }
)


def store_with(bento: str, folder: Path) -> Path:
    """This machine's store if it has the model; one with a model trained for this otherwise."""
    try:
        return folder_of(bento, os.environ).parents[2]
    except StoreError:
        environment = {**os.environ, "BENTOML_HOME": str(folder), "BENTOML_DO_NOT_TRACK": "True"}
        subprocess.run(
            [sys.executable, "-W", "ignore", "train.py"],
            cwd=REPOSITORY / "bentos" / bento,
            env=environment,
            check=True,
            capture_output=True,
            timeout=TRAINING_SECONDS,
        )
        return folder


@pytest.fixture(scope="module", params=list(MODELS))
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    bento, folder = request.param, tmp_path_factory.mktemp("served")
    server = Served(
        MODELS[bento],
        folder,
        code=REPOSITORY / "bentos" / bento,
        store=store_with(bento, folder),
        max_batch=2,  # what breaks the rules of a list need not be long
        log_sample=0,
    )
    yield server.ready()
    server.close()


def with_whole_numbers(_: schemathesis.HookContext, body: Any) -> Any:
    """The same with 1 for 1.0: JSON Schema takes that for an integer, too, and msgspec does not."""
    if isinstance(body, dict):
        return {name: with_whole_numbers(_, value) for name, value in body.items()}
    if isinstance(body, list):
        return [with_whole_numbers(_, value) for value in body]
    return int(body) if isinstance(body, float) and body.is_integer() else body


def test_a_bento_answers_as_it_is_described(served: Served) -> None:
    schema = schemathesis.openapi.from_url(f"http://127.0.0.1:{served.port}/openapi.json", config=CONFIG)
    schema.hook("map_body")(with_whole_numbers)
    failures, statuses = [], Counter[tuple[str, int]]()
    for event in engine.from_schema(schema).execute():
        if isinstance(event, NonFatalError | FatalError):
            pytest.fail(str(event))
        if isinstance(event, ScenarioFinished):
            statuses.update(
                (str(event.label), each.response.status_code)
                for each in event.recorder.interactions.values()
                if each.response is not None
            )
            failures += [
                f"{event.label}: {info.failure.title}\n{info.failure.message}\n{info.code_sample}"
                for checks in event.recorder.checks.values()
                for check in checks
                if (info := check.failure_info) is not None
            ]
    assert not failures, "\n\n".join(failures)
    for operation in ("POST /predict", "POST /predict/batch"):
        assert min(statuses[operation, status] for status in (200, 400, 405, 415, 422)) >= 2, statuses
    assert {operation for operation, status in statuses if status == 200} == {
        "POST /predict", "POST /predict/batch", "GET /livez", "GET /readyz", "GET /metrics",
    }  # fmt: skip
    assert served.metric("slipway_in_flight") == 0
    assert '"level":"error"' not in served.said
