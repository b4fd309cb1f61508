"""The page on writing a bento, taken literally: its files are written, its commands run, its answers compared.

A block's info string says what becomes of it: `title=FILE` is written, `append=FILE` is added, `sh serves` is left
running until the next one, `sh later` is not run (it needs a machine of its own), `json answer` is what the last
command says, and any other `sh` is run.
"""

import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from infra.settings import parse_file
from slipway.answers import load_example
from slipway.paths import REPOSITORY
from tests.ports import free_port

pytestmark = pytest.mark.drill

PAGE = REPOSITORY / "docs" / "serving" / "write-a-bento.md"
BIN = Path(sys.executable).parent
SECONDS = 120.0
_BLOCK = re.compile(r"^```(\w+) ?(.*?)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PAGES_ADDRESS = "127.0.0.1:3000"
_CURL = f"""#!{sys.executable}
import sys, httpx
body, url = sys.argv[-2:]
print(httpx.post(url, content=body, headers={{"content-type": "application/json"}}).text)
"""
"""For machines without it: as much of curl as the page uses."""


class Served(NamedTuple):
    """What one server said."""

    openapi: Any
    answer: httpx.Response


@dataclass
class Reader:
    """Somebody who does what the page says, in a checkout of their own."""

    folder: Path
    servers: dict[str, Served] = field(default_factory=dict)
    """By the first word of their command."""
    shown: list[Any] = field(default_factory=list)
    told: list[Any] = field(default_factory=list)
    """What the commands said where the page shows an answer."""
    said: str = ""
    """By the last command."""

    def __post_init__(self) -> None:
        for name in ("infra", "slipway", "stacks"):  # a copy's commands look at the copy
            shutil.copytree(REPOSITORY / name, self.checkout / name)
        for name in ("bentos/digits", "bentos/kit", "pyproject.toml", ".venv"):
            (self.checkout / name).parent.mkdir(exist_ok=True)
            (self.checkout / name).symlink_to(BIN.parent if name == ".venv" else REPOSITORY / name)
        commands = self.folder / "bin"
        commands.mkdir()
        if shutil.which("curl") is None:
            (commands / "curl").write_text(_CURL)
            (commands / "curl").chmod(0o755)
        self.environment = {
            "PATH": f"{BIN}:{os.environ['PATH']}:{commands}",
            "HOME": str(self.folder),
            "PYTHONPATH": str(self.checkout),
            "BENTOML_HOME": str(self.folder / "bentoml"),
            "BENTOML_DO_NOT_TRACK": "true",
            "BENTOML_HOST": "127.0.0.1",
            "SLIPWAY_HOST": "127.0.0.1",
            "SLIPWAY_OBJECTIVE_MS": "10000",
            "SLIPWAY_DRAIN_DELAY_SECONDS": "0",
        }

    @property
    def checkout(self) -> Path:
        return self.folder / "checkout"

    @property
    def request(self) -> Any:
        return json.loads((self.checkout / "bentos/wine/example.json").read_text())["request"]

    def follow(self, page: str) -> None:
        blocks = [(language, mark, text) for language, mark, text in _BLOCK.findall(page)]
        files = {mark.partition("=")[2]: text for _, mark, text in blocks if "=" in mark}
        asked = json.loads(files["bentos/wine/example.json"])["request"]
        with contextlib.ExitStack() as running:
            address = _PAGES_ADDRESS
            for language, mark, text in blocks:
                kind, _, name = mark.partition("=")
                if kind in ("title", "append"):
                    (self.checkout / name).parent.mkdir(parents=True, exist_ok=True)
                    with (self.checkout / name).open("w" if kind == "title" else "a") as file:
                        file.write(text)
                elif (language, mark) == ("sh", "serves"):
                    running.close()
                    address = running.enter_context(self.serving(text))
                    self.servers[shlex.split(text.rpartition("&&")[2])[0]] = ask(address, asked)
                elif (language, mark) == ("sh", ""):
                    self.run(text.replace(_PAGES_ADDRESS, address))
                elif (language, mark) == ("json", "answer"):
                    self.shown.append(json.loads(text))
                    self.told.append(json.loads(self.said))
                else:
                    assert (language, mark) == ("sh", "later"), f"nobody knows what to do with ```{language} {mark}"

    def run(self, command: str) -> None:
        done = subprocess.run(
            ["bash", "-ec", command],
            cwd=self.checkout,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{command}{done.stdout}{done.stderr}"
        self.said = done.stdout

    @contextlib.contextmanager
    def serving(self, command: str, **more: str) -> Iterator[str]:
        """Run a server as long as it is needed; gives its address once it is ready."""
        port = str(free_port())
        environment: Mapping[str, str] = {**self.environment, "SLIPWAY_PORT": port, "BENTOML_PORT": port, **more}
        log = self.folder / f"{port}.log"
        with log.open("w") as output:
            server = subprocess.Popen(
                ["bash", "-ec", command],
                cwd=self.checkout,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            ends = time.monotonic() + SECONDS
            while not is_ready(f"127.0.0.1:{port}"):
                assert time.monotonic() < ends, log.read_text()
                assert server.poll() is None, log.read_text()
                time.sleep(0.1)
            yield f"127.0.0.1:{port}"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGTERM)
            try:
                server.wait(30)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(server.pid, signal.SIGKILL)


def is_ready(address: str) -> bool:
    try:
        return httpx.get(f"http://{address}/readyz", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def ask(address: str, item: Any) -> Served:
    with httpx.Client(base_url=f"http://{address}", trust_env=False, timeout=SECONDS) as client:
        return Served(client.get("/openapi.json").json(), client.post("/predict", json=item))


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    reader = Reader(tmp_path_factory.mktemp("reader"))
    reader.follow(PAGE.read_text())
    return reader


def test_the_answers_are_what_the_page_shows(reader: Reader) -> None:
    [(shown, told)] = zip(reader.shown, reader.told, strict=True)
    assert told == {"grower": shown["grower"], "probability": pytest.approx(shown["probability"], abs=0.01)}


def test_the_example_is_what_the_model_answers(reader: Reader) -> None:
    example = load_example("wine", reader.checkout)
    assert example is not None
    for served in reader.servers.values():
        assert served.answer.status_code == 200
        assert served.answer.json() == {**served.answer.json(), **example["answer"]}


def test_bentoml_serves_what_the_container_does(reader: Reader) -> None:
    container, development = reader.servers["python"], reader.servers["bentoml"]
    assert container.openapi["info"]["title"] == "Wine"
    assert development.openapi == container.openapi
    assert development.answer.content == container.answer.content


def test_the_built_bento_serves_the_same_by_the_wheel_that_it_carries(reader: Reader) -> None:
    bentos = reader.folder / "bentoml" / "bentos" / "wine"
    version = (bentos / "latest").read_text().strip()
    [wheel] = (bentos / version / "src" / "wheels").glob("*.whl")
    assert "slipway_kit/__main__.py" in zipfile.ZipFile(wheel).namelist()
    assert not (bentos / version / "src" / "train.py").exists()
    with reader.serving(f"bentoml serve wine:{version}", PYTHONPATH=str(wheel)) as address:
        served = ask(address, reader.request)
    container = reader.servers["python"]
    assert (served.openapi, served.answer.content) == (container.openapi, container.answer.content)


def test_the_stack_deploys_it_as_the_page_says(reader: Reader) -> None:
    model = parse_file(reader.checkout / "stacks" / "Pulumi.local.yaml").settings.models["wine"]
    assert (model.image, model.serving.objective) == ("built", 500)


def test_the_pages_code_is_in_the_style_of_the_house(reader: Reader) -> None:
    for command in ("check", "format --check"):
        reader.run(f"ruff {command} --no-cache bentos/wine")
