"""The JSON Schema that editors read: up to date, true of every stack file here, and as strict as a schema can be."""

import json
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from infra.settings import editor
from slipway.paths import REPOSITORY
from tests.infra.settings.stackfiles import TEXT, changed
from tests.infra.settings.test_refusals import FILES, WRONG

SCHEMA = Draft202012Validator(editor.json_schema())
STACKS = REPOSITORY / "stacks"
FILE = STACKS / editor.FILE

# What only the loader can say: sums, comparisons, and what YAML itself gets wrong before a schema sees it.
BEYOND_A_SCHEMA = {"no cluster", "no processor", "memory without a unit"}
WITHIN_A_SCHEMA = {
    "empty",
    "list",
    "no config",
    "config without anything",
    "section given bare as well",
    "bare key misspelt",
    "fault below a bare key",
    "model without anything",
    "name on two lines",
    "long value",
    "secret",
    "secret in place of a section",
    "secret of another namespace",
    "secret in a list",
    "secret in an environment",
    "environment as a number",
    "imports as a text",
    "salt as a number",
    "unknown key beside config",
    "region without anything",
    "accounts without anything",
}


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(editor.json_schema())


def test_the_file_is_what_the_settings_say(pytestconfig: pytest.Config) -> None:
    if pytestconfig.getoption("--golden"):
        FILE.write_text(editor.rendered())
    assert FILE.read_text() == editor.rendered(), "run `make golden`"


@pytest.mark.parametrize("file", sorted(STACKS.glob("Pulumi.*.yaml")), ids=lambda file: file.name)
def test_every_stack_file_names_the_schema_and_fits_it(file: Path) -> None:
    assert file.read_text().splitlines()[0] == f"# yaml-language-server: $schema={editor.FILE}"
    SCHEMA.validate(yaml.safe_load(file.read_text()))


def test_the_valid_file_fits() -> None:
    SCHEMA.validate(yaml.safe_load(TEXT))


@pytest.mark.parametrize("name", sorted(WRONG.keys() - BEYOND_A_SCHEMA))
def test_a_wrong_setting_is_refused_by_the_schema_as_well(name: str) -> None:
    path, value, _, _ = WRONG[name]
    assert not SCHEMA.is_valid({"config": changed(path, value)})


@pytest.mark.parametrize("name", sorted(WITHIN_A_SCHEMA))
def test_a_wrong_file_is_refused_by_the_schema_as_well(name: str) -> None:
    assert not SCHEMA.is_valid(yaml.safe_load(FILES[name][0]))


def test_every_default_may_be_written_into_the_file() -> None:
    schema = editor.json_schema()
    refused = [
        f"{part}.{key}"
        for part, of_it in schema["$defs"].items()
        for key, value in of_it.get("properties", {}).items()
        if "default" in (value or {})
        and not Draft202012Validator({**value, "$defs": schema["$defs"]}).is_valid(value["default"])
    ]
    assert refused == []


def test_every_key_is_explained() -> None:
    schema = json.loads(editor.rendered())
    parts = {"": schema, **schema["$defs"]}
    bare = {
        f"{part}.{key}"
        for part, of_it in parts.items()
        for key, value in of_it.get("properties", {}).items()
        if part != "Plain"
        and not (value.get("description") or schema["$defs"][value["$ref"].rpartition("/")[2]].get("description"))
    }
    assert bare == set()
