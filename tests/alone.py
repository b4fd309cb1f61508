"""A network namespace with a loopback and nothing else, for servers that listen on every address there is."""

import os


def alone(*words: str) -> list[str]:
    """The words of a command that runs another one there; it needs `unshare` and `ip`."""
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    return ["unshare", "--net", *user, "--", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", *words]
