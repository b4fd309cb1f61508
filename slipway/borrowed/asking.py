"""Where the models of an instance in a cluster of others are asked: through its API server, which every user has.

https://kubernetes.io/docs/tasks/access-application-cluster/access-cluster-services/#manually-constructing-apiserver-proxy-urls
"""

from lightkube.config.client_adapter import verify_cluster

from infra.settings import Settings
from slipway.answers import Door
from slipway.borrowed.way import Way
from slipway.embedded.instance import Instance


def doors(settings: Settings, models: list[str], instance: Instance, way: Way) -> list[Door]:
    """A door for each model.

    Args:
        settings: The stack.
        models: Those that run there.
        instance: Which one.
        way: Into the cluster.
    """
    user = way.config.user
    if user is None:
        return []
    trusts = verify_cluster(way.config.cluster, user, way.config.abs_file, trust_env=False)
    return [
        Door(
            name,
            f"{way.config.cluster.server.rstrip('/')}/api/v1/namespaces/{settings.namespace}/services/{name}:80/proxy",
            trusts=trusts,
            untold={"authorization": f"Bearer {user.token}"} if user.token else {},
            kubeconfig=str(instance.kubeconfig),
        )
        for name in models
    ]
