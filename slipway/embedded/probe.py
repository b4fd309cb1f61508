"""Waits, inside the instance, until HTTPS addresses answer 200. Run as `python -m slipway.embedded.probe …`.

Kept to the standard library: it starts often, and must start fast.
"""

import argparse
import ssl
import sys
import time
import urllib.error
import urllib.request


def main() -> int:
    """Poll every URL; status 0 when all have answered, 1 with what the last attempt said when time is up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("urls", nargs="+")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--cert", nargs=2, metavar=("CERT", "KEY"))
    arguments = parser.parse_args()
    # Some of these servers sign their own certificate at start. The addresses exist only in this namespace.
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if arguments.cert:
        context.load_cert_chain(*arguments.cert)
    deadline = time.monotonic() + arguments.seconds
    for url in arguments.urls:
        while (fault := _fault(url, context)) is not None:
            if time.monotonic() > deadline:
                sys.stderr.write(f"{url} does not answer: {fault}\n")
                return 1
            time.sleep(0.1)
    return 0


def _fault(url: str, context: ssl.SSLContext) -> str | None:
    try:
        with urllib.request.urlopen(  # noqa: S310  # the addresses are the caller's own
            url, timeout=2, context=context if url.startswith("https") else None
        ) as answer:
            answer.read()
    except (OSError, urllib.error.URLError) as error:
        return str(error)
    return None


if __name__ == "__main__":
    sys.exit(main())
