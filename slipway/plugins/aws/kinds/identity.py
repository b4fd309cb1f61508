"""Identity: roles, policies, and what ties them together."""

from collections.abc import Mapping
from typing import Any

from slipway.plugins.aws.table import Call, Kind, Setting, Tagging

_NO_SUCH = ("NoSuchEntity",)


def _tagging(what: str, key: str) -> Tagging:
    return Tagging(
        tag=Call(operation=f"tag_{what}", params={key: "id", "Tags": "tags(tagged, 'Key', 'Value')"}),
        untag=Call(operation=f"untag_{what}", params={key: "id", "TagKeys": "untagged"}),
    )


def _delete_old_versions(client: Any, properties: Mapping[str, Any]) -> None:
    """A policy can only be deleted when its default version is the only one."""
    for version in client.list_policy_versions(PolicyArn=properties["id"])["Versions"]:
        if not version["IsDefaultVersion"]:
            client.delete_policy_version(PolicyArn=properties["id"], VersionId=version["VersionId"])


ROLE = Kind(
    token="aws:iam/role:Role",
    service="iam",
    create=Call(
        operation="create_role",
        params={
            "RoleName": "name",
            "Path": "path",
            "AssumeRolePolicyDocument": "assumeRolePolicy",
            "Description": "description",
            "MaxSessionDuration": "maxSessionDuration",
            "PermissionsBoundary": "permissionsBoundary",
            "Tags": "tags(tags, 'Key', 'Value')",
        },
    ),
    identity="reply.Role.RoleName",
    read=Call(operation="get_role", params={"RoleName": "id"}),
    item="Role",
    gone=_NO_SUCH,
    outputs={
        "arn": "item.Arn",
        "name": "item.RoleName",
        "path": "item.Path",
        "uniqueId": "item.RoleId",
        "createDate": "text(item.CreateDate)",
        "assumeRolePolicy": "document(item.AssumeRolePolicyDocument)",
        "description": "item.Description",
        "maxSessionDuration": "item.MaxSessionDuration",
        "tags": "untag(item.Tags, 'Key', 'Value')",
        "tagsAll": "untag(item.Tags, 'Key', 'Value')",
    },
    settings=(
        Setting(
            on=("assumeRolePolicy",),
            call=Call(
                operation="update_assume_role_policy", params={"RoleName": "id", "PolicyDocument": "assumeRolePolicy"}
            ),
            at_creation=False,
        ),
        Setting(
            on=("description", "maxSessionDuration"),
            call=Call(
                operation="update_role",
                params={
                    "RoleName": "id",
                    "Description": "description || ''",
                    "MaxSessionDuration": "maxSessionDuration",
                },
            ),
            at_creation=False,
        ),
    ),
    tagging=_tagging("role", "RoleName"),
    named="name",
    defaults={"forceDetachPolicies": False, "maxSessionDuration": 3600, "path": "/"},
    free=("forceDetachPolicies",),
    delete=Call(operation="delete_role", params={"RoleName": "id"}),
)

POLICY = Kind(
    token="aws:iam/policy:Policy",
    service="iam",
    create=Call(
        operation="create_policy",
        params={
            "PolicyName": "name",
            "Path": "path",
            "PolicyDocument": "policy",
            "Description": "description",
            "Tags": "tags(tags, 'Key', 'Value')",
        },
    ),
    identity="reply.Policy.Arn",
    read=Call(operation="get_policy", params={"PolicyArn": "id"}),
    item="Policy",
    gone=_NO_SUCH,
    outputs={
        "arn": "item.Arn",
        "name": "item.PolicyName",
        "path": "item.Path",
        "policyId": "item.PolicyId",
        "description": "item.Description",
        "attachmentCount": "item.AttachmentCount",
        "tags": "untag(item.Tags, 'Key', 'Value')",
        "tagsAll": "untag(item.Tags, 'Key', 'Value')",
    },
    settings=(
        Setting(
            on=("policy",),
            call=Call(
                operation="create_policy_version",
                params={"PolicyArn": "id", "PolicyDocument": "policy", "SetAsDefault": True},
            ),
            at_creation=False,
        ),
    ),
    tagging=_tagging("policy", "PolicyArn"),
    named="name",
    defaults={"path": "/"},
    before_delete=_delete_old_versions,
    delete=Call(operation="delete_policy", params={"PolicyArn": "id"}),
)

ROLE_POLICY = Kind(
    token="aws:iam/rolePolicy:RolePolicy",
    service="iam",
    create=Call(
        operation="put_role_policy", params={"RoleName": "role", "PolicyName": "name", "PolicyDocument": "policy"}
    ),
    identity="join(':', [role, name])",
    read=Call(operation="get_role_policy", params={"RoleName": "role", "PolicyName": "name"}),
    gone=_NO_SUCH,
    outputs={"name": "item.PolicyName", "role": "item.RoleName", "policy": "document(item.PolicyDocument)"},
    settings=(
        Setting(
            on=("policy",),
            call=Call(
                operation="put_role_policy",
                params={"RoleName": "role", "PolicyName": "name", "PolicyDocument": "policy"},
            ),
            at_creation=False,
        ),
    ),
    named="name",
    delete=Call(operation="delete_role_policy", params={"RoleName": "role", "PolicyName": "name"}),
)

ROLE_POLICY_ATTACHMENT = Kind(
    token="aws:iam/rolePolicyAttachment:RolePolicyAttachment",
    service="iam",
    create=Call(operation="attach_role_policy", params={"RoleName": "role", "PolicyArn": "policyArn"}),
    identity="join('/', [role, policyArn])",
    read=Call(operation="list_attached_role_policies", params={"RoleName": "role"}),
    find=lambda reply, it: next(
        (policy for policy in reply["AttachedPolicies"] if policy["PolicyArn"] == it["policyArn"]), None
    ),
    gone=_NO_SUCH,
    outputs={"policyArn": "item.PolicyArn"},
    delete=Call(operation="detach_role_policy", params={"RoleName": "role", "PolicyArn": "policyArn"}),
    single=True,
)

INSTANCE_PROFILE = Kind(
    token="aws:iam/instanceProfile:InstanceProfile",
    service="iam",
    create=Call(
        operation="create_instance_profile",
        params={"InstanceProfileName": "name", "Path": "path", "Tags": "tags(tags, 'Key', 'Value')"},
    ),
    identity="reply.InstanceProfile.InstanceProfileName",
    read=Call(operation="get_instance_profile", params={"InstanceProfileName": "id"}),
    item="InstanceProfile",
    gone=_NO_SUCH,
    outputs={
        "arn": "item.Arn",
        "name": "item.InstanceProfileName",
        "path": "item.Path",
        "role": "item.Roles[0].RoleName",
        "uniqueId": "item.InstanceProfileId",
        "createDate": "text(item.CreateDate)",
        "tags": "untag(item.Tags, 'Key', 'Value')",
        "tagsAll": "untag(item.Tags, 'Key', 'Value')",
    },
    settings=(
        Setting(
            on=("role",),
            call=Call(
                operation="add_role_to_instance_profile", params={"InstanceProfileName": "id", "RoleName": "role"}
            ),
            undo=Call(
                operation="remove_role_from_instance_profile",
                params={"InstanceProfileName": "id", "RoleName": "old.role"},
            ),
        ),
    ),
    tagging=_tagging("instance_profile", "InstanceProfileName"),
    named="name",
    defaults={"path": "/"},
    before_delete=lambda client, it: (
        client.remove_role_from_instance_profile(InstanceProfileName=it["id"], RoleName=it["role"])
        if it.get("role")
        else None
    ),
    delete=Call(operation="delete_instance_profile", params={"InstanceProfileName": "id"}),
)

KINDS = (ROLE, POLICY, ROLE_POLICY, ROLE_POLICY_ATTACHMENT, INSTANCE_PROFILE)
