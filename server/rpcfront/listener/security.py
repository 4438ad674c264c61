"""What is known about a connection's TLS and its peer, in grpcio's terms."""

import ssl
from collections.abc import Mapping, Sequence

from rpcfront.protocols.http import INSECURE, Security


def security_of(connection: ssl.SSLObject | None) -> Security:
    """Return what is known about a connection, once its handshake is done; `connection` is None without TLS.

    Every certificate was verified in the handshake: a context that verifies none asks for none. A certificate with a
    malformed name has no names.
    """
    if connection is None:
        return INSECURE
    properties: dict[str, Sequence[bytes]] = {
        "transport_security_type": [b"ssl"],
        "security_level": [b"TSI_PRIVACY_AND_INTEGRITY"],
        "ssl_tls_version": [(connection.version() or "").encode()],
        "ssl_session_reused": [b"true" if connection.session_reused else b"false"],
    }
    certificate = connection.getpeercert(binary_form=True)
    if certificate is None:
        return Security(properties)
    properties["x509_pem_cert"] = [ssl.DER_cert_to_PEM_cert(certificate).encode()]
    properties |= _names(certificate)
    for key in ("x509_subject_alternative_name", "x509_common_name"):
        if key in properties:
            return Security(properties, properties[key], key)
    return Security(properties)


def _names(certificate: bytes) -> dict[str, Sequence[bytes]]:
    """Return the names in a certificate by grpcio's names for them; nothing if one is malformed."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    kinds: Mapping[type[x509.GeneralName], str] = {
        x509.DNSName: "peer_dns",
        x509.UniformResourceIdentifier: "peer_uri",
        x509.RFC822Name: "peer_email",
        x509.IPAddress: "peer_ip",
    }
    named: dict[str, list[bytes]] = {}
    try:
        parsed = x509.load_der_x509_certificate(certificate)
        named["x509_subject"] = [parsed.subject.rfc4514_string().encode()]
        for common_name in parsed.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[:1]:
            named["x509_common_name"] = [str(common_name.value).encode()]
        alternatives = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        for name in alternatives:
            key = kinds.get(type(name))
            text = b"other types of SAN" if key is None else str(name.value).encode()  # grpcio's text
            named.setdefault("x509_subject_alternative_name", []).append(text)
            if key is not None:
                named.setdefault(key, []).append(text)
    except x509.ExtensionNotFound:
        pass
    except ValueError:
        return {}
    return dict(named)
