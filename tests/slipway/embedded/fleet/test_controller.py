"""The controller against an AWS endpoint and a real API server: instances become Nodes, and their end is theirs.

Every Node here is of a subnet of the tests' own, has a taint that no pod tolerates, and is removed again.
"""

import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any, cast

import psutil
import pytest
from lightkube import ApiError
from lightkube.resources.apps_v1 import DaemonSet
from lightkube.resources.coordination_v1 import Lease
from lightkube.resources.core_v1 import Node, NodeStatus, Pod
from lightkube.types import PatchType

from slipway.embedded.fleet import processes
from slipway.embedded.fleet.controller import Cloud, Controller, Settings, told
from slipway.embedded.fleet.deciding import Join, Plug, Register, Remove, Untaint
from slipway.embedded.fleet.delays import Delays
from slipway.embedded.fleet.planning import CLUSTER, FAKE, MARK
from slipway.embedded.instance import Instance
from slipway.engines.locate import locate
from slipway.engines.table import engine
from slipway.paths import REPOSITORY
from tests.live import Live, until
from tests.slipway.embedded.aws.serving import Endpoint

ALONE = {"key": "slipway.test/alone", "effect": "NoSchedule"}
STARTUP = {"key": "ebs.csi.aws.com/agent-not-ready", "effect": "NoExecute"}


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    made = Endpoint(tmp_path_factory.mktemp("aws") / "journal.jsonl")
    made.start()
    yield made
    made.stop()


class Fleet:
    """An EKS cluster with a managed node group, whose instances the test launches and ends."""

    def __init__(self, endpoint: Endpoint, live: Live) -> None:
        self.name = f"fleet-test-{secrets.token_hex(3)}"
        self.live = live
        self.ec2: Any = endpoint.client("ec2")
        eks = endpoint.client("eks")
        vpc = self.ec2.create_vpc(CidrBlock="10.213.0.0/16")["Vpc"]["VpcId"]
        self.subnet = self.ec2.create_subnet(VpcId=vpc, CidrBlock="10.213.1.0/24")["Subnet"]["SubnetId"]
        role = "arn:aws:iam::111122223333:role/eks"
        eks.create_cluster(name=self.name, roleArn=role, resourcesVpcConfig={"subnetIds": [self.subnet]})
        eks.create_nodegroup(
            clusterName=self.name,
            nodegroupName="system",
            nodeRole=role,
            subnets=[self.subnet],
            scalingConfig={"minSize": 0, "maxSize": 1, "desiredSize": 0},
            labels={"role": "system"},
            taints=[
                {"key": ALONE["key"], "effect": "NO_SCHEDULE"},
                {"key": STARTUP["key"], "effect": "NO_EXECUTE"},
            ],
        )
        self.settings = Settings(
            cluster=self.name,
            region="us-east-1",
            endpoint=endpoint.url,
            kubeconfig=str(live.instance.kubeconfig),
            poll_seconds=0.1,
        )

    def controller(self) -> Controller:
        return Controller(self.settings, Cloud(self.settings), self.live.client)

    def launch(self, type_: str, tags: dict[str, str] | None = None) -> str:
        said = {"eks:cluster-name": self.name, "eks:nodegroup-name": "system"} if tags is None else tags
        listed = [{"Key": key, "Value": value} for key, value in said.items()]
        reply = self.ec2.run_instances(
            ImageId="ami-12345678",
            InstanceType=type_,
            SubnetId=self.subnet,
            MinCount=1,
            MaxCount=1,
            TagSpecifications=[{"ResourceType": "instance", "Tags": listed}],
        )
        return str(reply["Instances"][0]["InstanceId"])

    def node(self, instance: str) -> Node | None:
        for node in self.live.client.list(Node):
            if node.spec is not None and (node.spec.providerID or "").endswith(instance):
                return node
        return None

    def ready(self, name: str, status: str) -> None:
        """Say in kubelet's place whether the node is Ready."""
        condition = {"type": "Ready", "status": status, "reason": "Test", "message": ""}
        self.live.client.patch(
            NodeStatus, name, {"status": {"conditions": [condition]}}, patch_type=PatchType.STRATEGIC
        )

    def close(self) -> None:
        for node in self.live.client.list(Node):
            metadata = node.metadata
            if metadata is not None and metadata.name and (metadata.annotations or {}).get(CLUSTER) == self.name:
                self.live.client.delete(Node, metadata.name)


@pytest.fixture
def fleet(endpoint: Endpoint, live: Live) -> Iterator[Fleet]:
    made = Fleet(endpoint, live)
    yield made
    made.close()


def as_json(resource: Node | Pod | None) -> dict[str, Any]:
    assert resource is not None
    return dict(resource.to_dict())


@pytest.mark.node
def test_an_instance_becomes_a_node_and_the_node_ends_with_it(fleet: Fleet) -> None:
    controller, instance = fleet.controller(), fleet.launch("g4dn.xlarge")
    foreign = fleet.launch("m5.large", {"Name": "somebody else's"})
    now = datetime.now(UTC)
    assert controller.round(now) == []

    [join] = controller.round(now + timedelta(seconds=80))
    assert isinstance(join, Join)
    made = as_json(fleet.node(instance))
    name = made["metadata"]["name"]
    assert name.startswith("ip-10-213-1-")
    assert made["metadata"]["labels"]["eks.amazonaws.com/nodegroup"] == "system"
    assert made["status"]["allocatable"]["cpu"] == "3920m"
    assert {taint["key"] for taint in made["spec"]["taints"]} >= {ALONE["key"], STARTUP["key"]}
    assert fleet.node(foreign) is None

    assert controller.round(now + timedelta(seconds=1000)) == []  # it is not Ready yet
    fleet.ready(name, "True")
    later = now + timedelta(seconds=2000)
    until(lambda: [type(a) for a in controller.round(later)] == [Register], "the GPU to be registered")
    until(lambda: [type(a) for a in controller.round(later)] == [Untaint], "the startup taint to go")
    after = as_json(fleet.node(instance))
    assert (after["status"]["capacity"]["nvidia.com/gpu"], after["status"]["allocatable"]["cpu"]) == ("1", "3920m")
    assert STARTUP["key"] not in {taint["key"] for taint in after["spec"]["taints"]}
    assert ALONE["key"] in {taint["key"] for taint in after["spec"]["taints"]}
    assert controller.round(later) == []

    fleet.ec2.terminate_instances(InstanceIds=[instance])
    assert controller.round(later) == [Plug(name, alive=False)]
    assert MARK not in as_json(fleet.node(instance))["metadata"]["labels"]
    fleet.ready(name, "Unknown")
    assert [type(action) for action in controller.round(later)] == [Remove]
    until(lambda: fleet.node(instance) is None, "the Node to go")


def test_a_deleted_node_of_a_running_instance_does_not_come_back_by_itself(fleet: Fleet) -> None:
    controller, instance = fleet.controller(), fleet.launch("m5.large")
    later = datetime.now(UTC) + timedelta(seconds=1000)
    assert [type(action) for action in controller.round(later)] == [Join]
    fleet.live.client.delete(Node, as_json(fleet.node(instance))["metadata"]["name"])
    until(lambda: fleet.node(instance) is None, "the Node to go")
    assert controller.round(later) == []


def test_what_the_daemonsets_of_the_cluster_name_is_seen(fleet: Fleet) -> None:
    labels = {"app": fleet.name}
    container = {"name": "nothing", "image": "localhost/there-is-no-such-image:1", "args": [f"{fleet.name}/taint-"]}
    spec = {"nodeSelector": {"slipway.test/nowhere": "true"}, "containers": [container]}
    manifest = {
        "metadata": {"name": fleet.name, "namespace": "default"},
        "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": spec}},
    }
    assert f"{fleet.name}/taint" not in fleet.controller()._daemons()
    fleet.live.client.create(cast("DaemonSet", DaemonSet.from_dict(manifest)))
    try:
        assert f"{fleet.name}/taint" in fleet.controller()._daemons()
    finally:
        fleet.live.client.delete(DaemonSet, fleet.name)


def test_what_somebody_changed_meanwhile_is_tried_again(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    controller, instance = fleet.controller(), fleet.launch("m5.large")
    later = datetime.now(UTC) + timedelta(seconds=1000)
    [join] = controller.round(later)
    assert isinstance(join, Join)
    name = join.node["metadata"]["name"]
    stale = Untaint(name, "1", [], ["x"])
    monkeypatch.setattr("slipway.embedded.fleet.controller.decide", lambda *_: [stale])
    assert controller.round(later) == []
    assert as_json(fleet.node(instance))["spec"]["taints"] != []


def test_instances_of_karpenter_wait_where_its_schema_is_not_there(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    controller = fleet.controller()
    fleet.launch("m5.large", {f"kubernetes.io/cluster/{fleet.name}": "owned", "karpenter.sh/nodepool": "cpu"})

    listing = fleet.live.client.list

    def listed(resource: Any, **more: Any) -> Any:
        if resource.__name__ != "NodeClaim":
            return listing(resource, **more)
        raise not_found(fleet)

    monkeypatch.setattr(fleet.live.client, "list", listed)
    assert controller.round(datetime.now(UTC) + timedelta(seconds=1000)) == []


def not_found(fleet: Fleet) -> ApiError:
    with pytest.raises(ApiError) as missing:
        fleet.live.client.get(Node, "there-is-no-such-node")
    return missing.value


def test_every_action_is_told_in_words() -> None:
    manifest = {"metadata": {"name": "n"}}
    said = [
        told(action)
        for action in (
            Join(manifest, "i-1"),
            Untaint("n", "1", [], ["a", "b"]),
            Register("n", {"nvidia.com/gpu": "1"}),
            Plug("n", alive=False),
            Plug("n", alive=True),
            Remove("n", "uid"),
        )
    ]
    assert said == [
        "n joins, as i-1 is up",
        "n: the owners of a, b are ready",
        "n: 1 nvidia.com/gpu",
        "n: kubelet falls silent",
        "n: kubelet speaks again",
        "n is deleted: it is NotReady, and its instance is gone",
    ]


def test_settings_outlive_their_file() -> None:
    settings = Settings(cluster="c", region="r", endpoint="http://x", kubeconfig="/k", delays=Delays(cpu=1, scale=0.5))
    assert Settings.from_json(settings.to_json()) == settings


def test_the_processes_read_what_is_written_for_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    instance = Instance("unit")
    spec = processes.fleet(instance, cluster="demo", region="eu-west-1", delays=Delays(scale=0.1))
    read = Settings.from_json(Path(spec.argv[-1]).read_text())
    assert (read.cluster, read.region, read.delays.scale) == ("demo", "eu-west-1", 0.1)
    other = processes.fleet(instance, cluster="demo", region="eu-west-1")
    assert other.fingerprint() != spec.fingerprint()
    kwok = processes.kwok(instance, Path("/kwok"), delays=Delays(container=3, scale=0.5))
    assert "durationMilliseconds: 1500" in (instance.etc / "kwok.yaml").read_text()
    assert processes.kwok(instance, Path("/kwok")).fingerprint() != kwok.fingerprint()
    assert {"--server-address=", "--node-port=0", "--manage-all-nodes=false"} <= set(kwok.argv)


def started(fleet: Fleet, tmp_path: Path) -> subprocess.Popen[bytes]:
    """The controller's own process, in haste."""
    config = tmp_path / "fleet.json"
    config.write_text(replace(fleet.settings, delays=Delays(scale=0), poll_seconds=0.5).to_json())
    argv = [sys.executable, "-m", "slipway.embedded.fleet.controller", str(config)]
    with (tmp_path / "fleet.log").open("wb") as log:
        return subprocess.Popen(argv, cwd=REPOSITORY, stdout=log, stderr=log)


def test_the_process_joins_nodes_and_ends_when_told(fleet: Fleet, tmp_path: Path) -> None:
    instance = fleet.launch("m5.large")
    process = started(fleet, tmp_path)
    try:
        until(lambda: fleet.node(instance) is not None or process.poll() is not None, "the Node to join")
    finally:
        process.send_signal(signal.SIGTERM)
        ended = process.wait(timeout=30)
    assert ended == 0, (tmp_path / "fleet.log").read_text()
    assert f"joins, as {instance} is up" in (tmp_path / "fleet.log").read_text()


def placed(fleet: Fleet, node: str) -> str:
    """A pod on a Node, whatever its taints."""
    name = f"{fleet.name}-pod"
    container = {"name": "nothing", "image": "localhost/there-is-no-such-image:1"}
    spec = {"nodeName": node, "tolerations": [{"operator": "Exists"}], "containers": [container]}
    manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"}, "spec": spec}
    fleet.live.client.create(cast("Pod", Pod.from_dict(manifest)))
    return name


def phase(fleet: Fleet, pod: str) -> str:
    """What a pod is said to be; nothing when it is gone."""
    try:
        return str(as_json(fleet.live.client.get(Pod, pod))["status"]["phase"])
    except ApiError:
        return ""


def test_kwok_keeps_the_node_until_its_instance_ends_and_kubernetes_finds_it_lost(fleet: Fleet, tmp_path: Path) -> None:
    program = locate(engine("kwok")).found
    if program is None:
        pytest.skip("kwok is not built on this machine")
    instance = fleet.launch("m5.large")
    (tmp_path / "kwok.yaml").write_text(processes.stages(Delays(scale=0)))
    argv: list[str | Path] = [
        program.path,
        "--config",
        tmp_path / "kwok.yaml",
        "--kubeconfig",
        fleet.live.instance.kubeconfig,
    ]
    with (tmp_path / "kwok.log").open("wb") as log:
        kwok = subprocess.Popen(
            [*argv, *processes.arguments()], env={"HOME": str(tmp_path)}, stdout=log, stderr=log, cwd=tmp_path
        )
    controller = started(fleet, tmp_path)

    def condition() -> str:
        node = fleet.node(instance)
        conditions = as_json(node)["status"].get("conditions", []) if node is not None else []
        return next((each["status"] for each in conditions if each["type"] == "Ready"), "")

    try:
        until(lambda: condition() == "True", "the Node to be Ready")
        made = as_json(fleet.node(instance))
        assert made["metadata"]["annotations"][MARK] == FAKE
        assert (made["status"]["allocatable"]["cpu"], made["status"]["nodeInfo"]["kubeletVersion"]) == (
            "1930m",
            "simulated",
        )
        name = made["metadata"]["name"]
        until(lambda: fleet.live.client.get(Lease, name, namespace="kube-node-lease"), "its lease")
        assert [each for each in psutil.Process(kwok.pid).net_connections() if each.status == psutil.CONN_LISTEN] == []
        pod = placed(fleet, name)
        until(lambda: phase(fleet, pod) == "Running", "its pod to be called Running")
        address = as_json(fleet.live.client.get(Pod, pod))["status"]["podIP"]
        assert ip_address(address) in ip_network(processes.POD_CIDR, strict=False)
        fleet.live.client.delete(Pod, pod)
        until(lambda: phase(fleet, pod) == "", "its pod to go")
        fleet.ec2.terminate_instances(InstanceIds=[instance])
        until(lambda: fleet.node(instance) is None, "Kubernetes to find it lost, and the Node to go", 180)
    finally:
        for process in (controller, kwok):
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)
    assert "it is NotReady, and its instance is gone" in (tmp_path / "fleet.log").read_text()
