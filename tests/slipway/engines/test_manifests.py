"""Charts made of the manifests that a project releases: installed, they are what it released."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from slipway.engines import build, charts, entries, manifests
from slipway.engines.entries import GoModule, ManifestChart
from slipway.engines.locate import Programs, needed
from slipway.engines.serving import KEDA, PROMETHEUS_OPERATOR
from slipway.engines.table import engine
from slipway.engines.toolchain import go
from slipway.errors import EngineError
from slipway.progress import Progress
from slipway.running import run

CHART = ManifestChart(name="sail", manifests="sail.yaml", namespace="harbour")
NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: harbour\n"
DEFINITION = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: sails.example.org
spec:
  x-description: "{{ .Values.untouched }}"
  enum:
  - =
  namespace: harbour
"""
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: sail
  namespace: harbour
spec:
  template:
    spec:
      containers:
      - image: example.org/sail:1
        imagePullPolicy: Always
        args:
        - --alert={{ $labels.pod }} in {{ .Namespace }}
      - imagePullPolicy: Never
      nodeSelector:
        kubernetes.io/os: linux
"""
BINDING = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: sail:reader
  namespace: {namespace}
subjects:
- kind: ServiceAccount
  name: sail
  namespace: harbour
- namespace: harbour
  kind: ServiceAccount
"""
BINDINGS = (BINDING.format(namespace="harbour"), BINDING.format(namespace="kube-system"))
RELEASED = "---\n".join(("", NAMESPACE, DEFINITION, "# nothing\n", DEPLOYMENT, *BINDINGS))
SHIPPED = (DEFINITION, DEPLOYMENT, *BINDINGS)


@pytest.fixture
def helm() -> Path:
    return Programs(needed("serving")).path("helm")


def rendered(helm: Path, archive: Path, namespace: str, **values: Any) -> list[dict[str, Any]]:
    """What helm makes of a chart, definitions included, by kind and name."""
    sets = [word for key, value in values.items() for word in ("--set-json", f"{key}={json.dumps(value)}")]
    command = [str(helm), "template", "name", str(archive), "--namespace", namespace, "--include-crds", *sets]
    said = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    return by_name(said)


def by_name(documents: str) -> list[dict[str, Any]]:
    said = [yaml.load(each, Loader=yaml.CBaseLoader) for each in documents.split("\n---\n")]  # noqa: S506
    return sorted((each for each in said if each), key=lambda each: (each["kind"], json.dumps(each["metadata"])))


def packed(into: Path, released: str = RELEASED) -> Path:
    archive = into / "sail.tgz"
    charts.archive("sail", manifests.files(CHART, released, version="1.0.0"), archive)
    return archive


def test_it_renders_to_what_was_released_where_it_was_released_for(helm: Path, tmp_path: Path) -> None:
    assert rendered(helm, packed(tmp_path), "harbour") == by_name("\n---\n".join(SHIPPED))


def test_the_namespace_is_the_releases_own_and_no_other_moves(helm: Path, tmp_path: Path) -> None:
    moved = rendered(helm, packed(tmp_path), "bay")
    places = [(each["kind"], each["metadata"].get("namespace")) for each in moved]
    assert places == [
        ("CustomResourceDefinition", None),
        ("Deployment", "bay"),
        ("RoleBinding", "bay"),
        ("RoleBinding", "kube-system"),
    ]
    assert [subject["namespace"] for each in moved[2:] for subject in each["subjects"]] == ["bay"] * 4
    assert moved[0]["spec"]["namespace"] == "harbour"


def test_values_say_where_pods_go_and_when_images_are_pulled(helm: Path, tmp_path: Path) -> None:
    said = rendered(
        helm,
        packed(tmp_path),
        "harbour",
        nodeSelector={"example.org/real": "true"},
        image={"pullPolicy": "IfNotPresent"},
    )
    pod = said[1]["spec"]["template"]["spec"]
    assert pod["nodeSelector"] == {"example.org/real": "true", "kubernetes.io/os": "linux"}
    assert [each["imagePullPolicy"] for each in pod["containers"]] == ["IfNotPresent", "IfNotPresent"]


def test_definitions_lie_in_a_chart_inside_to_the_letter() -> None:
    files = manifests.files(CHART, RELEASED, version="1.0.0")
    assert set(files) == {
        "Chart.yaml",
        "values.yaml",
        "charts/crds/Chart.yaml",
        "charts/crds/crds/sails.example.org.yaml",
        "templates/deployment-sail.yaml",
        "templates/rolebinding-sail-reader.yaml",
        "templates/rolebinding-sail-reader-kube-system.yaml",
    }
    assert files["charts/crds/crds/sails.example.org.yaml"].decode() == DEFINITION


def test_a_release_without_definitions_has_no_chart_inside(helm: Path, tmp_path: Path) -> None:
    archive = packed(tmp_path, DEPLOYMENT)
    assert charts.read(archive, "sail").version == "1.0.0"
    assert [each["kind"] for each in rendered(helm, archive, "harbour")] == ["Deployment"]


def test_nothing_to_install_is_an_error() -> None:
    with pytest.raises(EngineError, match=r"the chart sail would be empty: sail\.yaml has no manifests"):
        manifests.files(CHART, f"---\n{NAMESPACE}---\n", version="1.0.0")


def test_two_that_would_be_one_file_are_an_error() -> None:
    with pytest.raises(EngineError, match=r"would be templates/deployment-sail\.yaml"):
        manifests.files(CHART, f"{DEPLOYMENT}---\n{DEPLOYMENT}", version="1.0.0")


def installed(module: GoModule, helm: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the chart of a project installs, made anew and put where its manifests state."""
    monkeypatch.setenv("GOCACHE", run([go(), "env", "GOCACHE"]).strip())  # where kustomize was compiled before
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    (chart,) = module.charts
    assert isinstance(chart, ManifestChart)
    with Progress(quiet=True).phase("build") as phase:
        build.build(module, [engine(f"{chart.name}.tgz")], phase)
    found = charts.find(chart.name)
    assert (found.version, found.app_version) == (chart.version or module.version, module.version)
    return rendered(helm, found.path, chart.namespace)


def images_of(made: list[dict[str, Any]]) -> list[str]:
    pods = [each["spec"]["template"]["spec"] for each in made if each["kind"] == "Deployment"]
    return [container["image"] for pod in pods for container in pod["containers"]]


def test_kedas_chart_installs_its_release(helm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = installed(KEDA, helm, tmp_path, monkeypatch)
    assert images_of(made) == [
        f"ghcr.io/kedacore/{name}:{KEDA.version}"
        for name in ("keda-admission-webhooks", "keda-metrics-apiserver", "keda")
    ]
    assert {each["metadata"]["labels"]["app.kubernetes.io/version"] for each in made} == {KEDA.version}
    definitions = [each["metadata"]["name"] for each in made if each["kind"] == "CustomResourceDefinition"]
    assert {"scaledobjects.keda.sh", "scaledjobs.keda.sh", "triggerauthentications.keda.sh"} < set(definitions)


def test_prometheus_operators_chart_installs_its_release(
    helm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = installed(PROMETHEUS_OPERATOR, helm, tmp_path, monkeypatch)
    (deployment,) = (each for each in made if each["kind"] == "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    repository, tag = "quay.io/prometheus-operator", f"v{PROMETHEUS_OPERATOR.version}"
    assert container["image"] == f"{repository}/prometheus-operator:{tag}"
    assert f"--prometheus-config-reloader={repository}/prometheus-config-reloader:{tag}" in container["args"]
    definitions = [each["metadata"]["name"] for each in made if each["kind"] == "CustomResourceDefinition"]
    assert {f"{name}.monitoring.coreos.com" for name in ("prometheuses", "servicemonitors", "prometheusrules")} < set(
        definitions
    )


def test_a_stamp_without_its_place_is_an_error_before_kustomize_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream = tmp_path / "upstream"
    (upstream / "config").mkdir(parents=True)
    (upstream / "go.mod").write_text("module example.org/sail\n\ngo 1.26\n")
    (upstream / "config" / "kustomization.yaml").write_text("images: []\n")
    pin = tmp_path / "modules" / "sail"
    pin.mkdir(parents=True)
    required = "module x\n\ngo 1.26\n\nrequire example.org/sail v1.0.0\n"
    (pin / "go.mod").write_text(f"{required}\nreplace example.org/sail => {upstream}\n")
    monkeypatch.setattr(entries, "MODULES", tmp_path / "modules")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    stamps = (("config/kustomization.yaml", "images.0.newTag", "{version}"),)
    chart = ManifestChart(name="sail", manifests="config", namespace="harbour", stamps=stamps)
    module = GoModule(name="sail", path="example.org/sail", charts=(chart,))
    (entry,) = entries.charts_of(module, frozenset())
    with (
        Progress(quiet=True).phase("build") as phase,
        pytest.raises(EngineError, match=r"no images\.0\.newTag in config/kustomization\.yaml that could be stamped"),
    ):
        build.build(module, [entry], phase)


def test_a_chart_may_have_another_version_than_what_it_installs() -> None:
    files = manifests.files(replace(CHART, version="84.4.0"), RELEASED, version="1.0.0")
    about = yaml.safe_load(files["Chart.yaml"])
    assert (about["version"], about["appVersion"]) == ("84.4.0", "1.0.0")
