"""Pools under load: mixes that are held, reservations, GPUs, interruptions, priorities, and the order of the end.

One stack with pools of every kind, the production Karpenter and descheduler, and nodes that boot in modelled time. The
tests follow each other on it, as long as nothing fails.
"""

import signal
from collections.abc import Iterator
from time import monotonic, sleep
from typing import Any

import httpx
import pytest

from tests.drills.everything import NODE_CLASS, NODE_POOL, in_aws, in_cluster, listed
from tests.drills.figures import figure
from tests.drills.fleet import Fleet, conditions
from tests.drills.keeping import Watch, warn
from tests.drills.rehearsal import Rehearsal
from tests.live import eventually, until

pytestmark = pytest.mark.drill

CPU, GPU, TRAINING, SHARED = "cpu-serving", "gpu-serving", "gpu-training", "shared"
ON_DEMAND = 60
_BUYING = 240.0
"""From a pod without a place to a pod on a booted node, with the modelled times of GPUs."""
_QUIET = 180.0


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """`prod` with one more pool, in which models and training are together."""
    rehearsal = Rehearsal.of("prod", tmp_path_factory.mktemp("pools"))
    with rehearsal.changed() as config:
        config["slipway:capacity"][SHARED] = {
            "for": ["serving", "training"],
            "instances": {"families": ["m7i", "m6i"], "sizes": ["xlarge"]},
            "mix": {"on-demand": "100%"},
            "limits": {"cpu": 4},
        }
    with rehearsal.running():
        yield Fleet(rehearsal)


def scarcity(fleet: Fleet, *rules: dict[str, Any]) -> None:
    """Tell the endpoint what there is no more of."""
    port = fleet.rehearsal.instance.ports()["aws"]
    reply = httpx.put(f"http://127.0.0.1:{port}/slipway/scarcity", json={"rules": list(rules)}, trust_env=False)
    reply.raise_for_status()


def placed(fleet: Fleet, name: str, pods: int, seconds: float = _BUYING) -> None:
    """Wait until all pods of a workload are on nodes."""
    begun = monotonic()
    until(lambda: fleet.is_placed(name, pods), f"{pods} pods of {name} on nodes: {fleet.bound(name)}", seconds)
    figure(f"{pods} pods of {name} on nodes", monotonic() - begun)


def test_karpenter_takes_every_pool_to_ready(fleet: Fleet) -> None:
    def unready() -> list[str]:
        both = (*listed(fleet.client, NODE_POOL), *listed(fleet.client, NODE_CLASS))
        return [each["metadata"]["name"] for each in both if conditions(each).get("Ready") != "True"]

    until(lambda: unready() == [], f"{unready()} to be Ready")
    assert {each["metadata"]["name"] for each in listed(fleet.client, NODE_POOL)} == fleet.node_pools
    assert len(listed(fleet.client, NODE_CLASS)) == 4


def test_reservations_are_filled_first_and_then_others_are_bought(fleet: Fleet) -> None:
    ec2 = fleet.rehearsal.aws("ec2")
    ec2.create_capacity_reservation(
        InstanceType="g6.xlarge",
        InstancePlatform="Linux/UNIX",
        AvailabilityZone="us-east-1b",
        InstanceCount=2,
        InstanceMatchCriteria="targeted",
        TagSpecifications=[
            {"ResourceType": "capacity-reservation", "Tags": [{"Key": "slipway-pool", "Value": "gpu-serving"}]}
        ],
    )

    def seen() -> bool:
        (found,) = [each for each in listed(fleet.client, NODE_CLASS) if each["metadata"]["name"] == GPU]
        return bool(found.get("status", {}).get("capacityReservations"))

    until(seen, "Karpenter to find the reservation", 300)
    fleet.deploy("sees", GPU, pods=2, gpus=1)
    placed(fleet, "sees", 2)
    assert fleet.bound("sees") == {"reserved": 2}
    fleet.scale("sees", 3)
    placed(fleet, "sees", 3)
    assert fleet.bound("sees") == {"reserved": 2, "on-demand": 1}


def test_a_model_that_needs_gpus_has_exactly_as_many_nodes_as_it_needs_and_of_the_kind(fleet: Fleet) -> None:
    machines = fleet.machines(GPU)
    assert len(machines) == 3
    assert all(each.gpus == 1 for each in machines)
    assert {each.type.partition(".")[0] for each in machines} <= {"g6", "g6e", "gr6"}  # L4 and L40S


def test_the_mix_holds_from_nothing_on_small_machines(fleet: Fleet) -> None:
    fleet.deploy("mixed", CPU, pods=20)
    placed(fleet, "mixed", 20)
    figure("on-demand of 20 pods, from nothing", f"{fleet.share('mixed'):.0f} %")
    assert abs(fleet.share("mixed") - ON_DEMAND) <= 5
    assert max(each.cpus for each in fleet.machines(CPU)) <= 8


def test_with_a_node_in_every_pool_nothing_moves_while_nothing_changes(fleet: Fleet) -> None:
    fleet.deploy("learns", TRAINING, pods=1, gpus=4, cpu="8", purpose="training")
    fleet.deploy("beside", SHARED, pods=1)
    placed(fleet, "learns", 1)
    placed(fleet, "beside", 1)
    until(lambda: all(each.ready for each in fleet.machines()), "every node to be initialised", _BUYING)
    assert {each.node_pool for each in fleet.machines()} == fleet.node_pools
    settled(fleet)
    before, until_then = set(fleet.claims()), monotonic() + _QUIET
    while monotonic() < until_then:
        claims = fleet.claims()
        assert set(claims) == before
        assert not [each for each in claims.values() if conditions(each).get("Drifted") == "True"]
        sleep(1)


def settled(fleet: Fleet, seconds: float = 600.0) -> None:
    """Wait until no node has come or gone for longer than pods must rest before nodes are given back."""
    rest, deadline = 200.0, monotonic() + seconds
    seen, since = set(fleet.claims()), monotonic()
    while monotonic() - since < rest:
        assert monotonic() < deadline, "nodes still come and go"
        if (now := set(fleet.claims())) != seen:
            seen, since = now, monotonic()
        sleep(1)


def test_the_mix_holds_after_half_of_the_pods_have_gone(fleet: Fleet) -> None:
    fleet.scale("mixed", 10)
    until(lambda: fleet.is_placed("mixed", 10), "ten pods")
    figure("on-demand of 10 pods, at once after a scale-down", f"{fleet.share('mixed'):.0f} %")
    begun = monotonic()
    assert eventually(lambda: _holds(fleet, 10, within=10), 300), fleet.bound("mixed")
    figure("the mix within 10 points after a scale-down by half", monotonic() - begun)


def _holds(fleet: Fleet, pods: int, within: float) -> bool:
    return fleet.is_placed("mixed", pods) and abs(fleet.share("mixed") - ON_DEMAND) <= within


def test_a_spot_warning_replaces_the_node_and_its_pods(fleet: Fleet) -> None:
    fleet.scale("mixed", 20)
    placed(fleet, "mixed", 20)
    victim = next(each for each in fleet.machines(CPU) if each.capacity == "spot")
    begun = monotonic()
    warn(fleet, victim)
    until(lambda: victim.name not in {each.name for each in fleet.machines(CPU)}, "the node to go", 300)
    until(lambda: _holds(fleet, 20, within=10), "its pods to be elsewhere", 120)
    figure("from a spot warning to all pods elsewhere", monotonic() - begun)


def test_without_spot_all_is_on_demand_and_the_mix_comes_back_with_it(fleet: Fleet) -> None:
    scarcity(fleet, {"capacity_type": "spot"})
    gone = [each for each in fleet.machines(CPU) if each.capacity == "spot"]
    assert gone
    begun = monotonic()
    for each in gone:
        warn(fleet, each)
    assert eventually(lambda: fleet.bound("mixed") == {"on-demand": 20}, 120), fleet.bound("mixed")
    figure("from the warnings to all pods on-demand", monotonic() - begun)
    sleep(max(0.0, 120 - (monotonic() - begun)))
    fleet.rehearsal.aws("ec2").terminate_instances(InstanceIds=[each.instance for each in gone])
    assert fleet.share("mixed") == 100

    scarcity(fleet)
    begun = monotonic()
    assert eventually(lambda: _holds(fleet, 20, within=10), 600), fleet.bound("mixed")
    figure("from the return of spot to the mix within 10 points", monotonic() - begun)


def test_a_model_takes_the_place_of_training_and_never_the_reverse(fleet: Fleet) -> None:
    fleet.remove("beside")
    until(lambda: fleet.pods("beside") == [], "the pod to go")
    fleet.deploy("trains", SHARED, pods=1, cpu="2500m", purpose="training")
    placed(fleet, "trains", 1)
    fleet.deploy("serves", SHARED, pods=1, cpu="2500m")  # the pool's limit is one machine, and both are too many
    placed(fleet, "serves", 1)
    until(lambda: fleet.bound("trains").total() == 0, "training to give way")
    (serving,) = fleet.pods("serves")
    sleep(60)  # the trainer wants its place back all the while
    (still,) = fleet.pods("serves")
    assert still["metadata"]["uid"] == serving["metadata"]["uid"]
    assert fleet.bound("serves").total() == 1
    assert fleet.bound("trains").total() == 0


def test_an_end_that_is_interrupted_and_repeated_leaves_no_machine_without_its_keeper(fleet: Fleet) -> None:
    rehearsal = fleet.rehearsal
    assert len(fleet.machines()) >= 5
    with Watch(rehearsal) as watch:
        process = rehearsal.begin("destroy", "--yes", "--skip-preview")
        until(lambda: any("deletionTimestamp" in each["metadata"] for each in fleet.claims().values()), "nodes to go")
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=300)
        assert process.returncode != 0, said
        assert rehearsal.state()
        rehearsal.run("destroy", "--yes", "--skip-preview", told="destroy with bought nodes, repeated")
    assert watch.most >= 5
    assert watch.wrong == []
    assert rehearsal.state() == []
    left = in_aws(rehearsal.aws)
    assert not [each for each in left if each.startswith(("instance", "launch template", "cluster", "VPC vpc-p"))], left
    assert not [each for each in in_cluster(rehearsal.kubernetes) if "karpenter" in each and "Namespace" not in each]
