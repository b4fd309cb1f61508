"""Which stacks there are: the files `stacks/Pulumi.<name>.yaml` of a checkout."""

from pathlib import Path

from slipway import paths
from slipway.errors import SlipwayError


def names(checkout: Path = paths.REPOSITORY) -> list[str]:
    """Names of the stacks that have a file."""
    files = (checkout / "stacks").glob("Pulumi.*.yaml")
    return sorted(file.name.removeprefix("Pulumi.").removesuffix(".yaml") for file in files)


def file_of(stack: str, checkout: Path, *, fault: type[SlipwayError]) -> Path:
    """The file of a stack.

    Args:
        stack: Its name.
        checkout: The repository.
        fault: What is raised where there is no such stack.
    """
    file = checkout / "stacks" / f"Pulumi.{stack}.yaml"
    if not file.exists():
        msg = f"there is no stack {stack!r}; stacks/ has {', '.join(names(checkout)) or 'none'}"
        raise fault(msg, remedy=f"write stacks/{file.name}, or correct the name")
    return file
