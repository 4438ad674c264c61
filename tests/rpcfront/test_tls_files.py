"""Contexts from files: what is refused and how, files that are replaced while connections are open."""

import asyncio
import logging
import ssl
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from rpcfront.listener.tls import TlsFileError, TlsFiles, TlsReloader
from tests.rpcfront.handshakes import Handshake, client
from tests.support.targets.certificates import DAY, Authority, replace_file
from tests.support.waiting import until

AUTHORITY = Authority()
PAIR = AUTHORITY.server_pair()


@pytest.fixture
def files(tmp_path: Path) -> TlsFiles:
    """Good files, which ask for no certificate."""
    return TlsFiles(*PAIR.write(tmp_path, "server"))


@pytest.fixture
def asking(files: TlsFiles, tmp_path: Path) -> TlsFiles:
    """Good files, which ask for certificates of the authority."""
    authorities = tmp_path / "authorities.pem"
    replace_file(authorities, AUTHORITY.pem.encode())
    return replace(files, client_ca=authorities, client_auth="request")


def served(context: ssl.SSLContext, *, authority: Authority = AUTHORITY) -> str | None:
    """Return the serial number of the certificate that a new connection gets."""
    serial = Handshake(context, client(authority)).run().client.getpeercert()["serialNumber"]  # type: ignore[index]  # the server has a certificate
    return str(serial)


def serial_of(certificate: bytes) -> str:
    return f"{x509.load_pem_x509_certificate(certificate).serial_number:X}".zfill(2)


def same_serial(left: str | None, right: str) -> bool:
    return left is not None and int(left, 16) == int(right, 16)


def of_another_kind() -> bytes:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())


def on_curve(curve: ec.EllipticCurve) -> bytes:
    return ec.generate_private_key(curve).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def replace_by_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


Spoil = Callable[[TlsFiles], object]
BAD: dict[str, tuple[Spoil, str, str]] = {
    "a certificate that is missing": (lambda files: files.cert.unlink(), "cert", "No such file or directory"),
    "a key that is missing": (lambda files: files.key.unlink(), "key", "No such file or directory"),
    "a directory for a certificate": (
        lambda files: replace_by_directory(files.cert),
        "cert",
        "Is a directory",
    ),
    "an empty certificate": (lambda files: files.cert.write_bytes(b""), "cert", "not a certificate in PEM"),
    "an empty key": (lambda files: files.key.write_bytes(b""), "key", "not a private key in PEM"),
    "a certificate that is no PEM": (lambda files: files.cert.write_bytes(b"\x30\x82" * 9), "cert", "in PEM"),
    "a key that is no PEM": (lambda files: files.key.write_bytes(b"\x30\x82" * 9), "key", "in PEM"),
    "a certificate that was cut": (lambda files: files.cert.write_bytes(PAIR.certificate[:200]), "cert", "in PEM"),
    "a key that was cut": (lambda files: files.key.write_bytes(PAIR.key[:100]), "key", "in PEM"),
    "a key for a certificate": (lambda files: files.cert.write_bytes(PAIR.key), "cert", "not a certificate in PEM"),
    "a certificate for a key": (lambda files: files.key.write_bytes(PAIR.certificate), "key", "in PEM"),
    "a key that its group may read": (lambda files: files.key.chmod(0o640), "key", "mode 0640"),
    "a key that all may read": (lambda files: files.key.chmod(0o604), "key", "mode 0604"),
    "a key that its group may write": (lambda files: files.key.chmod(0o620), "key", "mode 0620"),
    "an encrypted key": (lambda files: files.key.write_bytes(PAIR.with_password()), "key", "is encrypted"),
    "the key of another certificate": (
        lambda files: files.key.write_bytes(AUTHORITY.server_pair().key),
        "key",
        "not the key of the certificate in",
    ),
    "a key of another kind": (
        lambda files: files.key.write_bytes(of_another_kind()),
        "key",
        "not the key of the certificate in",
    ),
    "a key on another curve": (
        lambda files: files.key.write_bytes(on_curve(ec.SECP384R1())),
        "key",
        "not the key of the certificate in",
    ),
    "an expired certificate": (
        lambda files: files.cert.write_bytes(AUTHORITY.server_pair(lifetime=-DAY).certificate),
        "cert",
        "expired at 2",
    ),
    "a certificate that is not valid yet": (
        lambda files: files.cert.write_bytes(AUTHORITY.issue(begins=timedelta(hours=1), lifetime=2 * DAY).certificate),
        "cert",
        "not valid before 2",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_refused_in_one_line_that_names_it_and_the_rule(files: TlsFiles, case: str) -> None:
    spoil, role, rule = BAD[case]
    spoil(files)
    with pytest.raises(TlsFileError) as refused:
        files.load()
    text = str(refused.value)
    assert refused.value.role == role
    assert text.startswith(f"{getattr(files, role)}: ")
    assert rule in text
    assert len(text.splitlines()) == 1


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_changes_nothing_for_new_connections(files: TlsFiles, case: str) -> None:
    reloader = TlsReloader(files)
    BAD[case][0](files)
    with pytest.raises(TlsFileError):
        reloader.reload()
    assert same_serial(served(reloader.context), serial_of(PAIR.certificate))


@pytest.mark.parametrize(
    ("content", "rule"),
    [(b"", "no certificate in PEM"), (b"no PEM", "no certificate in PEM"), (PAIR.key, "no certificate in PEM")],
)
def test_a_bad_file_of_authorities_is_refused(asking: TlsFiles, content: bytes, rule: str) -> None:
    assert asking.client_ca is not None
    asking.client_ca.write_bytes(content)
    with pytest.raises(TlsFileError, match=rule) as refused:
        asking.load()
    assert refused.value.role == "client_ca"
    assert str(refused.value).startswith(f"{asking.client_ca}: ")


def test_a_file_of_authorities_that_is_missing_is_refused(asking: TlsFiles) -> None:
    assert asking.client_ca is not None
    asking.client_ca.unlink()
    with pytest.raises(TlsFileError, match="No such file"):
        asking.load()


def test_files_may_be_given_as_strings(files: TlsFiles) -> None:
    assert TlsFiles(str(files.cert), str(files.key)) == files  # type: ignore[arg-type]  # strings are the point


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"client_ca": "ca.pem"}, "with a client_ca, client_auth must be 'request' or 'require'"),
        ({"client_auth": "optional"}, "client_auth must be one of none, request, require, not 'optional'"),
        ({"min_version": "1.3"}, "min_version must be TLSVersion, not str"),
    ],
)
def test_a_setting_of_no_meaning_is_refused(files: TlsFiles, settings: Any, text: str) -> None:
    with pytest.raises((TypeError, ValueError), match=text):
        replace(files, **settings)


def test_certificates_cannot_be_asked_for_without_authorities(files: TlsFiles) -> None:
    with pytest.raises(ValueError, match="client_ca"):
        replace(files, client_auth="require")


def test_one_file_may_hold_the_certificate_and_its_key(tmp_path: Path) -> None:
    both = tmp_path / "both.pem"
    replace_file(both, PAIR.key + PAIR.certificate)
    assert served(TlsFiles(both, both).load().context)


@pytest.mark.parametrize(("offered", "chosen"), [(["h2", "http/1.1"], "h2"), (["http/1.1"], "http/1.1"), (["x"], None)])
def test_alpn_chooses_http_2_if_the_client_has_it(files: TlsFiles, offered: list[str], chosen: str | None) -> None:
    context = client(AUTHORITY)
    context.set_alpn_protocols(offered)
    assert Handshake(TlsReloader(files).context, context).run().server.selected_alpn_protocol() == chosen


def test_alpn_is_kept_by_a_reload(files: TlsFiles) -> None:
    reloader = TlsReloader(files)
    reloader.reload()
    context = client(AUTHORITY)
    context.set_alpn_protocols(["h2"])
    assert Handshake(reloader.context, context).run().server.selected_alpn_protocol() == "h2"


@pytest.mark.parametrize(
    ("least", "offered", "is_served"),
    [
        (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_3, True),
        (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2, False),
        (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2, True),
    ],
)
def test_older_versions_of_tls_are_refused(
    files: TlsFiles, least: ssl.TLSVersion, offered: ssl.TLSVersion, is_served: bool
) -> None:
    context = client(AUTHORITY)
    context.maximum_version = offered
    handshake = Handshake(TlsReloader(replace(files, min_version=least)).context, context)
    if is_served:
        handshake.run()
    else:
        with pytest.raises(ssl.SSLError):
            handshake.run()


def test_new_connections_get_a_replaced_certificate_and_old_ones_go_on(files: TlsFiles, tmp_path: Path) -> None:
    reloader = TlsReloader(files)
    kept = Handshake(reloader.context, client(AUTHORITY)).run()
    newer = AUTHORITY.server_pair()
    newer.write(tmp_path, "server")
    reloader.check()
    assert same_serial(served(reloader.context), serial_of(newer.certificate))
    assert kept.carries(b"still here")


def test_clients_that_name_no_server_get_the_replaced_certificate_too(files: TlsFiles, tmp_path: Path) -> None:
    reloader = TlsReloader(files)
    newer = AUTHORITY.server_pair()
    newer.write(tmp_path, "server")
    reloader.check()
    context = client(AUTHORITY)
    context.check_hostname = False
    connection = Handshake(reloader.context, context, server_name=None).run().client
    assert same_serial(connection.getpeercert()["serialNumber"], serial_of(newer.certificate))  # type: ignore[index,arg-type]


def test_a_link_that_leads_elsewhere_is_a_change(tmp_path: Path) -> None:
    older, newer = AUTHORITY.server_pair(), AUTHORITY.server_pair()
    for name, pair in (("older", older), ("newer", newer)):
        (tmp_path / name).mkdir()
        pair.write(tmp_path / name, "server")
    current = tmp_path / "current"
    current.symlink_to("older")
    reloader = TlsReloader(TlsFiles(current / "server.pem", current / "server-key.pem"))
    draft = tmp_path / "draft"
    draft.symlink_to("newer")
    draft.rename(current)
    reloader.check()
    assert same_serial(served(reloader.context), serial_of(newer.certificate))


def test_files_that_have_not_changed_are_not_loaded(files: TlsFiles, caplog: pytest.LogCaptureFixture) -> None:
    reloader = TlsReloader(files)
    with caplog.at_level(logging.INFO):
        reloader.check()
    assert not caplog.records


def test_half_a_replaced_pair_is_not_logged_if_the_next_check_finds_the_other_half(
    files: TlsFiles, caplog: pytest.LogCaptureFixture
) -> None:
    reloader = TlsReloader(files)
    newer = AUTHORITY.server_pair()
    with caplog.at_level(logging.INFO):
        replace_file(files.cert, newer.certificate)
        reloader.check()
        assert same_serial(served(reloader.context), serial_of(PAIR.certificate))
        replace_file(files.key, newer.key)
        reloader.check()
    assert same_serial(served(reloader.context), serial_of(newer.certificate))
    assert [record.levelname for record in caplog.records] == ["INFO"]


def test_files_that_stay_bad_are_logged_once_in_one_line(files: TlsFiles, caplog: pytest.LogCaptureFixture) -> None:
    reloader = TlsReloader(files)
    replace_file(files.cert, AUTHORITY.server_pair().certificate)
    for _ in range(5):
        reloader.check()
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert str(files.key) in record.getMessage()
    assert len(record.getMessage().splitlines()) == 1
    assert same_serial(served(reloader.context), serial_of(PAIR.certificate))


def test_files_that_become_bad_in_another_way_are_logged_again(
    files: TlsFiles, caplog: pytest.LogCaptureFixture
) -> None:
    reloader = TlsReloader(files)
    for content in (b"no PEM", b"nor is this"):
        replace_file(files.cert, content)
        for _ in range(3):
            reloader.check()
    assert len(caplog.records) == 2


def test_a_certificate_that_was_not_valid_yet_is_used_once_it_is(
    files: TlsFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    reloader = TlsReloader(files)
    future = AUTHORITY.issue(x509.DNSName("localhost"), begins=timedelta(hours=1), lifetime=2 * DAY)
    replace_file(files.cert, future.certificate)
    replace_file(files.key, future.key)
    reloader.check()
    assert same_serial(served(reloader.context), serial_of(PAIR.certificate))
    with monkeypatch.context() as patched:
        patched.setattr("rpcfront.listener.tls._check_dates", lambda path, data: reloader.expires)
        reloader.check()
    with pytest.raises(ssl.SSLCertVerificationError, match="not yet valid"):  # it is served: the client looks too
        served(reloader.context)


def test_the_file_of_authorities_is_reloaded_too(asking: TlsFiles) -> None:
    assert asking.client_ca is not None
    reloader = TlsReloader(replace(asking, client_auth="require"))
    newer = Authority()
    of_older, of_newer = client(AUTHORITY, AUTHORITY.issue()), client(AUTHORITY, newer.issue())
    Handshake(reloader.context, of_older).run()
    with pytest.raises(ssl.SSLError):
        Handshake(reloader.context, of_newer).run()
    replace_file(asking.client_ca, newer.pem.encode())
    reloader.check()
    Handshake(reloader.context, of_newer).run()
    with pytest.raises(ssl.SSLError):
        Handshake(reloader.context, of_older).run()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_no_session_outlives_the_authorities_that_its_certificate_was_verified_against(
    asking: TlsFiles, version: ssl.TLSVersion
) -> None:
    assert asking.client_ca is not None
    reloader = TlsReloader(replace(asking, min_version=ssl.TLSVersion.TLSv1_2))
    context = client(AUTHORITY, AUTHORITY.issue())
    context.maximum_version = version
    former = Handshake(reloader.context, context).run()
    assert former.server.getpeercert(binary_form=True)
    replace_file(asking.client_ca, Authority().pem.encode())
    reloader.check()
    with pytest.raises(ssl.SSLError):
        Handshake(reloader.context, context, session=former.client.session).run()


async def test_watching_finds_replaced_files(files: TlsFiles, tmp_path: Path) -> None:
    reloader = TlsReloader(files)
    watching = asyncio.create_task(reloader.watch(0.01))
    newer = AUTHORITY.server_pair()
    newer.write(tmp_path, "server")
    serial = serial_of(newer.certificate)
    await asyncio.to_thread(until, lambda: same_serial(served(reloader.context), serial), "the new certificate")
    watching.cancel()
