"""The registry that images are pushed to: that of the stack whose file has one."""

from dataclasses import dataclass
from pathlib import Path

from infra.settings import load_file
from slipway import paths, stacks
from slipway.errors import PushError

_SECTION = "slipway:registry"


@dataclass(frozen=True)
class Registry:
    """A registry of ECR, as a stack file has it.

    Attributes:
        stack: The stack that makes it.
        account: Whose it is.
        region: Where it is.
        repositories: Names of its repositories: one for each bento that can be pushed.
    """

    stack: str
    account: str
    region: str
    repositories: tuple[str, ...]

    @property
    def address(self) -> str:
        """What references to its images begin with.

        https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html
        """
        suffix = "amazonaws.com.cn" if self.region.startswith("cn-") else "amazonaws.com"
        return f"{self.account}.dkr.ecr.{self.region}.{suffix}"


@dataclass(frozen=True)
class Pushed:
    """An image in its registry.

    Attributes:
        model: The bento's name.
        image: What the stack file has for it: the reference by digest.
        tag: Its tag, which never moves: the fingerprint of the sources.
        uploaded_bytes: What had to be uploaded; nothing for an image that was there.
        is_other_build: Whether the registry had these sources already, from another build, whose image this is.
    """

    model: str
    image: str
    tag: str
    uploaded_bytes: int
    is_other_build: bool = False


def registry_of(stack: str = "", *, checkout: Path = paths.REPOSITORY) -> Registry:
    """The registry that the stack files have.

    Args:
        stack: The stack that is meant; empty where there is only one with a registry.
        checkout: The repository.

    Raises:
        SettingsError: A stack file is wrong.
        PushError: There is none, or there are several.
    """
    named = [stack] if stack else stacks.names(checkout)
    settings = {name: load_file(stacks.file_of(name, checkout, fault=PushError)) for name in named}
    found = [
        Registry(name, each.account, each.region, each.registry.repositories)
        for name, each in settings.items()
        if each.registry and each.account  # settings hold a registry to exactly one
    ]
    if not found:
        where = f"stacks/Pulumi.{stack}.yaml" if stack else "no stack file"
        what = f"{where} has no {_SECTION}" if stack else f"{where} has {_SECTION}"
        raise PushError(
            f"{what}, so there is nowhere to push to", remedy=f"write {_SECTION} in stacks/Pulumi.shared.yaml"
        )
    if len(found) > 1:
        names = ", ".join(each.stack for each in found)
        raise PushError(f"{names} have {_SECTION}", remedy="say which is meant: `--stack NAME`")
    return found[0]
