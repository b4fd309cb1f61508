"""The way into a cluster of others: which contexts are taken, and what is said of the rest."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from slipway.borrowed import way as ways
from slipway.errors import InstanceError
from slipway.plugins.kubernetes import access

KEYS = {"client-certificate-data": "Y2VydA==", "client-key-data": "a2V5"}


def kubeconfig(file: Path, *, server: str = "https://127.0.0.1:6443", user: Any = KEYS, name: str = "kind-dev") -> Path:
    file.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "c", "cluster": {"server": server, "certificate-authority": "ca.crt"}}],
                "users": [{"name": "u", "user": user or {}}],
                "contexts": [{"name": name, "context": {"cluster": "c", **({} if user is None else {"user": "u"})}}],
                "current-context": "another",
            }
        )
    )
    return file


def find(file: Path, context: str = "kind-dev") -> ways.Way:
    return ways.find(context, environ={"KUBECONFIG": str(file)})


def test_the_context_is_taken_whatever_is_current_and_told_under_the_name_of_the_stack_file(tmp_path: Path) -> None:
    way = find(kubeconfig(tmp_path / "config"))
    assert (way.context, way.port) == ("kind-dev", 6443)
    told = access.named_by({"kubeconfig": way.text("earlier", "theirs")})
    assert told.context_name == "theirs"
    earlier = access.named_by({"kubeconfig": way.text("earlier", "theirs"), "context": "earlier"})
    assert earlier.cluster == told.cluster  # the engine's state may still name it so
    assert told.cluster.server == "https://127.0.0.1:6443"
    assert str(told.cluster.certificate_auth) == str(tmp_path / "ca.crt")  # wherever it is read from


@pytest.mark.parametrize("host", ["localhost", "0.0.0.0"])  # noqa: S104
def test_other_names_of_this_machine_are_its_loopback(host: str, tmp_path: Path) -> None:
    way = find(kubeconfig(tmp_path / "config", server=f"https://{host}:41234"))
    assert way.config.cluster.server == "https://127.0.0.1:41234"
    assert way.port == 41234


def test_the_files_of_kubeconfig_are_looked_through_in_order(tmp_path: Path) -> None:
    first = kubeconfig(tmp_path / "first", name="one")
    second = kubeconfig(tmp_path / "second", name="two")
    environ = {"KUBECONFIG": f"{first}:{second}"}
    assert ways.find("two", environ=environ).kubeconfig == second
    with pytest.raises(InstanceError) as refused:
        ways.find("three", environ=environ)
    for part in ("it has one", "it has two", "correct `--context`"):
        assert part in str(refused.value)


def test_without_kubeconfig_the_file_of_the_home_is_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(InstanceError, match=f"no kubeconfig at {tmp_path}/.kube/config"):
        ways.find("kind-dev", environ={})


@pytest.mark.parametrize(
    ("server", "user", "parts"),
    [
        ("https://10.1.2.3:6443", KEYS, ["its server is https://10.1.2.3:6443"]),
        ("http://127.0.0.1:8001", KEYS, ["its server is http://127.0.0.1:8001"]),
        ("https://127.0.0.1:6443", None, ["it names no user"]),
        ("https://127.0.0.1:6443", {"username": "u", "password": "p"}, ["neither a client certificate nor a token"]),
        (
            "https://k.example.com",
            {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "aws"}},
            ["its server is https://k.example.com", "known by a program"],
        ),
    ],
)
def test_a_context_of_no_use_is_refused_with_everything_against_it(
    server: str, user: Any, parts: list[str], tmp_path: Path
) -> None:
    with pytest.raises(InstanceError) as refused:
        find(kubeconfig(tmp_path / "config", server=server, user=user))
    for part in [*parts, "official plugins", "kind or k3d"]:
        assert part in str(refused.value)


def test_a_file_that_cannot_be_used_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(InstanceError, match="cannot be read: Port could not be cast"):
        find(kubeconfig(tmp_path / "config", server="https://127.0.0.1:port"))
    with pytest.raises(InstanceError, match="there is no kubeconfig at"):
        find(tmp_path)
    (tmp_path / "other").write_text("clusters: 3")
    with pytest.raises(InstanceError, match="is not a kubeconfig"):
        find(tmp_path / "other")


def test_a_cluster_that_cannot_be_asked_is_said_with_its_context(tmp_path: Path) -> None:
    token = {"token": "secret-token"}
    (tmp_path / "ca.crt").write_text("no certificate")
    with pytest.raises(
        InstanceError, match=r"the cluster of the context kind-dev, https://127\.0\.0\.1:1, cannot be asked"
    ):
        find(kubeconfig(tmp_path / "config", server="https://127.0.0.1:1", user=token)).cluster()
    (tmp_path / "ca.crt").unlink()
    with pytest.raises(InstanceError, match="cannot be asked") as refused:
        find(kubeconfig(tmp_path / "config", server="https://127.0.0.1:1", user=token)).cluster()
    assert "secret-token" not in str(refused.value)


def test_no_context_is_not_the_current_one(tmp_path: Path) -> None:
    with pytest.raises(InstanceError, match="no context of a cluster is named"):
        find(kubeconfig(tmp_path / "config", name="another"), "")


def test_what_is_found_from_one_folder_is_found_from_every_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kubeconfig(tmp_path / "config")
    monkeypatch.chdir(tmp_path)
    way = find(Path("config"))
    assert way.kubeconfig == tmp_path / "config"
    assert str(tmp_path / "ca.crt") in way.text("theirs")


@pytest.mark.parametrize(("part", "key"), [("cluster", "proxy-url"), ("cluster", "tls-server-name"), ("user", "as")])
def test_what_the_client_would_pass_over_is_refused(part: str, key: str, tmp_path: Path) -> None:
    told = yaml.safe_load(kubeconfig(tmp_path / "config").read_text())
    told[f"{part}s"][0][part][key] = "x"
    (tmp_path / "config").write_text(yaml.safe_dump(told))
    with pytest.raises(InstanceError, match=f"its {part} has `{key}`, which is not followed"):
        find(tmp_path / "config")


@pytest.mark.parametrize("content", ["", "[]", "words", "clusters: [3]", "{kind: Config}"])
def test_what_is_no_kubeconfig_is_refused_in_words(content: str, tmp_path: Path) -> None:
    (tmp_path / "config").write_text(content)
    with pytest.raises(InstanceError):
        find(tmp_path / "config")


def test_a_token_is_taken_without_the_end_of_its_line(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("of-a-file\n")
    for user, token in (({"token": "written\n"}, "written"), ({"tokenFile": "token"}, "of-a-file")):
        way = find(kubeconfig(tmp_path / "config", user=user))
        assert way.config.user is not None
        assert way.config.user.token == token
        assert f"token: {token}\n" in way.text("theirs")


def test_a_token_that_is_none_is_refused_and_not_shown(tmp_path: Path) -> None:
    with pytest.raises(InstanceError, match="characters that no header takes") as refused:
        find(kubeconfig(tmp_path / "config", user={"token": "two\nlines"}))
    assert "two" not in str(refused.value)
