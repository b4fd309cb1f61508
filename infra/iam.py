"""Policy documents of IAM as data, and the one list of what may stand for everything in them. Pure.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

Statement: TypeAlias = dict[str, Any]
"""A statement as it stands in the document. What is only known later, such as the ARN of a key, may be an Output."""

EVERYTHING: Mapping[str, str] = {
    "AccountDecides": "the policy of a key: in it `*` is the key itself, and the account's own policies decide",
    "LogsAreEncrypted": "the policy of a key, as CloudWatch asks for it: held to the account's log groups",
    "InstancesAreSeen": "descriptions of EC2 have no resource: held to the region",
    "PricesAreSeen": "the price list has no resource, and is public",
    "ProfilesAreListed": "a list of IAM has no resource",
    "LoadBalancersAreSeen": "descriptions have no resource: held to the region",
    "CertificatesAreSeen": "a list has no resource: held to the region",
    "FirewallsAreUsed": "a web ACL is looked up by the load balancer it guards: held to the region",
    "TrailEncrypts": "the policy of a key: in it `*` is the key itself; held to one trail",
    "BudgetsEncrypt": "the policy of a key: in it `*` is the key itself; held to budgets of the account",
    "LogsIn": "the token of a registry is of the account, not of a repository",
}
"""Statements that allow `*`, or actions with a `*`, by their `Sid`, with the reason. All others name what they mean."""


def allow(
    actions: str | Sequence[str],
    resources: Any,
    *,
    sid: str = "",
    when: Mapping[str, Mapping[str, Any]] | None = None,
) -> Statement:
    """A statement of an identity's policy.

    Args:
        actions: What may be done.
        resources: To what: one ARN, or several.
        sid: What the statement is called.
        when: Conditions by operator and key.
    """
    named = {"Sid": sid} if sid else {}
    conditions = {"Condition": {operator: dict(each) for operator, each in when.items()}} if when else {}
    return {**named, "Effect": "Allow", "Action": _several(actions), "Resource": resources, **conditions}


def let(principal: Mapping[str, Any], statement: Statement) -> Statement:
    """A statement of a resource's own policy: who is meant."""
    return {**statement, "Principal": dict(principal)}


def document(*statements: Statement) -> dict[str, Any]:
    """A policy document."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def only_over_tls(service: str, resources: str | list[str]) -> Statement:
    """The statement of a resource's own policy that refuses whoever comes in the clear.

    Args:
        service: Of the resource, as its actions begin: `s3`.
        resources: Its ARN, and those of what is in it.
    """
    refused = allow(f"{service}:*", resources, sid="OnlyOverTls", when={"Bool": {"aws:SecureTransport": "false"}})
    return {**let({"AWS": "*"}, refused), "Effect": "Deny"}


def trusting_service(service: str, *, when: Mapping[str, Mapping[str, Any]] | None = None) -> dict[str, Any]:
    """The document that lets a service of AWS take a role."""
    return document(_trust({"Service": service}, "sts:AssumeRole", when))


def trusting_pods(account: str, cluster: str) -> dict[str, Any]:
    """The document that lets pods of one cluster take a role, by EKS Pod Identity.

    https://docs.aws.amazon.com/eks/latest/userguide/pod-id-role.html

    Args:
        account: The cluster's account.
        cluster: Its ARN.
    """
    when = {"StringEquals": {"aws:SourceAccount": account}, "ArnEquals": {"aws:SourceArn": cluster}}
    actions = ["sts:AssumeRole", "sts:TagSession"]
    return document(_trust({"Service": "pods.eks.amazonaws.com"}, actions, when))


def trusting_github(provider: Any, subjects: Sequence[str]) -> dict[str, Any]:
    """The document that lets workflows of GitHub take a role, without a stored key.

    https://docs.github.com/actions/security-for-github-actions/security-hardening-your-deployments

    Args:
        provider: ARN of the OIDC provider in the account.
        subjects: What the workflow runs for: `repo:OWNER/NAME:ref:refs/heads/BRANCH`. No wildcards.
    """
    issuer = "token.actions.githubusercontent.com"
    when = {"StringEquals": {f"{issuer}:aud": "sts.amazonaws.com", f"{issuer}:sub": list(subjects)}}
    return document(_trust({"Federated": provider}, "sts:AssumeRoleWithWebIdentity", when))


def _trust(
    principal: Mapping[str, Any], actions: str | Sequence[str], when: Mapping[str, Mapping[str, Any]] | None
) -> Statement:
    conditions = {"Condition": {operator: dict(each) for operator, each in when.items()}} if when else {}
    return {"Effect": "Allow", "Principal": dict(principal), "Action": _several(actions), **conditions}


def _several(values: str | Sequence[str]) -> str | list[str]:
    return values if isinstance(values, str) else list(values)
