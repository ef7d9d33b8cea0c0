"""Database URLs as providers hand them out, and every way in which TLS fails."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from agentflow_tui.errors import AgentflowError, SettingsError, UnreachableError
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.statements import Statement
from agentflow_tui.store.connection.targets import DRIVER, IGNORED, MEANINGS, target_of

PLAIN = "postgresql://anna:s%40crt@db.acme.test:6432/prod"


@pytest.mark.parametrize(
    ("query", "settings", "driver"),
    [
        ("", {}, ""),
        ("sslmode=require&channel_binding=require", {}, "?sslmode=require"),
        ("pgbouncer=true&connection_limit=1&pool_timeout=0", {}, ""),
        ("ssl=true", {}, "?sslmode=require"),
        ("ssl=no-verify&sslmode=verify-full", {}, "?sslmode=verify-full"),
        ("schema=tenant_a", {"search_path": "tenant_a"}, ""),
        ("currentSchema=a,b", {"search_path": "a,b"}, ""),
        ("ApplicationName=ours", {"application_name": "ours"}, ""),
        ("work_mem=7MB&my.flag=1", {"work_mem": "7MB", "my.flag": "1"}, ""),
        ("options=-c%20work_mem%3D7MB%20--jit%3Doff", {"work_mem": "7MB", "jit": "off"}, ""),
        ("options=-csearch_path%3Da%5C%20b", {"search_path": "a b"}, ""),
        ("options=endpoint%3Dep-cool", {"options": "endpoint=ep-cool"}, ""),
        ("target_session_attrs=read-write", {}, "?target_session_attrs=read-write"),
        ("sslrootcert=system&SSLMODE=verify-full", {}, "?sslrootcert=system&sslmode=verify-full"),
    ],
)
def test_parameters_are_honoured_or_left_out(
    query: str, settings: dict[str, str], driver: str
) -> None:
    target = target_of(f"{PLAIN}?{query}" if query else PLAIN, {})
    assert target.settings == settings
    assert target.url == PLAIN + driver


@pytest.mark.parametrize(
    "scheme",
    ["postgres", "postgresql+asyncpg", "postgresql+psycopg2", "jdbc:postgresql", "postgis"],
)
def test_schemes_of_other_clients_are_read(scheme: str) -> None:
    assert target_of(PLAIN.replace("postgresql", scheme), {}).url == PLAIN


@pytest.mark.parametrize("name", sorted(IGNORED))
def test_what_is_not_honoured_is_said(name: str) -> None:
    if name in DRIVER:
        return
    target = target_of(f"{PLAIN}?{name}=1", {})
    assert (target.settings, target.url) == ({}, PLAIN)
    assert target.remarks == (f"{name} {IGNORED[name]}",)


@pytest.mark.parametrize("name", sorted({*DRIVER, *MEANINGS}))
def test_what_is_honoured_is_no_setting_of_the_server(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "services").write_text("[x]\nport=1\n")
    fit = {"service": "x", "options": "-c jit=off"}
    value = fit.get(name, "7" if "timeout" in name else str(tmp_path / "file"))
    target = target_of(f"{PLAIN}?{name}={value}", {"PGSERVICEFILE": str(tmp_path / "services")})
    assert name not in target.settings
    assert target.remarks == ()


def test_a_service_that_verifies_the_server_is_not_weakened_by_a_bare_ssl(tmp_path: Path) -> None:
    services = tmp_path / "services.conf"
    services.write_text("[prod]\nsslmode=verify-full\n")
    environ = {"PGSERVICEFILE": str(services), "PGSERVICE": "prod"}
    assert "sslmode=verify-full" in target_of(f"{PLAIN}?ssl=true", environ).url
    assert "sslmode=require" in target_of(f"{PLAIN}?ssl=true", {}).url


def test_the_environment_counts_as_with_psql(tmp_path: Path) -> None:
    services = tmp_path / "services.conf"
    services.write_text("[prod]\nhost=db.acme.test\nuser=anna\ndbname=prod\nconnect_timeout=9\n")
    environ = {
        "PGSERVICE": "prod",
        "PGSERVICEFILE": str(services),
        "PGOPTIONS": "-c work_mem=7MB",
        "PGCONNECT_TIMEOUT": "4",
    }
    target = target_of("postgresql://", environ)
    assert target.url == "postgresql://?host=db.acme.test&user=anna&dbname=prod"
    assert (target.timeout, target.settings) == (9.0, {"work_mem": "7MB"})
    given = target_of("postgresql://boris@here/other?connect_timeout=2", environ)
    assert given.url == "postgresql://boris@here/other"
    assert given.timeout == 2.0
    with pytest.raises(ValueError, match="no service staging"):
        target_of("postgresql://?service=staging", environ)


async def test_a_setting_goes_to_the_server_and_a_mistake_is_named(database_url: str) -> None:
    database = await Database.open(f"{database_url}&work_mem=7MB&options=-c%20my.flag%3Don")
    shown = Statement(str, "SELECT current_setting('work_mem') || current_setting('my.flag')")
    assert await database.fetch(shown) == ["7MBon"]
    database.close()
    for mistake, meant in (("sslmod=require", "sslmode"), ("conect_timeout=3", "connect_timeout")):
        with pytest.raises(SettingsError, match=f"Did you mean {meant}"):
            await Database.open(f"{database_url}&{mistake}")


@pytest.mark.parametrize(
    "query",
    ["channel_binding=require", "pgbouncer=true&connection_limit=1", "statement_timeout=9000"],
)
async def test_urls_as_handed_out_open(database_url: str, query: str) -> None:
    (await Database.open(f"{database_url}&{query}")).close()


async def test_no_server_of_the_kind_that_was_asked_for(database_url: str) -> None:
    with pytest.raises(UnreachableError, match="target_session_attrs"):
        await Database.open(f"{database_url}&target_session_attrs=standby")


# TLS


class Authority:
    """A certificate authority, and the certificates that it has signed, as files."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.file = self._write(f"{name}.crt", self._signed(self.name, self.key, ca=True))

    def _signed(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        *,
        ca: bool = False,
        until: timedelta = timedelta(days=1),
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        hosts = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=9))
            .not_valid_after(now + until)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        if not ca and subject.rfc4514_string() != "CN=elsewhere":
            builder = builder.add_extension(x509.SubjectAlternativeName(hosts), critical=False)
        return builder.sign(self.key, hashes.SHA256())

    def _write(self, name: str, certificate: x509.Certificate) -> Path:
        path = self.folder / name
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return path

    def certificate(self, name: str, until: timedelta = timedelta(days=1)) -> tuple[Path, Path]:
        """Certificate and key of a host or a client."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        key_file = self.folder / f"{name}.key"
        key_file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        key_file.chmod(0o600)
        return self._write(f"{name}.crt", self._signed(subject, key, until=until)), key_file


@contextmanager
def tls_server(
    certificate: tuple[Path, Path] | None,
    *,
    clients: Path | None = None,
    version: ssl.TLSVersion | None = None,
) -> Iterator[int]:
    """The port of a server that turns to TLS as PostgreSQL does, and says nothing after that; one
    without a certificate says that it has none."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    if certificate is not None:
        context.load_cert_chain(*certificate)
    if clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients)
    if version is not None:
        context.maximum_version = version

    def serve() -> None:
        while True:
            try:
                caller, _ = listening.accept()
            except OSError:
                return
            with caller, suppress(OSError):
                caller.settimeout(10)
                caller.recv(8)
                caller.sendall(b"N" if certificate is None else b"S")
                if certificate is not None:
                    with context.wrap_socket(caller, server_side=True) as secured:
                        secured.recv(1)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = threading.Thread(target=serve)
        serving.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
        serving.join(20)


@pytest.fixture
def ours(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "ours")


async def refused(port: int, query: str, host: str = "127.0.0.1") -> str:
    with pytest.raises(AgentflowError) as raised:
        await Database.open(f"postgresql://anna:secret@{host}:{port}/prod?{query}")
    said = str(raised.value)
    assert "secret" not in said
    assert "cannot be told apart" not in said
    return said


async def test_each_way_in_which_a_certificate_is_no_good(ours: Authority, tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    theirs = Authority(tmp_path / "theirs", "theirs")
    with tls_server(ours.certificate("server")) as port:
        said = await refused(port, f"sslmode=verify-full&sslrootcert={theirs.file}")
        assert "is not trusted" in said
    with tls_server(ours.certificate("elsewhere")) as port:
        said = await refused(port, f"sslmode=verify-full&sslrootcert={ours.file}")
        assert "is for another host" in said
    with tls_server(ours.certificate("old", timedelta(days=-1))) as port:
        said = await refused(port, f"sslmode=verify-full&sslrootcert={ours.file}")
        assert "is not valid now" in said


async def test_a_server_without_tls_and_one_of_another_version(ours: Authority) -> None:
    with tls_server(None) as port:
        assert "has no TLS" in await refused(port, "sslmode=require")
    with tls_server(ours.certificate("server"), version=ssl.TLSVersion.TLSv1_2) as port:
        said = await refused(port, "sslmode=require&ssl_min_protocol_version=TLSv1.3")
        assert "no version of TLS" in said


async def test_certificates_of_the_client(ours: Authority, tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    foreign, foreign_key = Authority(tmp_path / "theirs", "theirs").certificate("client")
    _, other_key = ours.certificate("other")
    # of TLS 1.3 a client hears the refusal after its handshake, or only that it is hung up on
    older = ssl.TLSVersion.TLSv1_2
    with tls_server(ours.certificate("server"), clients=ours.file, version=older) as port:
        assert "certificate of the client" in await refused(port, "sslmode=require")
        said = await refused(port, f"sslmode=require&sslcert={foreign}&sslkey={foreign_key}")
        assert "does not accept our certificate" in said
        said = await refused(port, f"sslmode=require&sslcert={foreign}&sslkey={other_key}")
        assert "does not belong to the certificate" in said


async def test_tls_files_that_are_missing_or_no_such_files(ours: Authority) -> None:
    certificate, _ = ours.certificate("server")
    for query, words in (
        ("sslmode=verify-full&sslrootcert=/nowhere/ca.crt", "sslrootcert names the file /nowhere"),
        ("sslmode=require&sslcert=/nowhere/c.crt", "sslcert names the file /nowhere"),
        (f"sslmode=require&sslcert={certificate}&sslkey={certificate}", "cannot be read"),
        ("sslmode=sometimes", "sslmode"),
    ):
        assert words in await refused(1, query)
