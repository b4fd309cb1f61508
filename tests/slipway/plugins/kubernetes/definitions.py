"""Definitions of kinds for tests, each in a group of its own."""

import contextlib
import secrets
from dataclasses import dataclass, field
from typing import Any

import httpx2
from lightkube.generic_resource import create_global_resource, create_namespaced_resource
from lightkube.resources.apiextensions_v1 import CustomResourceDefinition
from lightkube.types import PatchType

from tests.live import Live

DEFINITION = "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition"


@dataclass
class Definition:
    """A kind that nobody else has; all of them would be the same in the singular."""

    namespaced: bool = True
    kind: str = "Colour"
    plural: str = "colours"
    group: str = field(default_factory=lambda: f"t{secrets.token_hex(3)}.slipway.test")

    @property
    def name(self) -> str:
        return f"{self.plural}.{self.group}"

    @property
    def token(self) -> str:
        return f"kubernetes:{self.group}/v1:{self.kind}"

    @property
    def resource(self) -> Any:
        create: Any = create_namespaced_resource if self.namespaced else create_global_resource
        return create(self.group, "v1", self.kind, self.plural)

    def manifest(self, **properties: Any) -> dict[str, Any]:
        spec = {"type": "object", "properties": {"sky": {"type": "string"}, **properties}}
        schema = {"type": "object", "properties": {"spec": spec, "status": _ANYTHING}}
        return {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": self.name},
            "spec": {
                "group": self.group,
                "scope": "Namespaced" if self.namespaced else "Cluster",
                "names": {"kind": self.kind, "plural": self.plural, "singular": "colour", "listKind": "ColourList"},
                "versions": [
                    {
                        "name": "v1",
                        "served": True,
                        "storage": True,
                        "schema": {"openAPIV3Schema": schema},
                        "subresources": {"status": {}},
                    }
                ],
            },
        }

    def colour(self, namespace: str | None, sky: str = "blue", **annotations: str) -> dict[str, Any]:
        metadata: dict[str, Any] = {"name": "colour", **({"namespace": namespace} if namespace else {})}
        if annotations:
            metadata["annotations"] = {f"pulumi.com/{key}": value for key, value in annotations.items()}
        return {"metadata": metadata, "spec": {"sky": sky}}

    def say(self, live: Live, namespace: str, **status: Any) -> None:
        """Write an object's status, as its controller would."""
        written = {"status": status}
        live.client.patch(self.resource.Status, "colour", written, namespace=namespace, patch_type=PatchType.MERGE)

    def let_go(self, live: Live, namespace: str) -> None:
        """Take an object's finalizers away, as its controller would."""
        freed = {"metadata": {"finalizers": None}}
        live.client.patch(self.resource, "colour", freed, namespace=namespace, patch_type=PatchType.MERGE)

    def make(self, live: Live) -> None:
        """Make the definition without waiting for anything."""
        made: Any = CustomResourceDefinition.from_dict(self.manifest())
        live.client.create(made)

    def is_there(self, live: Live) -> bool:
        return any(
            each.metadata and each.metadata.name == self.name for each in live.client.list(CustomResourceDefinition)
        )

    def remove(self, live: Live) -> None:
        """Remove the definition and its objects, whoever holds them."""
        if self.is_there(live):
            client: Any = live.client
            with contextlib.suppress(httpx2.HTTPStatusError):  # it may not be served at all
                for each in client.list(self.resource, **({"namespace": "*"} if self.namespaced else {})):
                    if each.metadata.finalizers:
                        self.let_go(live, each.metadata.namespace)
            freed = {"metadata": {"finalizers": None}}
            live.client.patch(CustomResourceDefinition, self.name, freed, patch_type=PatchType.MERGE)
            live.client.delete(CustomResourceDefinition, self.name)


_ANYTHING = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
