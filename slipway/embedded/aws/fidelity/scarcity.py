"""Capacity that runs out when told: EC2's InsufficientInstanceCapacity, for drills.

moto 5.2 has unlimited capacity. EC2 has not, and answers `InsufficientInstanceCapacity`: as a failure of `RunInstances`
(HTTP 500), as one of the `Errors` of `CreateFleet`.
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/troubleshooting-launch.html

`GET` and `PUT /slipway/scarcity`, outside AWS's operations, read and replace the rules:

    {"rules": [{"capacity_type": "spot", "instance_type": "g6.*", "zone": "us-east-1a", "remaining": 0}]}

`capacity_type` is `spot`, `on-demand`, `reserved` or `*` (the default, as are `*` for `instance_type` and `zone`, which
are globs); `remaining` (default 0) is how many more may be launched: each launch counts it down, and nothing counts it
up again. Where several rules speak of a launch, the scarcest decides. What launches into a capacity reservation is
`reserved`: it is not hindered by rules for `on-demand`. A PUT goes through the journal like a request to AWS, so a
replay meets the same scarcity.
"""

import threading
from dataclasses import asdict, dataclass, fields, replace
from fnmatch import fnmatchcase
from typing import Any

PATH = "/slipway/scarcity"
CAPACITY_TYPES = ("spot", "on-demand", "reserved", "*")


@dataclass(frozen=True)
class Rule:
    """How much there is of some capacity.

    Attributes:
        capacity_type: `spot`, `on-demand`, `reserved`, or `*` for each of them.
        instance_type: A glob.
        zone: A glob over names of availability zones.
        remaining: How many instances may still be launched.
    """

    capacity_type: str = "*"
    instance_type: str = "*"
    zone: str = "*"
    remaining: int = 0

    def speaks_of(self, capacity_type: str, instance_type: str, zone: str) -> bool:
        """Whether a launch would draw on this capacity."""
        return (
            self.capacity_type in ("*", capacity_type)
            and fnmatchcase(instance_type, self.instance_type)
            and fnmatchcase(zone, self.zone)
        )


_lock = threading.RLock()
_rules: list[Rule] = []


def rules() -> list[Rule]:
    """The rules, with what remains now."""
    with _lock:
        return list(_rules)


def tell(new: list[Rule]) -> None:
    """Replace all rules."""
    with _lock:
        _rules[:] = new


def take(capacity_type: str, instance_type: str, zone: str) -> bool:
    """Take one instance's worth of capacity; False where there is none."""
    with _lock:
        spoken = [n for n, rule in enumerate(_rules) if rule.speaks_of(capacity_type, instance_type, zone)]
        if any(_rules[n].remaining <= 0 for n in spoken):
            return False
        for n in spoken:
            _rules[n] = replace(_rules[n], remaining=_rules[n].remaining - 1)
        return True


def give_back(capacity_type: str, instance_type: str, zone: str) -> None:
    """Undo a `take` whose launch did not come about."""
    with _lock:
        for n, rule in enumerate(_rules):
            if rule.speaks_of(capacity_type, instance_type, zone):
                _rules[n] = replace(rule, remaining=rule.remaining + 1)


def shown() -> dict[str, Any]:
    """The document."""
    return {"rules": [asdict(rule) for rule in rules()]}


def accept(document: Any) -> None:
    """Replace all rules by those of a document.

    Raises:
        ValueError: They make no sense.
    """
    tell(_read(document))


def _read(document: Any) -> list[Rule]:
    if not isinstance(document, dict) or not isinstance(document.get("rules"), list) or set(document) != {"rules"}:
        raise ValueError('expected {"rules": [...]}')
    return [_rule(number, one) for number, one in enumerate(document["rules"])]


def _rule(number: int, one: Any) -> Rule:
    names = {f.name for f in fields(Rule)}
    if not isinstance(one, dict) or not set(one) <= names:
        raise ValueError(f"rules[{number}]: a rule is an object with some of {', '.join(sorted(names))}")
    rule = Rule(**one)
    if rule.capacity_type not in CAPACITY_TYPES:
        raise ValueError(f"rules[{number}].capacity_type: one of {', '.join(CAPACITY_TYPES)}")
    if not isinstance(rule.remaining, int) or isinstance(rule.remaining, bool) or rule.remaining < 0:
        raise ValueError(f"rules[{number}].remaining: a whole number of instances, 0 or more")
    globs = rule.instance_type, rule.zone
    if any(not isinstance(glob, str) for glob in globs):
        raise ValueError(f"rules[{number}]: instance_type and zone are globs")
    return rule
