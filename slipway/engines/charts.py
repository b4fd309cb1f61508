"""Helm charts out of pinned Go modules, packed into the engine cache as their releases publish them.

Where a project has no chart, one is made of the manifests that it releases (`slipway.engines.manifests`).

https://helm.sh/docs/topics/charts/#the-chart-file-structure
"""

import contextlib
import gzip
import io
import json
import re
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from slipway.engines.entries import Chart, ManifestChart
from slipway.engines.locate import locate
from slipway.engines.table import engine
from slipway.errors import EngineError

_WHERE = "slipway/engines/table.py"
_VALUES = "values.yaml"
_TEMPLATE = "values.tmpl.yaml"
"""What a release fills in and publishes as the values, where it has such a file (Envoy Gateway)."""


@dataclass(frozen=True)
class PackedChart:
    """A chart that is ready to be installed.

    Attributes:
        name: Its name.
        path: The archive; `helm upgrade --install` takes it in place of a chart's name.
        version: The chart's version.
        app_version: The version of the program that it installs.
    """

    name: str
    path: Path
    version: str
    app_version: str


def find(name: str) -> PackedChart:
    """The chart of that name, out of the cache.

    Raises:
        LookupError: The table has none of that name.
        EngineError: It is not in the cache yet, or is another chart.
    """
    found = locate(engine(f"{name}.tgz")).found
    if found is None:
        raise EngineError(f"the chart {name} is not in the engine cache", remedy="run `slipway engines build`")
    return read(found.path, name)


def read(archive: Path, name: str) -> PackedChart:
    """What a packed chart says of itself.

    Raises:
        EngineError: It is not the chart of that name.
    """
    said: dict[str, Any] = {}
    with tarfile.open(archive) as members, contextlib.suppress(KeyError):
        file = members.extractfile(f"{name}/Chart.yaml")
        said = yaml.safe_load(file.read()) if file is not None else {}
    if said.get("name") != name:
        raise EngineError(f"{archive} is not the chart {name}", remedy=f"correct the chart {name} in {_WHERE}")
    return PackedChart(name, archive, str(said["version"]), str(said["appVersion"]))


def pack(chart: Chart, folder: Path, *, version: str, into: Path) -> None:
    """Pack a chart's folder, stamped as its release stamps it. The same folder gives the same bytes.

    Args:
        chart: Which one.
        folder: Where it is unpacked; it is left as it is.
        version: What `{version}` stands for in its stamps.
        into: The archive to write.

    Raises:
        EngineError: The folder is no chart of that name, or lacks what is to be stamped.
    """
    if not (folder / "Chart.yaml").is_file():
        raise EngineError(f"{folder} has no Chart.yaml", remedy=f"correct the chart {chart.name} in {_WHERE}")
    contents = {
        file.relative_to(folder).as_posix(): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()
    }
    if _TEMPLATE in contents:
        contents.setdefault(_VALUES, contents[_TEMPLATE])
    stamp(chart, contents, version=version)
    if left := re.search(rb"\$\{\w+\}", contents.get(_VALUES, b"")):
        msg = f"the chart {chart.name} {version} has a {left[0].decode()} in {_TEMPLATE} that nothing fills in"
        raise EngineError(msg, remedy=f"add it to the stamps of the chart in {_WHERE}")
    archive(chart.name, contents, into)


def stamp(chart: Chart | ManifestChart, contents: dict[str, bytes], *, version: str) -> None:
    """Write into files what upstream's release writes into them.

    Args:
        chart: Which chart they are of.
        contents: The files, by their paths; what is stamped is replaced.
        version: What `{version}` stands for.

    Raises:
        EngineError: One lacks what is to be stamped.
    """
    for file, key, value in chart.stamps:
        try:
            contents[file] = stamped(contents[file].decode(), key, value.format(version=version)).encode()
        except LookupError as error:
            msg = f"the chart {chart.name} {version} has no {key} in {file} that could be stamped"
            raise EngineError(msg, remedy=f"compare its release script, and correct the chart in {_WHERE}") from error


def archive(name: str, contents: Mapping[str, bytes], into: Path) -> None:
    """Write a chart's archive. The same files give the same bytes.

    Args:
        name: The chart's name.
        contents: Its files, by their paths in it.
        into: The archive to write.

    Raises:
        EngineError: They are no chart of that name.
    """
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as members:
        for file, content in contents.items():
            member = tarfile.TarInfo(f"{name}/{file}")
            member.size, member.mode = len(content), 0o644
            members.addfile(member, io.BytesIO(content))
    into.write_bytes(gzip.compress(plain.getvalue(), mtime=0))
    read(into, name)


def stamped(text: str, key: str, value: str) -> str:
    r"""YAML with one scalar replaced in place; everything else, comments included, stays as it is.

    Args:
        text: The document.
        key: Dotted path of the scalar: `\.` is a dot of its own, a number an item of a list.
        value: Its new value, a string.

    Raises:
        LookupError: It has no scalar there.
    """
    node: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    for part in re.split(r"(?<!\\)\.", key):
        node = _below(node, part.replace(r"\.", "."))
    if isinstance(node, yaml.ScalarNode):
        return f"{text[: node.start_mark.index]}{json.dumps(value)}{text[node.end_mark.index :]}"
    raise LookupError(key)


def _below(node: Any, part: str) -> Any:
    if isinstance(node, yaml.SequenceNode):
        return node.value[int(part)] if part.isdecimal() and int(part) < len(node.value) else None
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return next((value for name, value in pairs if name.value == part), None)
