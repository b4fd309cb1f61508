"""Repository: where the images of one bento are."""

import json

import pulumi
from pulumi_aws.ecr.lifecycle_policy import LifecyclePolicy
from pulumi_aws.ecr.repository import Repository as EcrRepository
from pulumi_aws.ecr.repository_policy import RepositoryPolicy

from infra.registry.planning.images import RepositorySpec


class Repository(pulumi.ComponentResource):
    """A repository of ECR.

    Args:
        name: That of the bento.
        spec: What it is made from.
        key: ARN of the key that its images are encrypted with.
        opts: Options of the component.

    Attributes:
        url: Where images are pushed to and pulled from.
    """

    def __init__(
        self,
        name: str,
        *,
        spec: RepositorySpec,
        key: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make it, and say who may pull and what goes."""
        super().__init__("slipway:registry:Repository", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        repository = EcrRepository(
            name,
            name=spec.name,
            # A tag that moved would deploy what nobody has tested.
            image_tag_mutability="IMMUTABLE",
            image_scanning_configuration={"scan_on_push": True},
            encryption_configurations=[{"encryption_type": "KMS", "kms_key": key}],
            tags=spec.tags,
            opts=child,
        )
        LifecyclePolicy(name, repository=repository.name, policy=json.dumps(spec.lifecycle), opts=child)
        if spec.pull is not None:
            RepositoryPolicy(name, repository=repository.name, policy=json.dumps(spec.pull), opts=child)
        self.url = repository.repository_url
        self.register_outputs({"url": self.url})
