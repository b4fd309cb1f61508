"""Which instance families the catalog carries: those that a serving platform buys, not all of EC2's.

https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html
"""

_VARIANTS = ("5", "5a", "6i", "6a", "6g", "7i", "7a", "7g", "8i", "8a", "8g")
_ACCELERATED = (
    *("g4dn", "g5", "g5g", "g6", "g6e", "g6f", "gr6", "gr6f", "g7", "g7e"),
    *("p4d", "p4de", "p5", "p5e", "p5en", "p6-b200", "p6-b300"),
    *("inf2", "trn1", "trn1n"),
)
# Of the burstable ones only t3, so that it can be recognised: its credits make it unfit for serving.
FAMILIES = frozenset([kind + variant for kind in "cmr" for variant in _VARIANTS] + ["t3", *_ACCELERATED])
"""Compute, general and memory optimized of generations 5 to 8 (Intel, AMD, Graviton), and the accelerated ones."""


def carried(name: str) -> bool:
    """Whether a type such as `m7i.large` belongs in the catalog: of these families, and no bare metal.

    A bare-metal machine takes a quarter of an hour to boot, and buys nothing that a container uses.
    """
    family, _, size = name.partition(".")
    return family in FAMILIES and not size.startswith("metal")
