"""Charts out of Go modules: packed as their releases publish them, and the same folder gives the same bytes."""

import tarfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
import yaml

from slipway.engines import build, charts, entries, locate, table
from slipway.engines.entries import Chart, Engine, GoModule
from slipway.engines.serving import ENVOY_GATEWAY, METRICS_SERVER
from slipway.engines.table import KARPENTER
from slipway.errors import EngineError
from slipway.progress import Progress

STAMPS = (("Chart.yaml", "version", "{version}"), ("values.yaml", "controller.image.digest", ""))
CHART = Chart(name="sail", folder="charts/sail", stamps=STAMPS)
VALUES = """\
# What is set below is for you to change.
controller:
  image:
    tag: 0.9.0  # the one before
    # -- Of the image.
    digest: sha256:0123
digest: untouched
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A chart as it lies in its module."""
    made = tmp_path / "module" / "charts" / "sail"
    (made / "templates").mkdir(parents=True)
    (made / "Chart.yaml").write_text("apiVersion: v2\nname: sail\nversion: 0.9.0\nappVersion: 0.9.0\n")
    (made / "values.yaml").write_text(VALUES)
    (made / "templates" / "deployment.yaml").write_text("kind: Deployment\n")
    return made


def unpacked(archive: Path) -> dict[str, str]:
    with tarfile.open(archive) as members:
        return {m.name: (f.read().decode() if (f := members.extractfile(m)) else "") for m in members}


def test_a_chart_is_packed_as_its_release_stamps_it(folder: Path, tmp_path: Path) -> None:
    charts.pack(CHART, folder, version="1.0.0", into=tmp_path / "sail.tgz")
    read = charts.read(tmp_path / "sail.tgz", "sail")
    assert (read.name, read.version, read.app_version) == ("sail", "1.0.0", "0.9.0")
    files = unpacked(tmp_path / "sail.tgz")
    assert set(files) == {"sail/Chart.yaml", "sail/values.yaml", "sail/templates/deployment.yaml"}
    assert files["sail/values.yaml"] == VALUES.replace("sha256:0123", '""')
    assert (folder / "values.yaml").read_text() == VALUES


def test_the_same_folder_makes_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    charts.pack(CHART, folder, version="1.0.0", into=tmp_path / "first")
    for file in folder.rglob("*"):
        file.chmod(0o700)
    with time_machine.travel(timedelta(days=1)):
        charts.pack(CHART, folder, version="1.0.0", into=tmp_path / "second")
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def test_a_stamp_without_its_place_is_an_error_that_names_it(folder: Path, tmp_path: Path) -> None:
    moved = Chart(name="sail", folder="charts/sail", stamps=(("values.yaml", "controller.digest", ""),))
    with pytest.raises(EngineError, match=r"the chart sail 1\.0\.0 has no controller\.digest in values\.yaml"):
        charts.pack(moved, folder, version="1.0.0", into=tmp_path / "sail.tgz")
    assert not (tmp_path / "sail.tgz").exists()


def test_a_folder_without_a_chart_and_one_of_another_chart_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"has no Chart\.yaml"):
        charts.pack(CHART, folder.parent, version="1.0.0", into=tmp_path / "sail.tgz")
    (folder / "Chart.yaml").write_text("name: rudder\nversion: 0.9.0\n")
    with pytest.raises(EngineError, match="is not the chart sail"):
        charts.pack(CHART, folder, version="1.0.0", into=tmp_path / "sail.tgz")


def test_a_template_of_values_is_filled_in_and_published_as_the_values(folder: Path, tmp_path: Path) -> None:
    (folder / "values.yaml").rename(folder / "values.tmpl.yaml")
    (folder / "values.tmpl.yaml").write_text("image: ${Image}  # of the release\n")
    stamps = (("values.yaml", "image", "example.org/sail:v{version}"),)
    charts.pack(replace(CHART, stamps=stamps), folder, version="1.0.0", into=tmp_path / "sail.tgz")
    files = unpacked(tmp_path / "sail.tgz")
    assert files["sail/values.yaml"] == 'image: "example.org/sail:v1.0.0"  # of the release\n'
    assert files["sail/values.tmpl.yaml"] == "image: ${Image}  # of the release\n"
    with pytest.raises(EngineError, match=r"has a \$\{Image\} in values\.tmpl\.yaml that nothing fills in"):
        charts.pack(replace(CHART, stamps=()), folder, version="1.0.0", into=tmp_path / "sail.tgz")


def test_a_key_leads_through_lists_and_names_with_dots() -> None:
    text = "images:\n- newTag: main\nlabels:\n  example.org/version: main\n"
    once = charts.stamped(text, "images.0.newTag", "1.0.0")
    twice = charts.stamped(once, r"labels.example\.org/version", "1.0.0")
    assert yaml.safe_load(twice) == {"images": [{"newTag": "1.0.0"}], "labels": {"example.org/version": "1.0.0"}}
    for nowhere in ("images.1.newTag", "images.newTag", "images.0", "labels.example.org/version"):
        with pytest.raises(LookupError, match=nowhere):
            charts.stamped(text, nowhere, "1.0.0")


@pytest.fixture
def module(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GoModule]:
    """A module of Go's that carries a chart, replaced by a folder of this machine."""
    modules = tmp_path / "modules"
    (modules / "sail").mkdir(parents=True)
    upstream = folder.parent.parent
    (upstream / "go.mod").write_text("module example.org/sail\n\ngo 1.26\n")
    pinned = "module x\n\ngo 1.26\n\nrequire example.org/sail v1.0.0\n"
    (modules / "sail" / "go.mod").write_text(f"{pinned}\nreplace example.org/sail => {upstream}\n")
    monkeypatch.setattr(entries, "MODULES", modules)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", "/usr/local/go/bin:/usr/bin:/bin")
    entries._pinned.cache_clear()
    yield GoModule(name="sail", path="example.org/sail", charts=(CHART,))
    entries._pinned.cache_clear()


def test_a_chart_comes_out_of_its_module_into_the_cache(module: GoModule, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = Engine(
        name="sail.tgz", purpose="chart", needed_by=frozenset(), module=module, chart=CHART, folders=("/nonexistent",)
    )
    monkeypatch.setattr(table, "ENGINES", (entry,))
    with pytest.raises(EngineError, match="the chart sail is not in the engine cache"):
        charts.find("sail")
    with Progress(quiet=True).phase("build") as phase:
        build.build(module, [entry], phase)
    found = charts.find("sail")
    assert (found.version, found.path.name) == ("1.0.0", "sail.tgz")
    assert locate.locate(entry).found is not None


def test_karpenters_charts_say_the_version_of_their_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with Progress(quiet=True).phase("build") as phase:
        build.build(KARPENTER, [table.engine(f"{chart.name}.tgz") for chart in KARPENTER.charts], phase)
    for chart in KARPENTER.charts:
        found = charts.find(chart.name)
        assert (found.version, found.app_version) == (KARPENTER.version, KARPENTER.version)
    image = yaml.safe_load(unpacked(charts.find("karpenter").path)["karpenter/values.yaml"])["controller"]["image"]
    assert image == {"repository": "public.ecr.aws/karpenter/controller", "tag": KARPENTER.version, "digest": ""}


def test_envoy_gateways_charts_name_its_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with Progress(quiet=True).phase("build") as phase:
        build.build(ENVOY_GATEWAY, [table.engine(f"{chart.name}.tgz") for chart in ENVOY_GATEWAY.charts], phase)
    for chart in ENVOY_GATEWAY.charts:
        found = charts.find(chart.name)
        assert (found.version, found.app_version) == (f"v{ENVOY_GATEWAY.version}", f"v{ENVOY_GATEWAY.version}")
    values = yaml.safe_load(unpacked(charts.find("gateway-helm").path)["gateway-helm/values.yaml"])
    image = values["global"]["images"]["envoyGateway"]
    assert (image["image"], image["pullPolicy"]) == (
        f"docker.io/envoyproxy/gateway:v{ENVOY_GATEWAY.version}",
        "IfNotPresent",
    )


def test_metrics_servers_chart_installs_what_is_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with Progress(quiet=True).phase("build") as phase:
        build.build(METRICS_SERVER, [table.engine("metrics-server.tgz")], phase)
    found, (chart,) = charts.find("metrics-server"), METRICS_SERVER.charts
    assert (found.version, found.app_version) == (chart.version, METRICS_SERVER.version)
