"""Kubernetes quantities, as far as stack files use them: processors and bytes.

https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
"""

import re
from decimal import Decimal

from infra.settings.wording import shown

_UNITS = {
    "": 1,
    "k": 10**3,
    "M": 10**6,
    "G": 10**9,
    "T": 10**12,
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
}
# The same in Python and in an editor (ECMAScript): no named groups.
CPU = r"([0-9]{1,6}(?:\.[0-9]{1,3})?)|([1-9][0-9]{0,8})m"
"""What an amount of processor looks like."""
BYTES = r"([0-9]{1,15}(?:\.[0-9]{1,9})?)([kMGT]|[KMGT]i)?"
"""What an amount of memory looks like."""


def millicores(text: str) -> int:
    """Thousandths of a processor: `500m` is 500, `1.5` is 1500.

    Raises:
        ValueError: It is no such quantity, or none at all.
    """
    found = re.fullmatch(CPU, text)
    amount = 0 if found is None else int(found[2] or Decimal(found[1]) * 1000)
    if amount < 1:
        msg = f"{shown(text)} is not an amount of processor; write cores (`2`, `0.5`) or thousandths (`500m`)"
        raise ValueError(msg)
    return amount


def bytes_of(text: str) -> int:
    """Bytes: `512Mi` is 536870912.

    Raises:
        ValueError: It is no such quantity, or none at all.
    """
    found = re.fullmatch(BYTES, text)
    amount = 0 if found is None else int(Decimal(found[1]) * _UNITS[found[2] or ""])
    if amount < 1:
        msg = f"{shown(text)} is not an amount of memory; write it with a unit, such as `512Mi` or `2Gi`"
        raise ValueError(msg)
    return amount
