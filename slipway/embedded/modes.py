"""The ways in which an instance can be on a machine."""

from enum import StrEnum


class Mode(StrEnum):
    """How an instance is there."""

    NODE = "node"
    """Namespaces of its own, a control plane, and a real node whose pods are containers. Needs root, and mounts."""
    PROCESSES = "processes"
    """Ordinary processes on the loopback: a control plane, a Node that is simulated, and models that are processes.
    Needs no rights."""
    CONTEXT = "context"
    """A cluster of others on this machine, named by a context of the user's kubeconfig: only the AWS endpoint runs."""
