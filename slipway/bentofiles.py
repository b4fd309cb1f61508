"""Which bentos there are: folders of bentos/ with a `bentofile.yaml`, and what else such a folder is built as.

`bentos/encoder/bentofile.gpu.yaml` makes the bento `encoder-gpu` of the same sources and the same saved model, with
another image.
"""

from pathlib import Path

from slipway import paths

PLAIN = "bentofile.yaml"


def found(checkout: Path = paths.REPOSITORY) -> dict[str, Path]:
    """The bentofiles of a checkout, by the name of the bento."""
    others = {_named(file): file for file in (checkout / "bentos").glob("*/bentofile.*.yaml")}
    plain = {file.parent.name: file for file in (checkout / "bentos").glob(f"*/{PLAIN}")}
    return dict(sorted({**others, **plain}.items()))


def _named(file: Path) -> str:
    return f"{file.parent.name}-{file.name.removeprefix('bentofile.').removesuffix('.yaml')}"


def folder(model: str, checkout: Path = paths.REPOSITORY) -> Path:
    """Where a bento's sources are; where they would be, if there is none of that name."""
    file = found(checkout).get(model)
    return file.parent if file is not None else checkout / "bentos" / model
