"""Each environment as its stack file has it: from nothing through every kind of change to nothing."""

from pathlib import Path
from typing import Any

import pytest
from lightkube.types import PatchType

from infra.settings import load_file
from slipway.embedded.cluster import Cluster
from slipway.embedded.fleet.delays import Delays
from slipway.engines import build as engines
from slipway.environment import bought_of
from slipway.progress import Progress
from tests.drills.everything import NODE_POOL, in_aws, in_cluster
from tests.drills.rehearsal import Rehearsal, image_of
from tests.live import until

pytestmark = pytest.mark.drill
POOL = "cpu-serving"


def with_a_model(rehearsal: Rehearsal) -> None:
    """Deploy the model that the stack file shows as a comment."""
    with rehearsal.changed() as config:
        config["slipway:models"] = {
            "digits": {
                "pool": POOL,
                "image": image_of("digits"),
                "replicas": 2,
                "resources": {"cpu": "1", "memory": "1Gi"},
            }
        }


def there(rehearsal: Rehearsal) -> tuple[set[str], set[str]]:
    """What is in AWS and in the cluster."""
    return in_aws(rehearsal.aws), in_cluster(rehearsal.kubernetes)


def machine_up(rehearsal: Rehearsal) -> None:
    """Bring the machine up without the stack."""
    settings, progress = load_file(rehearsal.file), Progress(quiet=True)
    programs = engines.ensure("up", progress) | engines.ensure("capacity", progress)
    rehearsal.instance.claim(rehearsal.checkout, rehearsal.stack)
    Cluster(rehearsal.instance, programs, progress).up(
        [],
        context=settings.context,
        account=settings.account or rehearsal.instance.account,
        bought=bought_of(settings, Delays()),
    )


def more_than(before: tuple[set[str], set[str]], after: tuple[set[str], set[str]]) -> list[str]:
    """What was left."""
    return sorted(one for there_was, there_is in zip(before, after, strict=True) for one in there_is - there_was)


@pytest.mark.parametrize("stack", ["shared", "dev", "staging", "prod"])
def test_an_environment_lives_through_every_kind_of_change(stack: str, tmp_path: Path) -> None:
    rehearsal = Rehearsal.of(stack, tmp_path)
    if stack != "shared":
        with_a_model(rehearsal)
    try:
        machine_up(rehearsal)
        before = there(rehearsal)
        summary = rehearsal.up()
        assert not [answer for answer in summary.answers if answer.path]  # nothing runs that could answer
        assert rehearsal.run("up", "--yes", "--skip-preview", told="a second pulumi up").steps() == []
        assert rehearsal.run("preview", "--expect-no-changes", told="preview of no change").steps() == []
        if stack == "shared":
            _registry_changes(rehearsal)
        else:
            _platform_changes(rehearsal)
        rehearsal.run("destroy", "--yes", "--skip-preview", told="destroy")
        assert rehearsal.state() == []
        until(lambda: not more_than(before, there(rehearsal)), f"what is left: {more_than(before, there(rehearsal))}")
    finally:
        rehearsal.down()


def _platform_changes(rehearsal: Rehearsal) -> None:
    original = rehearsal.settings()
    with rehearsal.changed() as config:
        config["slipway:capacity"][POOL]["limits"]["cpu"] = 40
    pools = {name for name in _names(rehearsal, "NodePool") if name.startswith(POOL)}
    assert rehearsal.run("preview").by_step() == {"update": pools}
    rehearsal.write(original)

    with rehearsal.changed() as config:
        config["slipway:models"]["digits"]["replicas"] = 3
    assert rehearsal.run("preview").by_step() == {"update": {"digits"}}
    rehearsal.write(original)

    sqs, queue = rehearsal.aws("sqs"), rehearsal.recorded("interruptions", "Queue")["url"]
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"MessageRetentionPeriod": "60"})
    spoilt, changed = min(pools), {"spec": {"limits": {"cpu": "1"}}}
    client = rehearsal.kubernetes
    client.patch(NODE_POOL, spoilt, changed, patch_type=PatchType.MERGE, field_manager="kubectl-edit")
    refresh = rehearsal.run("refresh", "--yes", "--skip-preview", told="refresh")
    assert refresh.seen() == {"interruptions": "update", spoilt: "update"}
    repair = rehearsal.run("up", "--yes", "--skip-preview")
    assert repair.by_step() == {"update": {"interruptions", spoilt}}
    attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert attributes["MessageRetentionPeriod"] != "60"
    assert client.get(NODE_POOL, spoilt)["spec"]["limits"]["cpu"] != "1"


def _registry_changes(rehearsal: Rehearsal) -> None:
    original = rehearsal.settings()
    with rehearsal.changed() as config:
        config["slipway:budget"]["monthly"] = "123 USD"
    changed = rehearsal.run("preview").by_step()
    assert changed.keys() == {"update"}
    assert len(changed["update"]) == 1
    rehearsal.write(original)

    ecr = rehearsal.aws("ecr")
    ecr.put_image_tag_mutability(repositoryName="digits", imageTagMutability="MUTABLE")
    assert rehearsal.run("refresh", "--yes", "--skip-preview", told="refresh").seen() == {"digits": "update"}
    assert rehearsal.run("up", "--yes", "--skip-preview").by_step() == {"update": {"digits"}}
    repositories: list[dict[str, Any]] = ecr.describe_repositories(repositoryNames=["digits"])["repositories"]
    assert repositories[0]["imageTagMutability"] == "IMMUTABLE"


def _names(rehearsal: Rehearsal, kind: str) -> set[str]:
    return {each["urn"].rpartition("::")[2] for each in rehearsal.state() if each["type"].endswith(f":{kind}")}
