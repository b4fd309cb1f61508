"""The administrator's access from this machine."""

from pathlib import Path

import pytest
import yaml
from lightkube import KubeConfig

from slipway import paths
from slipway.embedded import pki
from slipway.embedded.instance import Instance

ADMIN = {
    "clusters": [{"name": "k", "cluster": {"server": "https://10.88.0.1:6443", "certificate-authority-data": "eA=="}}],
    "users": [{"name": "admin", "user": {"client-certificate-data": "eA==", "client-key-data": "eA=="}}],
}


@pytest.mark.parametrize(("context", "called"), [("slipway-dev", "slipway-dev"), ("", "here")])
def test_the_cluster_is_called_as_the_stack_file_calls_it_or_as_the_instance(
    context: str, called: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "state", lambda: tmp_path)
    instance = Instance("here")
    instance.etc.mkdir(parents=True)
    (instance.etc / "admin.conf").write_text(yaml.safe_dump(ADMIN))
    pki.write_kubeconfig(instance, port=16443, context=context)
    config = KubeConfig.from_file(str(instance.kubeconfig)).get()
    assert config is not None
    assert (config.context_name, config.cluster.server) == (called, "https://127.0.0.1:16443")
    assert config.user is not None
