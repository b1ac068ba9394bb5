"""TLS for the embedded EHR: a certificate made at each start, and a front that ends TLS before the server.

The front works on plain sockets with a thread for each connection, because some of what it can be made to do wrong (old versions,
plain http on the same port) is what a web server rightly refuses to do.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import ipaddress
import socket
import ssl
import tempfile
import threading
import warnings
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from smartlaunch.embedded_ehr.defects import Defects

_CHUNK = 65536
_TLS_HANDSHAKE = 0x16
_IDLE_LIMIT_S = 30.0
_DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Certificates:
    """PEM texts: what the server shows, its key, and the authority that a client has to trust."""

    chain: str
    key: str
    authority: str


def make_certificates(defects: Defects) -> Certificates:
    """Return a new authority and a certificate of it for this machine."""
    authority_key, authority = _authority("Lakeside test authority")
    signer_key, signer = authority_key, authority
    if defects("has_a_certificate_of_an_unknown_authority"):
        signer_key, signer = _authority("Another authority")
    key = ec.generate_private_key(ec.SECP256R1())
    now = dt.datetime.now(dt.UTC)
    first, last = now - _DAY, now + 30 * _DAY
    if defects("has_an_expired_certificate"):
        first, last = now - 60 * _DAY, now - _DAY
    names: list[x509.GeneralName] = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    if defects("gives_a_page_on_a_host_that_its_certificate_lacks"):
        names = names[1:]
    if defects("has_a_certificate_for_another_host"):
        names = [x509.DNSName("ehr.lakeside.example")]
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name("Lakeside EHR"))
        .issuer_name(signer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(first)
        .not_valid_after(last)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer_key.public_key()), critical=False)
    )
    certificate = builder.sign(signer_key, hashes.SHA256())
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Certificates(_pem(certificate), private.decode(), _pem(authority))


def _authority(name: str) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(name))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 90 * _DAY)
        .not_valid_after(now + 90 * _DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=True,
                crl_sign=True,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
    )
    return key, builder.sign(key, hashes.SHA256())


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def server_context(certificates: Certificates, defects: Defects) -> ssl.SSLContext:
    """Return the context of the server's side: TLS 1.2 and 1.3."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        chain, key = Path(folder, "chain.pem"), Path(folder, "key.pem")
        chain.write_text(certificates.chain, encoding="ascii")
        key.touch(mode=0o600)
        key.write_text(certificates.key, encoding="ascii")
        context.load_cert_chain(chain, key)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if defects("accepts_tls_1_0_and_1_1"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = ssl.TLSVersion.TLSv1
        context.set_ciphers("ALL:@SECLEVEL=0")
    if defects("accepts_tls_1_1"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = ssl.TLSVersion.TLSv1_1
        context.set_ciphers("ALL:@SECLEVEL=0")
    return context


class TlsFront:
    """Listens with TLS and passes the bytes on to the server behind it."""

    def __init__(self, listener: socket.socket, context: ssl.SSLContext, behind: int, *, plain_too: bool) -> None:
        self._listener, self._context, self._behind, self._plain_too = listener, context, behind, plain_too
        self._open: set[socket.socket] = set()
        self._stopping = False
        self._thread = threading.Thread(target=self._accept, name="embedded-ehr-tls", daemon=True)

    def start(self) -> None:
        """Take connections from now on."""
        self._listener.settimeout(0.1)
        self._listener.listen(128)
        self._thread.start()

    def stop(self) -> None:
        """Close the listener and every connection."""
        self._stopping = True
        if self._thread.is_alive():
            self._thread.join(2)
        self._listener.close()
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while not self._stopping:
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(_IDLE_LIMIT_S)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            first = connection.recv(1, socket.MSG_PEEK)
            if not first:
                return
            if first[0] != _TLS_HANDSHAKE:
                if self._plain_too:
                    self._pass_on(connection)
                return
            with self._context.wrap_socket(connection, server_side=True) as secured:
                self._pass_on(secured)

    def _pass_on(self, outside: socket.socket) -> None:
        with socket.create_connection(("127.0.0.1", self._behind), timeout=_IDLE_LIMIT_S) as inside:
            inside.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._open |= {outside, inside}
            back = threading.Thread(target=_copy, args=(inside, outside), daemon=True)
            back.start()
            _copy(outside, inside)
            back.join(_IDLE_LIMIT_S)
            self._open -= {outside, inside}


def _copy(source: socket.socket, sink: socket.socket) -> None:
    """Copy until the source ends, then tell the sink."""
    with contextlib.suppress(OSError):
        while data := source.recv(_CHUNK):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)
