"""How an operation is added to moto's EKS: a path, and a function from the request's parameters to the answer."""

from collections.abc import Callable, Mapping
from typing import Any

from botocore import xform_name
from moto.core.responses import ActionResult
from moto.eks import urls
from moto.eks.exceptions import InvalidParameterException, ResourceInUseException, ResourceNotFoundException
from moto.eks.models import CLUSTER_NOT_FOUND_MSG, Cluster, EKSBackend
from moto.eks.responses import EKSResponse

from slipway.embedded.aws.fidelity.amending import replace, route

Answer = Callable[[EKSBackend, dict[str, Any]], Mapping[str, Any]]


def serve(operation: str, path: str, answer: Answer) -> None:
    """Add an operation, or replace moto's.

    Args:
        operation: Its name in the API.
        path: A regular expression, as in `moto.eks.urls`.
        answer: From the backend and the parameters (named as in the API) to the answer.
    """

    def perform(self: Any) -> ActionResult:
        self.parse_parameters(self.normalized_request)
        return ActionResult(answer(self.eks_backend, dict(self.params)))

    name = xform_name(operation)
    perform.__name__ = name
    replace(EKSResponse, name, perform)
    route(urls.url_paths, f"{{0}}{path}", urls.response.dispatch)


def cluster_of(backend: EKSBackend, name: str) -> Cluster:
    """A cluster.

    Raises:
        ResourceNotFoundException: There is none of that name.
    """
    if name not in backend.clusters:
        raise not_found(CLUSTER_NOT_FOUND_MSG.format(clusterName=name), clusterName=name)
    return backend.clusters[name]


def not_found(message: str, **names: str) -> ResourceNotFoundException:
    """The error for what is not there."""
    return ResourceNotFoundException(message=message, **names)


def in_use(message: str, **names: str) -> ResourceInUseException:
    """The error for what is there already, or is needed by something."""
    return ResourceInUseException(message=message, **names)


def invalid(message: str) -> InvalidParameterException:
    """The error for what EKS does not accept."""
    return InvalidParameterException(message=message)


def of_cluster(cluster: Cluster, kind: str) -> dict[str, Any]:
    """What we keep with a cluster of one kind, by its key."""
    kept: dict[str, Any] = cluster.__dict__.setdefault(f"_{kind}", {})
    return kept
