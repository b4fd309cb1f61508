"""Kubernetes quantities, as far as stack files use them: processors and bytes.

https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
"""

import re
from decimal import Decimal

_CPU = re.compile(r"(?P<whole>\d+(?:\.\d{1,3})?)|(?P<milli>[1-9]\d*)m")
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
_BYTES = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<unit>[kMGT]|[KMGT]i)?")


def millicores(text: str) -> int:
    """Thousandths of a processor: `500m` is 500, `1.5` is 1500.

    Raises:
        ValueError: It is no such quantity, or none at all.
    """
    found = _CPU.fullmatch(text)
    amount = 0 if found is None else int(found["milli"] or Decimal(found["whole"]) * 1000)
    if amount < 1:
        msg = f"{text!r} is not an amount of processor; write cores (`2`, `0.5`) or thousandths (`500m`)"
        raise ValueError(msg)
    return amount


def bytes_of(text: str) -> int:
    """Bytes: `512Mi` is 536870912.

    Raises:
        ValueError: It is no such quantity, or none at all.
    """
    found = _BYTES.fullmatch(text)
    amount = 0 if found is None else int(Decimal(found["number"]) * _UNITS[found["unit"] or ""])
    if amount < 1:
        msg = f"{text!r} is not an amount of memory; write it with a unit, such as `512Mi` or `2Gi`"
        raise ValueError(msg)
    return amount
