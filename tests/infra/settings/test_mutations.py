"""Whatever happens to a stack file, it is read or refused in words; and loader, engine and schema agree about it."""

import contextlib
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from infra.settings import Settings, SettingsError, editor, load
from tests.infra.settings.stackfiles import TEXT, VALID, as_engine, as_yaml, read

SCHEMA = Draft202012Validator(editor.json_schema())
FULL: dict[str, Any] = {
    **VALID,
    "aws:region": "eu-central-1",
    "aws:allowedAccountIds": ["444455556666", "111122223333"],
    "aws:forbiddenAccountIds": ["222233334444"],
    "aws:defaultTags": {"tags": {"team": "serving"}},
    "kubernetes:context": "other",
    "pulumi:tags": {"all": [1, True, None, "x"]},
}
TEXTS = [
    TEXT,
    as_yaml(FULL),
    TEXT.replace("{cpu", "&small {cpu") + "    other: {<<: {image: built}, resources: *small}\n",
    f"# yaml-language-server: $schema=schema.json\n{TEXT}environment: [base]\nencryptionsalt: v1:abc=\n",
]
thoroughly = settings(
    max_examples=200, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), database=None
)

names = st.sampled_from(
    [
        "context",
        "image",
        "cluster",
        "slipway:models",
        "slipway:config:x",
        "aws:region",
        "secure",
        "fn::secret",
        "on",
        "é",
    ]
) | st.text(max_size=12)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.dates()
    | st.binary(max_size=6)
    | st.sampled_from(["built", "500m", "1Gi", "012345678901", "yes", "0777", "1e3", "2020-1-1", "~", "=", "<<", ".5"])
)
junk = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names | st.integers() | st.none(), inner, max_size=3),
    max_leaves=6,
)

# Values at the edges of what is accepted, for files of which about half are.
amounts = (
    st.from_regex(r"[0-9]{1,7}(\.[0-9]{1,4})?(m|k|[KMGT]i?)?", fullmatch=True)
    | st.sampled_from(["500m", "2", "1Gi", "٣"])
    | st.sampled_from([1, 2**33, 0.5])
    | st.integers(0, 10**12)
    | st.decimals(0, 10**9, places=3).map(float)
)
models = st.fixed_dictionaries(
    {
        "image": st.sampled_from(["built", f"a/b.c_d-e@sha256:{'0' * 64}", f"A@sha256:{'0' * 64}"]),
        "resources": st.fixed_dictionaries({"cpu": amounts, "memory": st.sampled_from(["64Mi", "0.1Gi"]) | amounts}),
    },
    optional={"replicas": st.integers(0, 201)},
)
model_names = st.from_regex(r"[a-z0-9][a-z0-9-]{0,40}", fullmatch=True) | st.sampled_from(["secure", "a\n", "é"])
accounts = st.lists(st.from_regex(r"[0-9]{12}\n?", fullmatch=True) | st.just("\u0660" * 12), max_size=3)
edges = st.fixed_dictionaries(
    {"slipway:cluster": st.fixed_dictionaries({"context": st.text(max_size=8)})},
    optional={
        "slipway:models": st.dictionaries(model_names, models, max_size=2),
        "models": st.dictionaries(model_names, models, max_size=1),
        "aws:region": st.sampled_from(["eu-central-1", "us-gov-west-1", "eu-central-1\n", "eu-central"]),
        "aws:allowedAccountIds": accounts,
        "aws:forbiddenAccountIds": accounts,
        "aws:defaultTags": st.fixed_dictionaries({"tags": st.dictionaries(st.text(max_size=6), st.text(max_size=6))}),
        "kubernetes:x": st.dictionaries(
            names, st.text(max_size=2) | st.dictionaries(names, names, max_size=1), max_size=2
        ),
    },
)


def places(content: Any) -> list[tuple[Any, Any]]:
    """Every map or list with each of its keys or positions."""
    keys = list(content) if isinstance(content, dict) else range(len(content)) if isinstance(content, list) else ()
    return [place for key in keys for place in [(content, key), *places(content[key])]]


def mutate(data: st.DataObject, content: Any) -> None:
    """Take away, rename, double, replace or add something somewhere."""
    holder, key = data.draw(st.sampled_from(places(content)), label="place")
    match data.draw(st.sampled_from(["delete", "rename", "double", "replace", "insert"]), label="change"):
        case "delete":
            del holder[key]
        case "rename" if isinstance(holder, dict):
            holder[data.draw(names, label="name")] = holder.pop(key)
        case "double" if isinstance(holder, dict):
            holder[data.draw(names, label="name")] = holder[key]
        case "insert" if isinstance(holder, dict):
            holder[data.draw(names, label="name")] = data.draw(junk, label="junk")
        case "insert":
            holder.insert(key, data.draw(junk, label="junk"))
        case _:
            holder[key] = data.draw(junk, label="junk")


def outcome(content: bytes) -> Settings | None:
    """What `load_file` makes of a file; None when it refuses, in words that say where."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            return read(content, Path(folder))
        except SettingsError as error:
            refused = error
    assert refused.faults
    assert all(fault.what and (fault.key or fault.line) for fault in refused.faults), refused.faults
    lines = [fault.line for fault in refused.faults]
    assert lines == sorted(lines)
    said = str(refused).encode().decode().splitlines()
    assert said[1:] == [f"  {fault.told('stacks/Pulumi.broken.yaml')}" for fault in refused.faults]
    return None


def agrees(content: bytes, accepted: Settings) -> None:
    """What is accepted fits the schema, and means the same when the engine hands it over."""
    plain = yaml.safe_load(content)
    SCHEMA.validate(plain)
    assert load(as_engine(plain["config"]), stack="broken") == accepted


@thoroughly
@given(st.data())
def test_a_changed_structure_is_read_or_refused(data: st.DataObject) -> None:
    content: Any = {"config": json.loads(json.dumps(FULL))}
    for _ in range(data.draw(st.integers(1, 3), label="changes")):
        if places(content):
            mutate(data, content)
    text = yaml.safe_dump(content, sort_keys=False).encode()
    accepted = outcome(text)
    if accepted is not None:
        agrees(text, accepted)


@thoroughly
@given(edges)
def test_loader_engine_and_schema_agree_at_the_edges(config: dict[str, Any]) -> None:
    text = as_yaml(config).encode()
    accepted = outcome(text)
    event("refused" if accepted is None else "accepted")
    if accepted is not None:
        agrees(text, accepted)
    elif not {"models", "slipway:models"} <= config.keys():  # to the engine, the two are one
        with pytest.raises(SettingsError):
            load(as_engine(config), stack="broken")


@thoroughly
@given(st.data())
def test_changed_bytes_are_read_or_refused(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(TEXTS)).encode()
    for _ in range(data.draw(st.integers(1, 3), label="changes")):
        start = data.draw(st.integers(0, len(text)), label="start")
        end = start + data.draw(st.integers(0, 8), label="length")
        line = data.draw(st.sampled_from(text.splitlines(keepends=True) or [b"\n"]), label="line")
        splice = data.draw(
            st.binary(max_size=4)
            | st.text("\t\n :-[]{}&*!|>'\"%@`#,?<~=0123456789abN.\\", max_size=6).map(str.encode)
            | st.sampled_from(
                [line, line * 2, b"---\n", b"\xef\xbb\xbf", b"\xff\xfe", b"&a ", b"*a", b"<<: *a\n", b"!!set "]
            )
        )
        text = text[:start] + splice + text[end:]
    accepted = outcome(text)
    if accepted is not None:
        agrees(text, accepted)


@thoroughly
@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode(errors="surrogatepass")))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    assert outcome(content) is None


@thoroughly
@given(
    st.dictionaries(st.sampled_from(list(FULL)) | names.map("slipway:{}".format), st.text(max_size=30) | junk.map(str))
)
def test_any_configuration_of_the_engine_is_read_or_refused(config: dict[str, str]) -> None:
    with contextlib.suppress(SettingsError):
        load({**as_engine(FULL), **config}, stack="broken")
