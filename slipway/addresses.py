"""What an address says of where it leads."""

import ipaddress
from urllib.parse import urlsplit


def is_this_machine(url: str) -> bool:
    """Whether a URL's host is this machine: a loopback address, or the name of one."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
