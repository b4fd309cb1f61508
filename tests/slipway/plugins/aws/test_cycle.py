"""Every token of the table through a whole life, by the real engine: one program, its steps taken once, then judged."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from slipway.errors import CommandError
from slipway.plugins.aws.kinds import identity, images, keys, messages, network, storage
from tests.live import Live
from tests.slipway.plugins.aws import inventory
from tests.slipway.plugins.aws.project import REGION, Project, Run

WORD = "open sesame"
MODULES = (network, identity, storage, messages, images, keys)
TOKENS = {kind.token for module in MODULES for kind in module.KINDS}
"""Those of the program; of the others, kinds/test_lives.py tells the lives."""


@dataclass
class Story:
    """What was seen at each step."""

    project: Project
    refused: str = ""
    runs: dict[str, Run] = field(default_factory=dict)
    there: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    outputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    states: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    def note(self, step: str, run: Run) -> None:
        """Keep what a step did, and what is there after it."""
        self.runs[step] = run
        self.there[step] = inventory.of_run(self.project.client, self.project.run_id)
        self.states[step] = self.project.state()
        stack = next((each for each in self.states[step] if each["type"] == "pulumi:pulumi:Stack"), {})
        self.outputs[step] = stack.get("outputs", {})


@pytest.fixture(scope="module")
def story(live: Live, tmp_path_factory: pytest.TempPathFactory) -> Story:
    project = Project.make(live, tmp_path_factory.mktemp("cycle"), "everything.py")
    run, sqs, logs = project.run_id, project.client("sqs"), project.client("logs")
    told = Story(project)
    size = {"MaximumMessageSize": "262144"}  # as the official plugin has it; AWS has changed its own default
    adopted = sqs.create_queue(QueueName=f"adopted-{run}", Attributes=size, tags={"run": run})["QueueUrl"]
    logs.create_log_group(logGroupName=f"/seen/{run}")
    logs.put_retention_policy(logGroupName=f"/seen/{run}", retentionInDays=3)
    first = {"word": WORD, "adopted": adopted}
    second = {**first, "shade": "dark", "hostnames": True, "retention": 14, "seconds": 45, "mutability": "MUTABLE"}

    project.set(aws={"allowedAccountIds": ["111122223333"]}, **first)
    with pytest.raises(CommandError) as refused:
        project.run("preview")
    told.refused = str(refused.value)
    project.set(**first)
    try:
        told.note("preview", project.run("preview"))
        told.note("up", project.up())
        told.note("again", project.run("up", "--yes", "--skip-preview", "--expect-no-changes"))
        project.set(**second, subnet="10.90.2.0/24")
        told.note("change", project.up())
        told.facts = _facts(project, told)
        _change_behind_its_back(project, told)
        told.note("refresh", project.run("refresh", "--yes", "--skip-preview"))
        told.note("repair", project.up())
        told.facts["visibility after repair"] = _visibility(project)
    finally:
        told.note("destroy", project.run("destroy", "--yes", "--skip-preview"))
    told.facts["seen"] = logs.describe_log_groups(logGroupNamePrefix=f"/seen/{run}")["logGroups"]
    logs.delete_log_group(logGroupName=f"/seen/{run}")
    return told


def _facts(project: Project, told: Story) -> dict[str, Any]:
    """What AWS says after the change."""
    run, west = project.run_id, project.client("sqs", "eu-west-1")
    far = west.list_queues(QueueNamePrefix=f"far-{run}")["QueueUrls"]
    return {
        "hostnames": project.client("ec2").describe_vpc_attribute(
            VpcId=told.outputs["up"]["vpc"], Attribute="enableDnsHostnames"
        )["EnableDnsHostnames"]["Value"],
        "role": project.client("iam").get_role(RoleName=f"role-{run}")["Role"]["Description"],
        "visibility": _visibility(project),
        "mutability": project.client("ecr").describe_repositories(repositoryNames=[f"images-{run}"])["repositories"][0][
            "imageTagMutability"
        ],
        "shade": project.client("sqs").list_queue_tags(QueueUrl=told.outputs["up"]["queue"])["Tags"],
        "far tags": west.list_queue_tags(QueueUrl=far[0])["Tags"],
        "far": len(far),
    }


def _visibility(project: Project) -> str:
    sqs = project.client("sqs")
    url = sqs.get_queue_url(QueueName=f"queue-{project.run_id}")["QueueUrl"]
    return str(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]["VisibilityTimeout"])


def _change_behind_its_back(project: Project, told: Story) -> None:
    queue = told.outputs["up"]["queue"]
    project.client("sqs").set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "99"})
    project.client("logs").delete_log_group(logGroupName=f"/t/{project.run_id}")
    project.client("ec2").create_tags(Resources=[told.outputs["up"]["vpc"]], Tags=[{"Key": "by", "Value": "hand"}])


def test_the_program_uses_every_token_of_the_table(story: Story) -> None:
    used = {each["type"] for each in story.states["up"] if each["type"].startswith("aws:")}
    assert used == TOKENS
    assert len(used) >= 15


def test_an_account_that_is_not_allowed_stops_everything(story: Story) -> None:
    account = story.project.live.instance.account
    assert f"this is account {account}, and the stack allows 111122223333 (aws:allowedAccountIds)" in story.refused


def test_a_preview_plans_everything_and_makes_nothing(story: Story) -> None:
    steps = story.runs["preview"].by_step()
    assert len(steps["create"]) == len(TOKENS) + 2 + 3  # two more queues; the stack and two providers
    assert steps["import"] == {"adopted"}
    assert steps.keys() == {"create", "import"}
    made = {what for what, found in story.there["preview"].items() if found}
    assert made == {"adopted queues"}  # which the test itself made
    assert story.states["preview"] == []


def test_an_update_makes_everything(story: Story) -> None:
    assert not [what for what, found in story.there["up"].items() if not found]
    assert story.runs["up"].by_step()["create"] == story.runs["preview"].by_step()["create"]


def test_the_same_program_again_changes_nothing(story: Story) -> None:
    assert story.runs["again"].steps() == []
    assert story.there["again"] == story.there["up"]


def test_what_can_be_changed_is_updated_in_place(story: Story) -> None:
    run = story.runs["change"]
    assert run.by_step()["update"] == {"vpc", "logs", "role", "rights", "queue", "rule", "images"}
    assert run.differences("queue") == {"visibilityTimeoutSeconds", "tags.shade"}
    facts = story.facts
    assert facts["hostnames"] is True
    assert facts["role"] == "a dark role"
    assert facts["visibility"] == "45"
    assert facts["mutability"] == "MUTABLE"
    assert facts["shade"] == {"run": story.project.run_id, "shade": "dark"}
    before, after = story.there["up"], story.there["change"]
    for what in ("VPCs", "queues", "roles", "repositories", "log groups"):
        assert after[what] == before[what]


def test_what_cannot_be_changed_is_replaced_with_what_hangs_on_it_in_order(story: Story) -> None:
    run = story.runs["change"]
    assert run.by_step()["replace"] == {"subnet", "nat", "association"}
    assert run.differences("subnet") == {"cidrBlock"}
    steps = run.steps()
    order = [
        ("create-replacement", "subnet"),
        ("delete-replaced", "nat"),  # one address serves one gateway
        ("create-replacement", "nat"),
        ("delete-replaced", "subnet"),
    ]
    assert sorted(order, key=steps.index) == order
    assert steps.index(("delete-replaced", "association")) < steps.index(("create-replacement", "association"))
    before, after = story.there["up"], story.there["change"]
    for what in ("subnets", "NAT gateways", "associations"):
        assert len(after[what]) == 1
        assert after[what] != before[what]


def test_a_refresh_sees_what_was_changed_behind_its_back_and_the_next_update_puts_it_back(story: Story) -> None:
    refresh, repair = story.runs["refresh"], story.runs["repair"]
    assert refresh.seen() == {"queue": "update", "logs": "delete", "vpc": "update"}
    assert refresh.differences("queue") == {"visibilityTimeoutSeconds"}
    assert "~visibilityTimeoutSeconds" in refresh.output
    assert repair.by_step() == {"update": {"queue", "vpc"}, "create": {"logs"}}
    assert repair.differences("vpc") == {"tags.by"}
    assert story.facts["visibility after repair"] == "45"
    assert story.there["repair"]["log groups"] == story.there["change"]["log groups"]


def test_destroying_leaves_nothing_but_what_was_only_looked_at(story: Story) -> None:
    assert story.states["destroy"] == []
    assert {what: found for what, found in story.there["destroy"].items() if found} == {}
    far = story.project.client("sqs", "eu-west-1").list_queues(QueueNamePrefix=f"far-{story.project.run_id}")
    assert "QueueUrls" not in far
    assert [each["retentionInDays"] for each in story.facts["seen"]] == [3]


def test_an_explicit_provider_works_in_its_own_region_with_its_own_tags(story: Story) -> None:
    account = story.project.live.instance.account
    assert story.outputs["up"]["far"] == f"arn:aws:sqs:eu-west-1:{account}:far-{story.project.run_id}"
    assert story.facts["far tags"] == {"run": story.project.run_id, "where": "west", "own": "yes"}


def test_a_secret_is_stored_as_ciphertext_only(story: Story) -> None:
    text = json.dumps(story.states["up"])
    assert WORD not in text
    (hidden,) = [each for each in story.states["up"] if each["urn"].endswith("::hidden")]
    for properties in (hidden["inputs"], hidden["outputs"]):
        assert "ciphertext" in properties["tags"]["word"]
    assert "ciphertext" in hidden["outputs"]["tagsAll"]["word"]
    assert "ciphertext" in story.outputs["up"]["word"]


def test_what_exists_already_is_imported_or_only_looked_at(story: Story) -> None:
    assert ("import", "adopted") in story.runs["up"].steps()
    assert story.outputs["up"]["adopted"].endswith(f"/adopted-{story.project.run_id}")
    assert story.outputs["up"]["seen"] == 3


def test_functions_answer_for_the_instance(story: Story) -> None:
    outputs = story.outputs["up"]
    assert outputs["account"] == story.project.live.instance.account
    assert (outputs["region"], outputs["partition"]) == (REGION, "amazonaws.com")
    assert outputs["zones"] == [f"{REGION}{letter}" for letter in "abc"]
