"""What others bring to a gateway in the cloud, and this machine makes where it is missing: a client, a certificate.

Neither is ever in a stack file: clients' keys and certificates belong to whoever hands them out.
"""

import base64
import secrets
import ssl
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from lightkube import ApiError, Client
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import Secret

CLIENT = "local"
"""The client that is made here."""
_LABELS = {"app.kubernetes.io/managed-by": "slipway-up"}
_CERTIFICATE, _KEY = "tls.crt", "tls.key"
_VALID, _SOON = timedelta(days=90), timedelta(days=7)


def ensure_key(client: Client, *, secret: str, namespace: str) -> str:
    """A client's key: of those that the Secret has, or a new one in a Secret that is made.

    Args:
        client: The Kubernetes API.
        secret: The Secret's name.
        namespace: Where it is.
    """
    found = _found(client, secret, namespace)
    for encoded in (found.data or {}).values() if found is not None else ():
        return base64.b64decode(encoded).decode()
    key = secrets.token_urlsafe(32)
    _write(client, secret, namespace, {CLIENT: key}, "Opaque")
    return key


def ensure_certificate(client: Client, *, secret: str, namespace: str, hostname: str) -> ssl.SSLContext:
    """What a client trusts: the certificate of the Secret, or a new one, signed by itself, in a Secret that is made.

    Args:
        client: The Kubernetes API.
        secret: The Secret's name.
        namespace: Where it is.
        hostname: Whose a new one is, besides this machine's.
    """
    found = _found(client, secret, namespace)
    certificate = base64.b64decode((found.data or {}).get(_CERTIFICATE, "")).decode() if found is not None else ""
    if not certificate or (_is_ours(found) and _ends_soon(certificate)):
        certificate, key = _self_signed(hostname)
        _write(client, secret, namespace, {_CERTIFICATE: certificate, _KEY: key}, "kubernetes.io/tls")
    trusts = ssl.create_default_context(cadata=certificate)
    trusts.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # it may be signed by somebody who is not asked here
    return trusts


def _is_ours(secret: Secret | None) -> bool:
    labels = secret.metadata.labels if secret is not None and secret.metadata is not None else None
    return _LABELS.items() <= (labels or {}).items()


def _ends_soon(certificate: str) -> bool:
    return x509.load_pem_x509_certificate(certificate.encode()).not_valid_after_utc - datetime.now(UTC) < _SOON


def _self_signed(hostname: str) -> tuple[str, str]:
    """A certificate and its key, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hostname or "localhost")])
    names = [x509.DNSName(each) for each in dict.fromkeys((hostname, "localhost")) if each]
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + _VALID)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode(), private.decode()


def _found(client: Client, name: str, namespace: str) -> Secret | None:
    try:
        return client.get(Secret, name, namespace=namespace)
    except ApiError as error:
        if error.status.code == 404:
            return None
        raise


def _write(client: Client, name: str, namespace: str, data: dict[str, str], kind: str) -> None:
    client.apply(
        Secret(
            apiVersion="v1",
            kind="Secret",
            metadata=ObjectMeta(name=name, namespace=namespace, labels=_LABELS),
            stringData=data,
            type=kind,
        ),
        field_manager="slipway-up",
        force=True,
    )
