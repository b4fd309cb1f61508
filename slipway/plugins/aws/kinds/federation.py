"""Who else is trusted: identity providers outside AWS, and other accounts in the policy of a repository."""

from slipway.plugins.aws.table import Call, Kind, Setting, Tagging

OPENID = Kind(
    token="aws:iam/openIdConnectProvider:OpenIdConnectProvider",
    service="iam",
    create=Call(
        operation="create_open_id_connect_provider",
        params={
            "Url": "url",
            "ClientIDList": "clientIdLists",
            "ThumbprintList": "thumbprintLists",
            "Tags": "tags(tags, 'Key', 'Value')",
        },
    ),
    identity="reply.OpenIDConnectProviderArn",
    read=Call(operation="get_open_id_connect_provider", params={"OpenIDConnectProviderArn": "id"}),
    gone=("NoSuchEntity",),
    outputs={
        "arn": "id",
        # AWS tells it without its scheme.
        "url": "item.Url && url",
        "clientIdLists": "item.ClientIDList",
        "thumbprintLists": "item.ThumbprintList",
        "tags": "untag(item.Tags, 'Key', 'Value')",
        "tagsAll": "untag(item.Tags, 'Key', 'Value')",
    },
    settings=(
        Setting(
            on=("thumbprintLists",),
            call=Call(
                operation="update_open_id_connect_provider_thumbprint",
                params={"OpenIDConnectProviderArn": "id", "ThumbprintList": "thumbprintLists"},
            ),
            at_creation=False,
        ),
    ),
    tagging=Tagging(
        tag=Call(
            operation="tag_open_id_connect_provider",
            params={"OpenIDConnectProviderArn": "id", "Tags": "tags(tagged, 'Key', 'Value')"},
        ),
        untag=Call(
            operation="untag_open_id_connect_provider",
            params={"OpenIDConnectProviderArn": "id", "TagKeys": "untagged"},
        ),
    ),
    computed=("thumbprintLists",),
    delete=Call(operation="delete_open_id_connect_provider", params={"OpenIDConnectProviderArn": "id"}),
    single=True,
)

_POLICY = Call(operation="set_repository_policy", params={"repositoryName": "repository", "policyText": "policy"})
REPOSITORY_POLICY = Kind(
    token="aws:ecr/repositoryPolicy:RepositoryPolicy",
    service="ecr",
    create=_POLICY,
    identity="repository",
    read=Call(operation="get_repository_policy", params={"repositoryName": "id"}),
    gone=("RepositoryNotFoundException", "RepositoryPolicyNotFoundException"),
    outputs={"repository": "id", "registryId": "item.registryId", "policy": "item.policyText"},
    settings=(Setting(on=("policy",), call=_POLICY, at_creation=False),),
    delete=Call(operation="delete_repository_policy", params={"repositoryName": "id"}),
    single=True,
)

KINDS = (OPENID, REPOSITORY_POLICY)
