"""`python -m slipway_kit.profiling module:Class` prints how long one item takes alone, as JSON: `{"one_ms": 0.4}`.

For whoever builds a bento: no objective below it can be met. Without an example of the class nothing is known, and
`{}` is printed.
"""

from __future__ import annotations

import json
import sys

from slipway_kit.application import application
from slipway_kit.model import ContractError, example_of
from slipway_kit.naming import USAGE, named
from slipway_kit.settings import Settings


def main(arguments: list[str]) -> int:
    """Measure.

    Returns:
        The exit status: 2 for what cannot be measured as it is.
    """
    if len(arguments) != 1:
        sys.stderr.write(f"error: {USAGE.replace('slipway_kit ', 'slipway_kit.profiling ').partition(',')[0]}\n")
        return 2
    try:
        served = application(named(arguments[0]), Settings(max_batch=1))
        profile = served.loaded()
    except ContractError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    known = example_of(served.model) is not None
    sys.stdout.write(json.dumps({"one_ms": round(profile.typical(1) * 1000, 3)} if known else {}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
