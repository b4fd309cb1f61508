"""What workflows of GitHub may do here: push images from named branches, and look from pull requests. No stored keys.

https://docs.github.com/actions/security-for-github-actions/security-hardening-your-deployments/configuring-openid-connect-in-amazon-web-services
"""

from dataclasses import dataclass
from typing import Any

from infra.iam import allow, document
from infra.place import Place
from infra.registry.planning.images import PUSH, RepositorySpec
from infra.settings import Settings

ISSUER = "https://token.actions.githubusercontent.com"
AUDIENCE = "sts.amazonaws.com"
_SECONDS = 3600
"""How long a workflow has a role: as long as a build takes, and the least that IAM takes."""


@dataclass(frozen=True, kw_only=True)
class CiRoleSpec:
    """A role that workflows take.

    Attributes:
        name: What for.
        role: Its name.
        subjects: What a workflow runs for.
        policy: What it may do, written here; none where AWS keeps it.
        aws_policy: ARN of the policy that AWS keeps; empty where it is written here.
        seconds: How long it is taken.
        tags: Its tags.
    """

    name: str
    role: str
    subjects: tuple[str, ...]
    policy: dict[str, Any] | None
    aws_policy: str
    seconds: int
    tags: dict[str, str]


def plan_ci(settings: Settings, place: Place, repositories: list[RepositorySpec]) -> list[CiRoleSpec]:
    """The roles of CI; none for a stack that is no registry."""
    registry = settings.registry
    if registry is None:
        return []
    repo = f"repo:{registry.ci.github}"
    pushes = document(
        allow("ecr:GetAuthorizationToken", "*", sid="LogsIn"),
        allow(list(PUSH), [each.arn for each in repositories], sid="Pushes"),
    )
    return [
        _role(
            place,
            "push",
            tuple(f"{repo}:ref:refs/heads/{branch}" for branch in registry.ci.push_from),
            policy=pushes,
        ),
        # What there is, never what is in it: no object, no message, no secret.
        _role(
            place,
            "preview",
            (f"{repo}:pull_request",),
            aws_policy=place.aws_policy("job-function/ViewOnlyAccess"),
        ),
    ]


def _role(
    place: Place, name: str, subjects: tuple[str, ...], *, policy: dict[str, Any] | None = None, aws_policy: str = ""
) -> CiRoleSpec:
    return CiRoleSpec(
        name=name,
        role=place.role_name(f"ci-{name}"),
        subjects=subjects,
        policy=policy,
        aws_policy=aws_policy,
        seconds=_SECONDS,
        tags=place.tags(f"ci-{name}"),
    )
