"""The manifests that an upstream project releases, as a Helm chart.

What a release installs is theirs to the letter but for three things: the namespace is the release's, and the values
`nodeSelector` and `image.pullPolicy` say where pods go and when images are pulled. The definitions of resources lie in
a chart inside the chart, as of Envoy Gateway's: Helm keeps a release and its chart in one Secret, which holds 1 MiB,
and leaves such a chart out of it.

https://helm.sh/docs/chart_best_practices/custom_resource_definitions/
"""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from slipway.engines.entries import ManifestChart
from slipway.errors import EngineError

_VALUES = """\
# What the manifests say, and nothing more, unless it is set here.
nodeSelector: {}
image:
  pullPolicy: ""
"""
_DEFINITION = "CustomResourceDefinition"
_DEFINITIONS = "charts/crds/crds/"
_SELECTOR = re.compile(r"^( *)nodeSelector:\n", re.MULTILINE)
_PULL_POLICY = re.compile(r"^( *(?:- )?imagePullPolicy: )(\w+)$", re.MULTILINE)


def files(chart: ManifestChart, manifests: str, *, version: str) -> dict[str, bytes]:
    """The files of the chart, by their paths in it.

    Args:
        chart: Which one.
        manifests: What upstream's release has: YAML documents.
        version: The version of what they install.

    Raises:
        EngineError: There are no manifests, or two would be one file.
    """
    made: dict[str, str] = {}
    for document, said in _documents(manifests):
        if (said["kind"], said["metadata"]["name"]) == ("Namespace", chart.namespace):
            continue  # `helm --create-namespace` makes it
        path = _path(said, chart.namespace)
        if path in made:
            msg = f"two manifests of the chart {chart.name} {version} would be {path}"
            raise EngineError(msg, remedy="tell them apart in slipway/engines/manifests.py")
        made[path] = document if said["kind"] == _DEFINITION else template(document, chart.namespace)
    if not made:
        msg = f"the chart {chart.name} would be empty: {chart.manifests} has no manifests"
        raise EngineError(msg, remedy="correct the chart in slipway/engines/serving.py")
    inside = ["crds"] if any(path.startswith(_DEFINITIONS) for path in made) else []
    made |= {f"charts/{name}/Chart.yaml": _about(name, version) for name in inside}
    made |= {"Chart.yaml": _about(chart.name, version, *inside, chart=chart.version), "values.yaml": _VALUES}
    return {path: content.encode() for path, content in sorted(made.items())}


def _documents(manifests: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each document to the letter, and what it says."""
    for document in re.split(r"^---.*\n", manifests, flags=re.MULTILINE):
        said = yaml.load(document, Loader=yaml.CBaseLoader)  # noqa: S506  # all of it strings, a bare `=` too
        if said:
            yield document, said


def _path(said: dict[str, Any], namespace: str) -> str:
    kind, name = said["kind"], said["metadata"]["name"]
    if kind == _DEFINITION:
        return f"{_DEFINITIONS}{name}.yaml"
    elsewhere = said["metadata"].get("namespace", namespace)
    words = (kind.lower(), *name.split(":"), *([elsewhere] if elsewhere != namespace else []))
    return f"templates/{'-'.join(words)}.yaml"


def _about(name: str, version: str, *inside: str, chart: str = "") -> str:
    said: dict[str, Any] = {"apiVersion": "v2", "name": name, "version": chart or version, "appVersion": version}
    if inside:
        said["dependencies"] = [{"name": each, "version": version} for each in inside]
    return yaml.safe_dump(said, sort_keys=False)


def template(document: str, namespace: str) -> str:
    """A manifest as a template of Helm's that gives the same again.

    Args:
        document: The manifest.
        namespace: The one that becomes the release's.
    """
    escaped = document.replace("{{", '{{ "{{" }}')
    own = re.compile(rf"^( *(?:- )?namespace: ){re.escape(namespace)}$", re.MULTILINE)
    placed = own.sub(r"\1{{ .Release.Namespace }}", escaped)
    selected = _SELECTOR.sub(
        lambda found: (
            f"{found[0]}{found[1]}  {{{{- with .Values.nodeSelector }}}}"
            f"{{{{ toYaml . | nindent {len(found[1]) + 2} }}}}{{{{- end }}}}\n"
        ),
        placed,
    )
    return _PULL_POLICY.sub(r'\1{{ .Values.image.pullPolicy | default "\2" }}', selected)
