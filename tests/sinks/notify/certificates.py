"""An authority and certificates for servers under test."""

import datetime
import ssl
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Authority:
    """Signs; ``trusting`` is what a client needs that trusts it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority of a test")])
        certificate = self._signed(self._name, self._key.public_key(), None)
        self.file = folder / "authority.pem"
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def trusting(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.file))

    def serving(self, *names: str) -> ssl.SSLContext:
        """A server's side, with a certificate for names and addresses."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "server of a test")])
        signed = self._signed(subject, key.public_key(), names)
        file = self._folder / f"server-{len(list(self._folder.iterdir()))}.pem"
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + signed.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def _signed(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, names: tuple[str, ...] | None
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        begun = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=names is None, path_length=None), critical=True)
        )
        if names is not None:
            shown = [
                x509.IPAddress(ip_address(name)) if name[0].isdigit() else x509.DNSName(name)
                for name in names
            ]
            begun = begun.add_extension(x509.SubjectAlternativeName(shown), critical=False)
        return begun.sign(self._key, hashes.SHA256())
