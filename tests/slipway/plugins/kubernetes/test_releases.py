"""Helm releases, against a real API server and the real helm. One test for each promise: `make faults` breaks each."""

import base64
import gzip
import json
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lightkube import ApiError
from lightkube.resources.apiextensions_v1 import CustomResourceDefinition
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import ConfigMap, Namespace, Secret
from pulumi.runtime.proto import provider_pb2

from slipway.embedded.node import PAUSE_IMAGE
from slipway.engines import charts as archives
from slipway.errors import EngineError
from slipway.plugins.kubernetes.helm import command, overlay
from slipway.plugins.kubernetes.helm.releases import RELEASE
from slipway.plugins.kubernetes.provider import Kubernetes
from slipway.plugins.properties import UNKNOWN, decode, encode
from slipway.plugins.properties import Secret as Hidden
from tests.live import Live
from tests.slipway.plugins.kubernetes.bench import ABSENT_IMAGE, cancelled_once_a_pod_fails, exists, plugin, urn_of
from tests.slipway.plugins.kubernetes.charts import RECORDED, REPOSITORY, SUPERVISED, TINY, into_the_table
from tests.slipway.plugins.plugin_client import Plugin, PluginError, Resource, serving


@pytest.fixture(autouse=True)
def _table(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    into_the_table(monkeypatch, tmp_path)


def release(namespace: str, *, chart: str = TINY, name: str = "tiny", **inputs: Any) -> dict[str, Any]:
    version = {"version": "0.1.0"} if chart == TINY else {}
    named = {"name": name} if name else {}
    return {"chart": f"{REPOSITORY}/{chart}", **version, **named, "namespace": namespace, "timeout": 60, **inputs}


def colours(live: Live, namespace: str) -> dict[str, str]:
    return live.client.get(ConfigMap, "tiny-colours", namespace=namespace).data or {}


def failures(kubernetes: Plugin, inputs: dict[str, Any]) -> dict[str, str]:
    request = provider_pb2.CheckRequest(urn=urn_of(RELEASE, "tiny"), news=encode(inputs))
    return {failure.property: failure.reason for failure in kubernetes.call("Check", request).failures}


@pytest.fixture
def helm(live: Live, tmp_path: Path) -> Iterator[Any]:
    """Helm, as a person at a terminal has it."""
    program = command.Helm(tmp_path / "helm", threading.Event())
    yield lambda *words: program.run(*words, "--kubeconfig", str(live.instance.kubeconfig))
    program.close()


# -- the life of a release -----------------------------------------------------------------------------------------


def test_a_release_lives_through_every_kind_of_change(live: Live, kubernetes: Plugin, namespace: str) -> None:
    inputs = release(namespace, values={"sky": "grey", "image": PAUSE_IMAGE})
    planned = kubernetes.create(RELEASE, "tiny", inputs, preview=True)
    assert planned.outputs["status"] is UNKNOWN
    assert not exists(live, ConfigMap, "tiny-colours", namespace)

    made = kubernetes.create(RELEASE, "tiny", inputs)
    assert made.identity == f"{namespace}/tiny"
    assert made.outputs["status"] == {
        "appVersion": "7",
        "chart": "tiny",
        "name": "tiny",
        "namespace": namespace,
        "revision": 1,
        "status": "deployed",
        "version": "0.1.0",
    }
    assert made.outputs["resourceNames"] == {
        "ConfigMap/v1": ["tiny-colours"],
        "Deployment.apps/apps/v1": [f"{namespace}/tiny-web"],
    }
    assert colours(live, namespace)["sky"] == "grey"
    status = live.client.get(Deployment, "tiny-web", namespace=namespace).status
    assert status is not None
    assert status.availableReplicas == 1
    assert kubernetes.diff(made, inputs).changes == provider_pb2.DiffResponse.DIFF_NONE

    changed = release(namespace, values={"sky": "blue", "image": PAUSE_IMAGE})
    reply = kubernetes.diff(made, changed)
    assert list(reply.detailedDiff) == ["values.sky"]
    assert not reply.replaces
    assert kubernetes.update(made, changed, preview=True).outputs["status"] is UNKNOWN
    assert colours(live, namespace)["sky"] == "grey"
    upgraded = kubernetes.update(made, changed)
    assert upgraded.outputs["status"]["revision"] == 2
    assert colours(live, namespace)["sky"] == "blue"

    kubernetes.delete(upgraded)
    assert not exists(live, ConfigMap, "tiny-colours", namespace)
    assert not exists(live, Deployment, "tiny-web", namespace)
    assert kubernetes.read(upgraded) is None
    kubernetes.delete(upgraded)


def test_another_name_or_namespace_is_another_release(kubernetes: Plugin, namespace: str) -> None:
    free = kubernetes.create(RELEASE, "tiny", release(namespace, name=""))
    assert free.name.startswith("tiny-")
    assert len(free.name) == len("tiny-") + 8
    assert kubernetes.check(RELEASE, "tiny", release(namespace, name=""), free)["name"] == free.name
    for other in (release(namespace, name="other"), release("elsewhere", name=free.name)):
        reply = kubernetes.diff(free, other)
        assert len(reply.replaces) == 1
        assert not reply.deleteBeforeReplace


def test_a_release_may_bring_its_namespace(live: Live, kubernetes: Plugin, namespace: str) -> None:
    inside = f"{namespace}-made"
    with pytest.raises(PluginError, match=f'namespaces? "{inside}" not found'):
        kubernetes.create(RELEASE, "tiny", release(inside))
    made = kubernetes.create(RELEASE, "tiny", release(inside, createNamespace=True))
    assert made.identity == f"{inside}/tiny"
    kubernetes.delete(made)
    live.client.delete(Namespace, inside)


def test_a_release_of_others_is_not_taken_and_one_whose_making_was_not_heard_of_is(
    kubernetes: Plugin, namespace: str, helm: Any, tmp_path: Path
) -> None:
    kubernetes.create(RELEASE, "tiny", release(namespace))
    with plugin() as later:
        later.configure()
        again = later.create(RELEASE, "tiny", release(namespace, values={"sky": "grey"}))
    assert again.outputs["status"]["revision"] == 2
    helm("install", "theirs", tmp_path / TINY, "--namespace", namespace)
    with pytest.raises(PluginError, match=f"still in use: the release {namespace}/theirs is there"):
        kubernetes.create(RELEASE, "theirs", release(namespace, name="theirs"))


# -- what is refused -----------------------------------------------------------------------------------------------


def test_values_that_the_chart_does_not_take_are_refused_before_anything_is_done(
    kubernetes: Plugin, namespace: str
) -> None:
    assert "sky" in failures(kubernetes, release(namespace, values={"sky": 7}))["values"]
    assert failures(kubernetes, release(namespace, values={"sky": "grey"})) == {}
    assert failures(kubernetes, release(namespace, values={"sky": UNKNOWN})) == {}


def test_what_is_not_followed_is_refused_by_name(kubernetes: Plugin, namespace: str) -> None:
    found = failures(kubernetes, release(namespace, postrender="/bin/sh", verify=True, devel=False, compat="true"))
    assert sorted(found) == ["postrender", "verify"]
    found = failures(kubernetes, release(namespace, repositoryOpts={"repo": "x", "password": "y"}))
    assert sorted(found) == ["repositoryOpts.password"]


def test_a_chart_that_the_table_does_not_know_is_an_error_that_says_where_to_add_it(
    kubernetes: Plugin, namespace: str
) -> None:
    said = failures(kubernetes, {**release(namespace), "chart": "oci://elsewhere/tiny"})["chart"]
    assert "slipway/embedded/charts.py" in said
    said = failures(kubernetes, {**release(namespace), "version": "0.2.0"})["chart"]
    assert "0.2.0" in said


# -- what goes wrong -----------------------------------------------------------------------------------------------


@pytest.mark.node
def test_a_release_that_does_not_become_ready_is_recorded_with_the_reason_and_mended_by_the_next_update(
    live: Live, kubernetes: Plugin, namespace: str
) -> None:
    broken = release(namespace, values={"image": ABSENT_IMAGE})
    failed = cancelled_once_a_pod_fails(live, kubernetes, namespace, lambda: kubernetes.create(RELEASE, "tiny", broken))
    partial = failed.partial
    assert partial.id == f"{namespace}/tiny"
    assert any("ErrImagePull" in reason or "ImagePullBackOff" in reason for reason in partial.reasons), partial.reasons
    state = Resource(urn_of(RELEASE, "tiny"), partial.id, decode(partial.inputs), decode(partial.properties))
    assert state.outputs["status"]["status"] == "failed"
    with plugin() as later:
        later.configure()
        with pytest.raises(PluginError, match="it is failed: "):
            later.read(state)
        mended = later.update(state, release(namespace, values={"image": PAUSE_IMAGE}))
    assert mended.outputs["status"]["status"] == "deployed"


@pytest.mark.node
def test_a_release_that_is_taken_back_when_it_fails_leaves_nothing_but_the_reason(
    live: Live, kubernetes: Plugin, namespace: str
) -> None:
    with pytest.raises(PluginError, match=r"ErrImagePull|ImagePullBackOff") as failed:
        kubernetes.create(RELEASE, "tiny", release(namespace, values={"image": ABSENT_IMAGE}, timeout=4, atomic=True))
    assert failed.value.partial is None
    assert not exists(live, ConfigMap, "tiny-colours", namespace)


@pytest.mark.node
def test_a_hook_that_fails_is_told_with_its_pods(kubernetes: Plugin, namespace: str) -> None:
    with pytest.raises(PluginError, match="Job tiny-hook waits for it to be complete, which it will not be") as failed:
        kubernetes.create(RELEASE, "tiny", release(namespace, values={"hook": True}))
    assert failed.value.partial.id == f"{namespace}/tiny"


@pytest.mark.parametrize("done_before", [False, True], ids=["install", "upgrade"])
def test_what_a_killed_helm_left_is_put_in_order_first(
    live: Live, kubernetes: Plugin, namespace: str, *, done_before: bool
) -> None:
    made = kubernetes.create(RELEASE, "tiny", release(namespace))
    if done_before:
        made = kubernetes.update(made, release(namespace, values={"sky": "grey"}))
    pending(
        live, namespace, made.outputs["status"]["revision"], "pending-upgrade" if done_before else "pending-install"
    )
    with pytest.raises(PluginError, match="it is pending-"):
        kubernetes.read(made)
    mended = kubernetes.update(made, release(namespace, values={"sky": "red"}))
    assert mended.outputs["status"]["status"] == "deployed"
    assert colours(live, namespace)["sky"] == "red"


def pending(live: Live, namespace: str, revision: int, status: str) -> None:
    """Make a revision look as helm leaves it when it is killed; the one before it is deployed then."""
    for number, says in ((revision, status), (revision - 1, "deployed")):
        if not number:
            continue
        name = f"sh.helm.release.v1.tiny.v{number}"
        secret = live.client.get(Secret, name, namespace=namespace)
        assert secret.data is not None
        kept = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(secret.data["release"]))))
        kept["info"]["status"] = says
        packed = base64.b64encode(base64.b64encode(gzip.compress(json.dumps(kept).encode()))).decode()
        changed = {"data": {"release": packed}, "metadata": {"labels": {"status": says}}}
        live.client.patch(Secret, name, changed, namespace=namespace)


# -- what others do ------------------------------------------------------------------------------------------------


def test_a_refresh_sees_what_others_did_to_a_release(
    kubernetes: Plugin, namespace: str, helm: Any, tmp_path: Path
) -> None:
    inputs = release(namespace, values={"sky": "grey", "password": Hidden("open sesame")})
    made = kubernetes.create(RELEASE, "tiny", inputs)
    seen = kubernetes.read(made)
    assert seen is not None
    assert seen.inputs == made.inputs
    assert seen.outputs == made.outputs
    helm("upgrade", "tiny", tmp_path / TINY, "--namespace", namespace, "--set", "sky=red", "--set", "sea=deep")
    seen = kubernetes.read(made)
    assert seen is not None
    assert seen.outputs["status"]["revision"] == 2
    assert seen.inputs["values"] == {"sky": "red", "sea": "deep"}
    assert sorted(kubernetes.diff(seen, inputs).detailedDiff) == ["values.password", "values.sea", "values.sky"]
    assert kubernetes.update(seen, inputs).outputs["status"]["revision"] == 3
    helm("uninstall", "tiny", "--namespace", namespace)
    assert kubernetes.read(made) is None


def test_a_release_can_be_taken_over_by_its_id(kubernetes: Plugin, namespace: str, helm: Any, tmp_path: Path) -> None:
    helm("install", "tiny", tmp_path / TINY, "--namespace", namespace, "--set", "sky=red")
    seen = kubernetes.read(Resource(urn_of(RELEASE, "tiny"), f"{namespace}/tiny", {}, {}))
    assert seen is not None
    assert seen.inputs["values"] == {"sky": "red"}
    assert seen.inputs["version"] == "0.1.0"


def test_what_this_machine_adds_reaches_the_chart_and_is_no_drift(
    live: Live, kubernetes: Plugin, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overlay, "additions", lambda *_: {"sky": "here", "more": {"a": [2]}})
    assert overlay.laid_over({"more": {"a": [1], "b": 1}}, {"more": {"a": [2]}}) == {"more": {"a": [1, 2], "b": 1}}
    made = kubernetes.create(RELEASE, "tiny", release(namespace, values={"sky": "grey"}))
    assert made.outputs["values"] == {"sky": "grey"}
    assert colours(live, namespace)["sky"] == "here"
    seen = kubernetes.read(made)
    assert seen is not None
    assert seen.inputs == made.inputs


# -- what is hidden ------------------------------------------------------------------------------------------------


def test_secret_values_reach_the_chart_and_nobody_else(
    live: Live, kubernetes: Plugin, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    files: list[Path] = []
    original = command.Helm.run

    def run(helm: command.Helm, *words: Any, **options: Any) -> str:
        assert not any("sesame" in str(word) for word in words)
        for word in words:
            if isinstance(word, Path) and word.is_file():
                assert stat.S_IMODE(word.stat().st_mode) & 0o077 == 0 or word.suffix == ".tgz", word
                files.append(word)
        return original(helm, *words, **options)

    monkeypatch.setattr(command.Helm, "run", run)
    made = kubernetes.create(RELEASE, "tiny", release(namespace, values={"password": Hidden("open sesame")}))
    assert made.outputs["values"] == {"password": Hidden("open sesame")}
    assert colours(live, namespace)["password"] == "open sesame"
    assert [file for file in files if file.exists()] == [file for file in files if file.name.endswith("kubeconfig")]
    said = failures(kubernetes, release(namespace, values={"password": Hidden("open sesame"), "sky": "storm"}))
    assert "no colours in [secret]" in said["values"]


def test_helm_is_given_nothing_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELM_DRIVER", "memory")
    monkeypatch.setenv("HTTPS_PROXY", "http://203.0.113.1:3128")
    folder = tmp_path / "helm"
    program = command.Helm(folder, threading.Event())
    said = dict(line.split("=", 1) for line in program.run("env").splitlines())
    (mine,) = folder.iterdir()
    assert {said[f"HELM_{name}_HOME"].strip('"').startswith(str(mine)) for name in ("CACHE", "CONFIG", "DATA")} == {
        True
    }
    assert "memory" not in str(said)
    program.close()
    assert not mine.exists()


# -- what helm does not install here -------------------------------------------------------------------------------


def test_a_release_that_is_supervised_is_recorded_with_its_values(
    live: Live, kubernetes: Plugin, namespace: str
) -> None:
    inputs = release(namespace, chart=SUPERVISED, version="1.2.3", values={"sky": Hidden("grey as lead")})
    made = kubernetes.create(RELEASE, "tiny", inputs)
    assert made.outputs["status"]["status"] == "supervised"
    secret = live.client.get(Secret, "slipway.release.tiny", namespace=namespace)
    assert secret.metadata is not None
    assert secret.metadata.labels == {"slipway.dev/release": "tiny", "slipway.dev/treatment": "supervised"}
    seen = kubernetes.read(made)
    assert seen is not None
    assert seen.inputs == made.inputs
    changed = kubernetes.update(made, release(namespace, chart=SUPERVISED, version="1.2.4", values={"sky": "red"}))
    assert changed.outputs["status"]["revision"] == 2
    assert changed.outputs["status"]["version"] == "1.2.4"
    assert list(failures(kubernetes, release(namespace, chart=SUPERVISED, values={"sea": "deep"}))) == ["values"]
    kubernetes.delete(changed)
    assert not exists(live, Secret, "slipway.release.tiny", namespace)
    assert kubernetes.read(changed) is None


def test_a_release_that_is_not_run_here_is_recorded_with_a_warning(shell: pytest.MonkeyPatch, namespace: str) -> None:
    warned: list[str] = []
    shell.setattr(Kubernetes, "warn", lambda _self, _urn, text: warned.append(text))
    provider = Kubernetes()
    with serving(provider) as kubernetes:
        kubernetes.configure()
        made = kubernetes.create(RELEASE, "tiny", release(namespace, chart=RECORDED, values={"any": "thing"}))
        assert made.outputs["status"]["status"] == "not run here"
        kubernetes.delete(made)
    provider.close()
    assert warned == [f"the chart {REPOSITORY}/recorded is not run here, only recorded: it is recorded for a test"]


# -- a chart of the engine cache -----------------------------------------------------------------------------------


def test_the_definitions_of_karpenter_come_and_go_with_their_chart(
    live: Live, kubernetes: Plugin, namespace: str
) -> None:
    try:
        packed = archives.find("karpenter-crd")
    except EngineError as error:
        pytest.skip(str(error))
    definitions = [each.metadata.name for each in live.client.list(CustomResourceDefinition) if each.metadata]
    if "nodepools.karpenter.sh" in definitions:
        pytest.skip("this instance has Karpenter's definitions already")
    inputs = {
        "chart": "oci://public.ecr.aws/karpenter/karpenter-crd",
        "version": packed.version,
        "namespace": namespace,
    }
    made = kubernetes.create(RELEASE, "karpenter-crd", inputs)
    assert "nodepools.karpenter.sh" in next(iter(made.outputs["resourceNames"].values()))
    assert live.client.get(CustomResourceDefinition, "nodepools.karpenter.sh")
    kubernetes.delete(made)
    with pytest.raises(ApiError, match="not found"):
        live.client.get(CustomResourceDefinition, "nodepools.karpenter.sh")
