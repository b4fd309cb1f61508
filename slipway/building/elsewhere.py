"""What this machine knows of registries that are not in its AWS endpoint: the images that it built itself.

On one machine each environment is an instance with an endpoint, and an account, of its own: the registry of `shared`
is not in that of `dev`. An image of a stack file that was built here counts as pushed; one that was not is absent.
"""

from pathlib import Path

from infra.models.images import in_ecr
from infra.settings import Settings
from slipway.building import bento
from slipway.building.archive import Archive


def held_elsewhere(settings: Settings, *, account: str) -> dict[str, dict[str, str]]:
    """Images of a stack that registries of other accounts hold: tag and manifest by reference.

    Args:
        settings: The stack.
        account: The account of the stack, whose own registry answers for itself.
    """
    references = {name: model.image for name, model in settings.models.items()}
    wanted = {name: image for name, image in in_ecr(references).items() if image.account != account}
    if not wanted:
        return {}
    built = {(build.model, build.image.partition("@")[2]): build for build in bento.built_here()}
    return {
        references[name]: {"tag": build.source, "manifest": Archive(Path(build.archive)).manifest()}
        for name, image in wanted.items()
        if (build := built.get((image.repository, image.digest))) is not None
    }
