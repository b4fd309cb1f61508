"""The CRDs of the pinned Karpenter, out of Go's module cache, as validators that refuse what the API server prunes."""

import os
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from infra.addons.table import KARPENTER

MODULE = Path("github.com/aws") / f"karpenter-provider-aws@v{KARPENTER.version}"
FILES = {"NodePool": "karpenter.sh_nodepools.yaml", "EC2NodeClass": "karpenter.k8s.aws_ec2nodeclasses.yaml"}


def module(path: Path = MODULE) -> Path:
    """A Go module, unpacked; skips, loudly, where no build has fetched it yet."""
    cache_of_go = os.environ.get("GOMODCACHE") or Path(os.environ.get("GOPATH") or Path.home() / "go") / "pkg" / "mod"
    folder = Path(cache_of_go) / path
    if not folder.is_dir():
        pytest.skip(f"NOT PROVED: {folder} is not there; `go mod download {str(path).replace('@', ' @')}` fetches it")
    return folder


@cache
def validator(kind: str) -> Draft202012Validator:
    crd = yaml.safe_load((module() / "pkg/apis/crds" / FILES[kind]).read_text())
    (version,) = (each for each in crd["spec"]["versions"] if each["name"] == "v1")
    return Draft202012Validator(strict(version["schema"]["openAPIV3Schema"]["properties"]["spec"]))


def strict(schema: Any) -> Any:
    """A structural schema without room for unknown fields: the API server would drop them without a word."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: strict(value) for key, value in schema.items()}
    if "pattern" in found and found.get("type") == "array":
        del found["pattern"]  # controller-gen puts the pattern of the items there, where it means nothing
    closed = "properties" in found and isinstance(found["properties"], dict) and found.get("type") == "object"
    return {**found, "additionalProperties": False} if closed and "additionalProperties" not in found else found


def broken_rules(kind: str, spec: dict[str, Any]) -> list[str]:
    """The CRDs' CEL rules that a spec breaks, in the words of the CRD. Each is written out by hand."""
    return [message for message, holds in (_NODE_POOL if kind == "NodePool" else _NODE_CLASS) if not holds(spec)]


def _labels_are_free(spec: dict[str, Any]) -> bool:
    return not any(re.match(r"([^/]*\.)?(karpenter\.sh|karpenter\.k8s\.aws)/", key) for key in _labels(spec))


def _labels(spec: dict[str, Any]) -> dict[str, str]:
    labels: dict[str, str] = spec["template"]["metadata"]["labels"]
    return labels


def _asked(spec: dict[str, Any]) -> list[dict[str, Any]]:
    asked: list[dict[str, Any]] = spec["template"]["spec"]["requirements"]
    return asked


def _own(spec: dict[str, Any]) -> bool:
    known = {"capacity-type", "instance-family", "instance-size"}
    domains = ("karpenter.sh", "karpenter.k8s.aws")
    return all(
        each["key"].partition("/")[2] in known for each in _asked(spec) if each["key"].partition("/")[0] in domains
    )


def _alias(spec: dict[str, Any]) -> bool:
    terms = spec["amiSelectorTerms"]
    family = terms[0].get("alias", "").partition("@")[0]
    return len(terms) == 1 and set(terms[0]) == {"alias"} and family in {"al2023", "bottlerocket"}


_NODE_POOL = (
    (
        "'schedule' must be set with 'duration'",
        lambda s: all(("schedule" in b) == ("duration" in b) for b in s["disruption"]["budgets"]),
    ),
    ("label domain is restricted", _labels_are_free),
    ("requirements' label domain is restricted", _own),
    ("requirements with operator 'In' must have a value defined", lambda s: all(r["values"] for r in _asked(s))),
    ("'weight' is not supported on static NodePools", lambda s: "replicas" not in s or "weight" not in s),
    ("label values are 63 characters at most", lambda s: all(len(v) <= 63 for r in _asked(s) for v in r["values"])),
)
_NODE_CLASS = (
    ("must specify exactly one of ['role', 'instanceProfile']", lambda s: ("role" in s) != ("instanceProfile" in s)),
    ("'alias' is mutually exclusive, and of a known family", _alias),
    ("selector terms cannot be empty", lambda s: s["subnetSelectorTerms"] and s["securityGroupSelectorTerms"]),
    (
        "expected at least one, got none, ['tags', 'id', 'instanceMatchCriteria']",
        lambda s: all(
            len(t) == 1 and all(t.values()) for t in s.get("capacityReservationSelectorTerms", [{"id": "x"}])
        ),
    ),
    (
        "imageGCHighThresholdPercent must be greater than imageGCLowThresholdPercent",
        lambda s: s["kubelet"]["imageGCHighThresholdPercent"] > s["kubelet"]["imageGCLowThresholdPercent"],
    ),
    (
        "tag contains a restricted tag",
        lambda s: not any(re.match(r"$|eks:eks-cluster-name|kubernetes.io/cluster|karpenter\.", k) for k in s["tags"]),
    ),
    (
        "snapshotID or volumeSize must be defined",
        lambda s: all("volumeSize" in b["ebs"] for b in s["blockDeviceMappings"]),
    ),
)
