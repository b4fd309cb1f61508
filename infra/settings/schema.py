"""The sections of a stack file. A docstring here is what an editor shows beside the key."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field, field_validator
from pydantic_core.core_schema import ValidationInfo

from infra.settings.aws import AccountId, Region, TagKey, TagValue
from infra.settings.budget import Budget
from infra.settings.cache import SharedCache
from infra.settings.capacity import Pool, PoolName
from infra.settings.cluster import NAMESPACE, Cluster, ExistingCluster
from infra.settings.gateway import Gateway
from infra.settings.models import Model, ModelName
from infra.settings.network import Network
from infra.settings.registry import Registry
from infra.settings.section import Absent, Section
from infra.settings.stores import Stores
from infra.settings.tags import Tags
from infra.settings.texts import filled
from infra.settings.wording import listed, shown


def _environment(value: Any) -> Any:
    if isinstance(value, dict) or (isinstance(value, list) and all(isinstance(each, str) for each in value)):
        return value
    msg = f"is {shown(value)}; a list of environments is expected, or a map that defines one"
    raise ValueError(msg)


Environment = Annotated[Any, AfterValidator(_environment)]
Accounts = Annotated[
    tuple[AccountId, ...],
    filled("write at least one account, or take the key out"),
    Field(json_schema_extra={"minItems": 1}),
]


class DefaultTags(Section):
    """Tags of everything that the stack has in AWS."""

    tags: Annotated[dict[TagKey, TagValue], Field(max_length=50)]
    """Values by name; at most 50 (https://docs.aws.amazon.com/tag-editor/latest/userguide/reference.html)."""


class Settings(Section):
    """The keys of `config` that are ours, and those of the aws plugin that we use.

    A section that is absent is a layer that is not built.
    """

    tags: Annotated[Tags | None, Absent()] = Field(default=None, alias="slipway:tags")
    """Whose everything in AWS is."""
    network: Annotated[Network | None, Absent()] = Field(default=None, alias="slipway:network")
    """The network: public subnets for load balancers, private ones for nodes and pods, intra ones for EKS itself."""
    stores: Annotated[Stores | None, Absent()] = Field(default=None, alias="slipway:stores")
    """Buckets for models, data and logs: encrypted, versioned, never public."""
    cluster: Annotated[Cluster | None, Absent()] = Field(default=None, alias="slipway:cluster")
    """The cluster that models are deployed to: one that exists (`context`), or one of EKS that this stack makes."""
    capacity: dict[PoolName, Pool] = Field(default_factory=dict, alias="slipway:capacity")
    """The nodes that are bought for models and their like, by pool."""
    gateway: Annotated[Gateway | None, Absent()] = Field(default=None, alias="slipway:gateway")
    """The one door that clients come through to all models; without it, they are reached inside the cluster alone."""
    cache: Annotated[SharedCache | None, Absent()] = Field(default=None, alias="slipway:cache")
    """The cache that models share whose `cache` says `shared: cluster`."""
    models: dict[ModelName, Model] = Field(default_factory=dict, alias="slipway:models")
    """The models that are served, by name. An `image: built` is the bento of the same name, in bentos/."""
    registry: Annotated[Registry | None, Absent()] = Field(default=None, alias="slipway:registry")
    """What exists before an image is pushed. It belongs to the `shared` stack."""
    budget: Annotated[Budget | None, Absent()] = Field(default=None, alias="slipway:budget")
    """What the account may cost in a month."""
    region: Region = Field(default="", alias="aws:region")
    """The region that resources are made in, such as eu-central-1."""
    allowed_account_ids: Accounts = Field(default=(), alias="aws:allowedAccountIds")
    """The only accounts that this stack may touch: with the credentials of another, nothing is changed. In quotes."""
    forbidden_account_ids: Accounts = Field(default=(), alias="aws:forbiddenAccountIds")
    """Accounts that this stack must never touch. In quotes."""
    default_tags: DefaultTags = Field(default_factory=lambda: DefaultTags(tags={}), alias="aws:defaultTags")
    """Tags of everything that the stack has in AWS."""

    @field_validator("forbidden_account_ids")
    @classmethod
    def _not_allowed_as_well(cls, forbidden: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        both = sorted({*forbidden} & {*info.data.get("allowed_account_ids", ())})
        if both:
            msg = f"forbids {listed(both)}, which aws:allowedAccountIds allows; an account is in one of the two"
            raise ValueError(msg)
        return forbidden

    @property
    def account(self) -> str | None:
        """The one AWS account that the stack file allows; None where it allows several, or does not say."""
        return self.allowed_account_ids[0] if len(self.allowed_account_ids) == 1 else None

    @property
    def scales(self) -> bool:
        """Whether the number of replicas of some model follows what is asked of it."""
        return any(model.scaling for model in self.models.values())

    @property
    def context(self) -> str:
        """The kubeconfig context of the cluster: that of one of EKS is called like it; empty without a cluster."""
        match self.cluster:
            case None:
                return ""
            case ExistingCluster():
                return self.cluster.context
        return self.cluster.name

    @property
    def namespace(self) -> str:
        """The Kubernetes namespace in which the models run."""
        return self.cluster.namespace if isinstance(self.cluster, ExistingCluster) else NAMESPACE


class StackFile(Section):
    """A stack file of the project: what one environment has that others have not."""

    config: Settings
    """The settings of this stack. A key without a namespace is one of `slipway:`."""
    environment: Environment = None
    """Environments of Pulumi ESC whose values are added (https://www.pulumi.com/docs/esc/)."""
    imports: tuple[str, ...] = ()
    """Environments of Pulumi ESC that are imported."""
    secretsprovider: str = ""
    """Written by Pulumi: what would encrypt secrets. No secret is ever in a stack file."""
    encryptedkey: str = ""
    """Written by Pulumi: a key that the secrets provider has encrypted."""
    encryptionsalt: str = ""
    """Written by Pulumi: the salt of its passphrase."""
