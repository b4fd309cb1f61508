"""Helm charts out of pinned Go modules, packed into the engine cache as their releases publish them.

https://helm.sh/docs/topics/charts/#the-chart-file-structure
"""

import contextlib
import gzip
import io
import json
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from slipway.engines.locate import locate
from slipway.engines.table import Chart, engine
from slipway.errors import EngineError

_WHERE = "slipway/engines/table.py"


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
    contents = {file.relative_to(folder): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}
    for name, key, value in chart.stamps:
        file = Path(name)
        try:
            contents[file] = stamped(contents[file].decode(), key, value.format(version=version)).encode()
        except LookupError as error:
            msg = f"the chart {chart.name} {version} has no {key} in {name} that could be stamped"
            raise EngineError(msg, remedy=f"compare its release script, and correct the chart in {_WHERE}") from error
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for file, content in contents.items():
            member = tarfile.TarInfo(f"{chart.name}/{file.as_posix()}")
            member.size, member.mode = len(content), 0o644
            archive.addfile(member, io.BytesIO(content))
    into.write_bytes(gzip.compress(plain.getvalue(), mtime=0))
    read(into, chart.name)


def stamped(text: str, key: str, value: str) -> str:
    """YAML with one scalar replaced in place; everything else, comments included, stays as it is.

    Args:
        text: The document.
        key: Dotted path of the scalar.
        value: Its new value, a string.

    Raises:
        LookupError: It has no scalar there.
    """
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    for part in key.split("."):
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        node = next((value for name, value in pairs if name.value == part), None)
    if isinstance(node, yaml.ScalarNode):
        return f"{text[: node.start_mark.index]}{json.dumps(value)}{text[node.end_mark.index :]}"
    raise LookupError(key)
