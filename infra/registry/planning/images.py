"""Repositories of images: whose tags never move, and which only the environments' accounts can pull from.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html
"""

from dataclasses import dataclass
from typing import Any

from infra.encryption import KeySpec, key
from infra.iam import document
from infra.place import Place
from infra.settings import Registry, Settings
from infra.settings.registry import Keep

LOOK = ("ecr:DescribeImages", "ecr:DescribeRepositories")
"""What `pulumi up` asks before it deploys an image (`infra.models.lookup`)."""
PULL = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", *LOOK)
PUSH = (
    *PULL,
    "ecr:CompleteLayerUpload",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
)
KEY = "images"
"""The purpose of the key that images are encrypted with."""


@dataclass(frozen=True, kw_only=True)
class RepositorySpec:
    """A repository.

    Attributes:
        name: That of the bento.
        arn: Its ARN.
        pull: Who may pull from other accounts; none where nobody else runs images.
        lifecycle: Which images go.
        tags: Its tags.
    """

    name: str
    arn: str
    pull: dict[str, Any] | None
    lifecycle: dict[str, Any]
    tags: dict[str, str]


def plan_repositories(settings: Settings, place: Place) -> list[RepositorySpec]:
    """One for each bento; none for a stack that is no registry."""
    registry = settings.registry
    if registry is None:
        return []
    return [
        RepositorySpec(
            name=name,
            arn=place.arn("ecr", f"repository/{name}"),
            pull=_pull(registry, place),
            lifecycle=_lifecycle(registry.keep),
            tags=place.tags(name, model=name),
        )
        for name in registry.repositories
    ]


def image_key(place: Place) -> KeySpec:
    """The key of the images. Who may pull needs no right to it: ECR has been granted it."""
    return key(place, KEY, f"Images of {place.stack}")


def _pull(registry: Registry, place: Place) -> dict[str, Any] | None:
    if not registry.pull_from:
        return None
    accounts = [place.arn("iam", "root", region="", account=account) for account in registry.pull_from]
    # The policy of a repository names no resource: it is the repository's.
    return document({"Sid": "Pull", "Effect": "Allow", "Principal": {"AWS": accounts}, "Action": list(PULL)})


def _lifecycle(keep: Keep) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html."""
    aged = {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days"}
    return {
        "rules": [
            _rule(1, "Untagged images", {**aged, "countNumber": keep.untagged_days}),
            _rule(
                2,
                "The oldest images",
                {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": keep.images},
            ),
        ]
    }


def _rule(priority: int, description: str, selection: dict[str, Any]) -> dict[str, Any]:
    return {
        "rulePriority": priority,
        "description": description,
        "selection": selection,
        "action": {"type": "expire"},
    }
