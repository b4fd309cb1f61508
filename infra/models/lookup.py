"""Looks images up in their registries: a model whose image is absent would never be ready, and all wait for it."""

from collections.abc import Iterable, Mapping

import pulumi
from pulumi_aws.ecr.get_image import get_image

from infra.models.images import EcrImage

# What the official plugin says, by its version, of an image and of a repository that are not there:
# https://github.com/hashicorp/terraform-provider-aws/blob/main/internal/service/ecr/image_data_source.go
_ABSENT = (
    "ImageNotFoundException",
    "RepositoryNotFoundException",
    "couldn't find resource",
    "empty result",
    "returned no results",
)


def refuse_absent(images: Mapping[str, EcrImage], *, stack: str) -> None:
    """Stop where an image is not in its registry; also in a preview.

    Args:
        images: By model.
        stack: The stack's name, for the message.

    Raises:
        RunError: Images are absent, with all of them; or one could not be looked up, with the reason.
    """
    absent = [name for name, image in images.items() if not _is_there(name, image)]
    if not absent:
        return
    told = "\n".join(
        f"  slipway:models.{name}.image: {images[name].repository}@{images[name].digest} is not in the registry of "
        f"{images[name].account} in {images[name].region}"
        for name in absent
    )
    raise pulumi.RunError(f"{_counted(absent)}, nothing was changed\n{told}\n  {_remedy(absent, stack)}")


def _is_there(name: str, image: EcrImage) -> bool:
    try:
        get_image(
            registry_id=image.account,
            region=image.region,
            repository_name=image.repository,
            image_digest=image.digest,
        )
    except Exception as error:  # noqa: BLE001  # what Pulumi raises for a function that fails has no other type
        said = str(error)
        if any(sign in said for sign in _ABSENT):
            return False
        msg = (
            f"slipway:models.{name}.image could not be looked up in the registry of {image.account}, nothing was "
            f"changed: {said}\n  its account must let this one ask (ecr:DescribeImages, ecr:DescribeRepositories): "
            "slipway:registry.pull-from in its stack file"
        )
        raise pulumi.RunError(msg) from None
    return True


def _counted(names: list[str]) -> str:
    return "1 image is absent" if len(names) == 1 else f"{len(names)} images are absent"


def _remedy(names: Iterable[str], stack: str) -> str:
    models = " ".join(names)
    return (
        f"push with `slipway build {models} --push` and take the line that it prints; on one machine, "
        f"`slipway build {models}`, take its digest, and `slipway up {stack}`"
    )
