"""Images by where they are: one that is in a registry of ECR can be looked up before anything waits for it. Pure.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

_REFERENCE = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/"
    r"(?P<repository>[^@\s]+)@(?P<digest>sha256:[0-9a-f]{64})"
)


@dataclass(frozen=True, kw_only=True)
class EcrImage:
    """An image by digest in a registry of ECR.

    Attributes:
        account: Whose registry it is.
        region: Where the registry is.
        repository: Its repository there.
        digest: Its digest, `sha256:…`.
    """

    account: str
    region: str
    repository: str
    digest: str

    @classmethod
    def of(cls, reference: str) -> Self | None:
        """The image that a reference means; None where it is in no registry of ECR."""
        found = _REFERENCE.fullmatch(reference)
        return cls(**found.groupdict()) if found else None


def in_ecr(references: Mapping[str, str]) -> dict[str, EcrImage]:
    """Those images that are in a registry of ECR, by the same names."""
    found = {name: EcrImage.of(reference) for name, reference in references.items()}
    return {name: image for name, image in found.items() if image is not None}
