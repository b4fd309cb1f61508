"""`slipway check`: everything that is wrong with the stack files, without running anything."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import typer

from infra.settings import editor
from slipway import checking, cli, stacks
from slipway.checking import Found, Report, UnknownStackError, check
from slipway.paths import REPOSITORY
from tests.live import SLIPWAY

STACK = (REPOSITORY / "stacks" / "Pulumi.local.yaml").read_text()
MODEL = "slipway:models.digits"


def line_of(text: str) -> int:
    return next(number for number, line in enumerate(STACK.splitlines(), start=1) if text in line)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with what a check looks at, and nothing wrong."""
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "Pulumi.local.yaml").write_text(STACK)
    (tmp_path / "stacks" / editor.FILE).write_text(editor.rendered())
    bento = tmp_path / "bentos" / "digits"
    bento.mkdir(parents=True)
    for name in ("bentofile.yaml", "example.json"):
        shutil.copy(REPOSITORY / "bentos" / "digits" / name, bento)
    return tmp_path


def test_nothing_is_wrong_with_this_repository() -> None:
    assert check() == Report(stacks.names(), [])


def test_nothing_is_wrong(checkout: Path) -> None:
    assert check(checkout=checkout) == Report(["local"], [])
    assert check(checkout=checkout).sum == "local: nothing is wrong"


def test_an_objective_that_no_request_can_meet_is_told_with_its_line(checkout: Path) -> None:
    lock = checkout / "stacks" / "models.built.json"
    lock.write_text(json.dumps({"digits": {"image": "x@sha256:0", "one_ms": 700.5}}))
    (found,) = check(checkout=checkout).found
    assert str(found) == (
        f"stacks/Pulumi.local.yaml:{line_of('objective: 500')}: {MODEL}.serving.objective: is 500, and one item alone "
        "took 700.5 ms when digits was built: every request would be refused; write 701 or more, or make the model "
        "faster"
    )
    lock.write_text(json.dumps({"digits": {"image": "x@sha256:0", "one_ms": 499.0}, "risk": {"image": "y"}}))
    assert check(checkout=checkout).found == []


def test_faults_of_all_stack_files_are_told(checkout: Path) -> None:
    (checkout / "stacks" / "Pulumi.dev.yaml").write_text(STACK.replace("      replicas: 1", "      replicas: none"))
    (checkout / "stacks" / "Pulumi.eu.prod.yaml").write_text("config: [\n")
    report = check(checkout=checkout)
    assert report.stacks == ["dev", "eu.prod", "local"]
    assert [str(found) for found in report.found] == [
        f"stacks/Pulumi.dev.yaml:{line_of('      replicas')}: {MODEL}.replicas: is 'none'; a whole number is expected",
        "stacks/Pulumi.eu.prod.yaml:2: this is not YAML: expected the node content, but found '<stream end>'",
    ]
    assert report.sum == "dev, eu.prod, local: 2 faults"


def test_one_stack_can_be_asked_for(checkout: Path) -> None:
    (checkout / "stacks" / "Pulumi.dev.yaml").write_text("")
    assert check("local", checkout=checkout) == Report(["local"], [])
    assert len(check("dev", checkout=checkout).found) == 1


@pytest.mark.parametrize("name", ["nowhere", "../stacks/Pulumi.local", "local.yaml"])
def test_an_unknown_stack_is_an_error_that_lists_those_there_are(name: str, checkout: Path) -> None:
    with pytest.raises(UnknownStackError, match="stacks/ has local") as refused:
        check(name, checkout=checkout)
    assert repr(name) in refused.value.what


def test_a_bento_that_is_not_there_is_told_with_its_line(checkout: Path) -> None:
    (checkout / "bentos" / "digits").rename(checkout / "bentos" / "letters")
    assert check(checkout=checkout).found == [
        Found(
            "stacks/Pulumi.local.yaml",
            line_of("image: built"),
            f"{MODEL}.image",
            "is `built`, and bentos/digits/bentofile.yaml is not there; bentos/ has letters",
        )
    ]


def test_an_image_by_digest_needs_no_bento(checkout: Path) -> None:
    shutil.rmtree(checkout / "bentos")
    text = STACK.replace("image: built", f"image: digits@sha256:{'0' * 64}")
    (checkout / "stacks" / "Pulumi.local.yaml").write_text(text)
    assert check(checkout=checkout).found == []


@pytest.mark.parametrize("text", ["{", "[]", '{"path": "/predict", "request": {}}', "[" * 100_000])
def test_an_example_that_is_no_request_is_told(text: str, checkout: Path) -> None:
    (checkout / "bentos" / "digits" / "example.json").write_text(text)
    (found,) = check(checkout=checkout).found
    assert found.what == (
        "is `built`, and bentos/digits/example.json is no request: a map with the keys path, request, answer"
    )


def test_a_model_without_an_example_is_right(checkout: Path) -> None:
    (checkout / "bentos" / "digits" / "example.json").unlink()
    assert check(checkout=checkout).found == []


def test_a_stale_schema_is_told_with_the_command(checkout: Path) -> None:
    schema = checkout / "stacks" / editor.FILE
    schema.write_text(editor.rendered().replace('"maximum": 200', '"maximum": 100'))
    assert [str(found) for found in check(checkout=checkout).found] == [
        "stacks/schema.json: is not what infra/settings says; run `make golden`"
    ]
    schema.unlink()
    assert [str(found) for found in check("local", checkout=checkout).found] == [
        "stacks/schema.json: is not there, and editors read it; run `make golden`"
    ]


@pytest.mark.parametrize("name", ["prod.yaml", "Pulumi.prod.yml", "Pulumi.yaml"])
def test_a_file_that_is_read_by_nobody_is_told(name: str, checkout: Path) -> None:
    (checkout / "stacks" / name).write_text(STACK)
    assert [str(found) for found in check(checkout=checkout).found] == [
        f"stacks/{name}: is read by nobody; a stack file is called Pulumi.<STACK>.yaml"
    ]


def test_help_shows_examples() -> None:
    done = subprocess.run([SLIPWAY, "check", "--help"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0
    assert "slipway check local" in done.stdout


def test_the_command_ends_with_0_when_nothing_is_wrong() -> None:
    done = subprocess.run([SLIPWAY, "check", "--json"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"stacks": stacks.names(), "found": []}


def test_the_command_ends_with_1_for_an_unknown_stack() -> None:
    done = subprocess.run([SLIPWAY, "check", "nowhere"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    known = ", ".join(stacks.names())
    assert f"there is no stack 'nowhere'; stacks/ has {known}" in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("as_json", [True, False])
def test_the_command_ends_with_1_and_tells_every_fault(
    *, as_json: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = Found("stacks/Pulumi.local.yaml", 3, "slipway:cluster", "is [missing]")
    monkeypatch.setattr(checking, "check", lambda _: Report(["local"], [found]))
    with pytest.raises(typer.Exit) as left:
        cli.check.__wrapped__("", as_json=as_json)  # type: ignore[attr-defined]  # without its signal handlers
    assert left.value.exit_code == 1
    out = capsys.readouterr().out
    if as_json:
        entry = {"file": found.file, "line": 3, "key": found.key, "what": found.what}
        assert json.loads(out) == {"stacks": ["local"], "found": [entry]}
    else:
        assert out == "stacks/Pulumi.local.yaml:3: slipway:cluster: is [missing]\n"
