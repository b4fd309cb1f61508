"""A Helm chart for tests: a ConfigMap, and what its values ask for beside."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from slipway.embedded import charts as table
from slipway.embedded.charts import KnownChart, Treatment
from slipway.embedded.node import PAUSE_IMAGE
from slipway.engines import charts as archives
from slipway.engines.charts import PackedChart

REPOSITORY = "oci://registry.slipway.test/charts"
SUPERVISED, RECORDED, TINY = "supervised", "recorded", "tiny"
_FILES = {
    "Chart.yaml": "apiVersion: v2\nname: tiny\nversion: 0.1.0\nappVersion: '7'\n",
    "values.yaml": "sky: blue\nimage: ''\nhook: false\n",
    "values.schema.json": """
        {"type": "object", "properties": {"sky": {"type": "string"}, "image": {"type": "string"}}}
    """,
    "templates/colours.yaml": """
{{- if eq .Values.sky "storm" }}{{ fail (printf "no colours in %s" .Values.password) }}{{ end }}
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}-colours}
data:
  sky: {{ .Values.sky | quote }}
  password: {{ .Values.password | default "" | quote }}
""",
    "templates/web.yaml": """
{{- if .Values.image }}
apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ .Release.Name }}-web, namespace: {{ .Release.Namespace }}}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{name: c, image: {{ .Values.image }}}]
{{- end }}
""",
    "templates/hook.yaml": """
{{- if .Values.hook }}
apiVersion: batch/v1
kind: Job
metadata: {name: {{ .Release.Name }}-hook, annotations: {helm.sh/hook: post-install}}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers: [{name: c, image: PAUSE, command: [/nothing]}]
{{- end }}
""".replace("PAUSE", PAUSE_IMAGE),
}


@dataclass(frozen=True, kw_only=True)
class TestChart(KnownChart):
    """A chart of a test's own, which no engine carries."""

    __test__ = False

    @property
    def version(self) -> str:
        return "0.1.0" if self.treatment is Treatment.REAL else ""


def lay_out(folder: Path) -> Path:
    """Write the chart's files."""
    for name, content in _FILES.items():
        file = folder / TINY / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    return folder / TINY


def into_the_table(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """Have the table know the chart, and two more that helm does not install."""
    chart = lay_out(folder)
    known = [
        TestChart(
            repository=REPOSITORY,
            name=name,
            treatment=treatment,
            reason=f"it is {name} for a test",
            processes=("tester",),
            values=frozenset({"sky"}),
        )
        for name, treatment in (
            (TINY, Treatment.REAL),
            (SUPERVISED, Treatment.SUPERVISED),
            (RECORDED, Treatment.RECORDED),
        )
    ]
    patch.setattr(table, "CHARTS", (*table.CHARTS, *known))
    original = archives.find
    tiny = PackedChart(TINY, chart, "0.1.0", "7")
    patch.setattr(archives, "find", lambda name: tiny if name == TINY else original(name))
