"""Which server is spoken to, and whose objects are touched: those of this shell's instance, and no other's."""

import base64
import socket
from pathlib import Path
from typing import Any

import pytest
import yaml
from lightkube.resources.core_v1 import ConfigMap
from pulumi.runtime.proto import provider_pb2

from slipway.plugins.properties import encode
from tests.live import Live
from tests.slipway.plugins.kubernetes.bench import CONFIG_MAP, config_map, exists, kubeconfig, plugin
from tests.slipway.plugins.plugin_client import Plugin, PluginError

pytestmark = pytest.mark.usefixtures("shell")


def configured(**settings: Any) -> None:
    """Configure a plugin, and end it."""
    with plugin() as connected:
        connected.configure(**settings)


# -- whose server --------------------------------------------------------------------------------------------------


def test_an_endpoint_beyond_the_loopback_is_refused(live: Live, tmp_path: Path) -> None:
    content = kubeconfig(live)
    server = f"https://203.0.113.7:{live.instance.ports()['api']}"
    content["clusters"][0]["cluster"]["server"] = server
    elsewhere = tmp_path / "kubeconfig"
    elsewhere.write_text(yaml.safe_dump(content))
    with pytest.raises(PluginError, match=rf"means {server}: run .*slipway env.*the official plugin"):
        configured(kubeconfig=str(elsewhere))


def test_another_server_of_this_machine_is_refused_before_it_is_spoken_to(live: Live) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.settimeout(0)
        content = kubeconfig(live, other=f"https://127.0.0.1:{other.getsockname()[1]}")
        with pytest.raises(
            PluginError, match=rf"whose API server is https://127\.0\.0\.1:{live.instance.ports()['api']};"
        ):
            configured(kubeconfig=yaml.safe_dump(content), cluster="other")
        with pytest.raises(BlockingIOError):
            other.accept()


@pytest.mark.parametrize("name", ["", "nobody", "No Name At All"])
def test_a_shell_of_no_instance_is_told_what_to_run(shell: pytest.MonkeyPatch, name: str) -> None:
    shell.setenv("SLIPWAY_INSTANCE", name)
    with pytest.raises(PluginError, match=r'run `eval "\$\(slipway env STACK\)"` in this shell'):
        configured()


@pytest.mark.parametrize(
    "settings",
    [
        {"certificate-authority-data": "front-proxy-ca.crt"},
        {"insecure-skip-tls-verify": True},
        {},
    ],
    ids=["another", "any", "unsaid"],
)
def test_another_authority_than_that_of_the_instance_is_refused(live: Live, settings: dict[str, Any]) -> None:
    content = kubeconfig(live)
    cluster = content["clusters"][0]["cluster"]
    del cluster["certificate-authority-data"]
    cluster.update(settings)
    if name := settings.get("certificate-authority-data"):
        cluster["certificate-authority-data"] = base64.b64encode((live.instance.pki / name).read_bytes()).decode()
    with pytest.raises(PluginError, match="trusts another certificate authority than that of the embedded environment"):
        configured(kubeconfig=yaml.safe_dump(content))


def test_an_authority_that_is_none_is_refused(live: Live) -> None:
    content = kubeconfig(live)
    content["clusters"][0]["cluster"]["certificate-authority-data"] = "bm8gY2VydGlmaWNhdGU="
    with pytest.raises(PluginError, match="the certificate authority of the context slipway-local: "):
        configured(kubeconfig=yaml.safe_dump(content))


# -- whose credential ----------------------------------------------------------------------------------------------


def known_by(live: Live, program: Path, *arguments: str) -> dict[str, Any]:
    """The instance's kubeconfig with a user as `aws eks update-kubeconfig` writes it; a run of its program is noted."""
    program.write_text(f"#!/bin/sh\ntouch {program}.was-run\n")
    program.chmod(0o755)
    content = kubeconfig(live)
    api = "client.authentication.k8s.io/v1beta1"
    content["users"][0]["user"] = {"exec": {"apiVersion": api, "command": str(program), "args": list(arguments)}}
    return content


def test_a_user_of_eks_is_the_administrator_and_no_program_is_run(live: Live, tmp_path: Path, namespace: str) -> None:
    content = known_by(live, tmp_path / "aws", "--region", "us-east-1", "eks", "get-token", "--cluster-name", "prod")
    with plugin() as connected:
        connected.configure(kubeconfig=yaml.safe_dump(content))
        connected.create(CONFIG_MAP, "colours", config_map(namespace, "colours", sky="blue"))
    assert exists(live, ConfigMap, "colours", namespace)
    assert not (tmp_path / "aws.was-run").exists()


def test_a_user_of_eks_is_let_in_nowhere_else(live: Live, tmp_path: Path) -> None:
    content = known_by(live, tmp_path / "aws", "eks", "get-token", "--cluster-name", "prod")
    content["clusters"][0]["cluster"]["server"] = "https://ABCDEF0123456789.gr7.us-east-1.eks.amazonaws.com"
    with pytest.raises(PluginError, match="works for the embedded environment of this shell only"):
        configured(kubeconfig=yaml.safe_dump(content))
    assert not (tmp_path / "aws.was-run").exists()


@pytest.mark.parametrize(
    ("program", "arguments"),
    [("gke-gcloud-auth-plugin", ()), ("aws", ("sts", "get-caller-identity")), ("aws-vault", ("eks", "get-token"))],
)
def test_no_other_program_is_understood_or_run_to_be_let_in(
    live: Live, tmp_path: Path, program: str, arguments: tuple[str, ...]
) -> None:
    content = known_by(live, tmp_path / program, *arguments)
    with pytest.raises(PluginError, match="`exec` or `auth-provider`"):
        configured(kubeconfig=yaml.safe_dump(content))
    assert not (tmp_path / f"{program}.was-run").exists()


# -- settings ------------------------------------------------------------------------------------------------------


def test_a_kubeconfig_may_be_a_path_or_content_or_that_of_the_shell(live: Live) -> None:
    for given in ({}, {"kubeconfig": str(live.instance.kubeconfig)}, {"kubeconfig": yaml.safe_dump(kubeconfig(live))}):
        configured(**given)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"context": "production"}, r"has no context 'production' \(it has slipway-local\)"),
        ({"cluster": "production"}, r"has no cluster 'production' \(it has "),
        ({"kubeconfig": "/nowhere/kubeconfig"}, "there is no kubeconfig at /nowhere/kubeconfig"),
        ({"kubeconfig": "{"}, "the kubeconfig given is not a kubeconfig"),
    ],
)
def test_what_is_not_there_is_refused_with_what_there_is(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(PluginError, match=said):
        configured(**settings)


def test_the_cluster_setting_overrides_that_of_the_context(live: Live) -> None:
    content = kubeconfig(live, mine=f"https://127.0.0.1:{live.instance.ports()['api']}")
    content["clusters"][0]["cluster"]["server"] = "https://203.0.113.7:6443"
    configured(kubeconfig=yaml.safe_dump(content), cluster="mine")


def test_an_object_without_a_namespace_is_made_in_that_of_the_provider_or_the_context(
    live: Live, namespace: str
) -> None:
    inputs = {"metadata": {"name": "colours"}, "data": {"sky": "blue"}}
    content = kubeconfig(live)
    content["contexts"][0]["context"]["namespace"] = namespace
    for settings in ({"namespace": namespace}, {"kubeconfig": yaml.safe_dump(content)}):
        with plugin() as connected:
            connected.configure(**settings)
            made = connected.create(CONFIG_MAP, "colours", inputs)
            connected.delete(made)
            assert made.identity == f"{namespace}/colours"
    with plugin() as connected:
        connected.configure()
        assert connected.check(CONFIG_MAP, "colours", inputs)["metadata"]["namespace"] == "default"


def test_a_setting_that_is_not_followed_is_refused_by_name(kubernetes: Plugin) -> None:
    news = encode({"enableConfigMapMutable": "true", "kubeClientSettings": '{"burst": 1}', "version": "4.34.2"})
    failures = kubernetes.call("CheckConfig", provider_pb2.CheckRequest(news=news)).failures
    assert [failure.property for failure in failures] == ["enableConfigMapMutable", "kubeClientSettings"]
    assert "it knows cluster, context, kubeconfig, namespace" in failures[0].reason


def test_another_cluster_replaces_and_another_way_into_the_same_one_does_not(live: Live, kubernetes: Plugin) -> None:
    content = kubeconfig(live, other="https://127.0.0.1:1")
    old: dict[str, Any] = {"kubeconfig": yaml.safe_dump(content)}

    def replaces(**news: Any) -> list[str]:
        request = provider_pb2.DiffRequest(old_inputs=encode(old), news=encode({**old, **news}))
        return list(kubernetes.call("DiffConfig", request).replaces)

    assert replaces(cluster="other") == ["cluster"]
    assert replaces(context="slipway-local", namespace="other") == []
    content["users"].append({"name": "another", "user": {"token": "x"}})
    assert replaces(kubeconfig=yaml.safe_dump(content)) == []
    assert replaces(kubeconfig="/nowhere") == ["kubeconfig"]


# -- whose state ---------------------------------------------------------------------------------------------------


def test_state_that_was_not_written_offline_is_left_alone(live: Live, kubernetes: Plugin, namespace: str) -> None:
    made = kubernetes.create(CONFIG_MAP, "colours", config_map(namespace, "colours", sky="blue"))
    del made.outputs["__slipwayOffline"]
    labelled = config_map(namespace, "colours", sky="blue")
    labelled["metadata"]["labels"] = {"a": "b"}
    for touch in (
        lambda: kubernetes.diff(made, labelled),
        lambda: kubernetes.update(made, labelled),
        lambda: kubernetes.read(made),
        lambda: kubernetes.delete(made),
    ):
        with pytest.raises(PluginError, match="not written by the offline plugins, and may describe something real"):
            touch()
    assert exists(live, ConfigMap, "colours", namespace)
