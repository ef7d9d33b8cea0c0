"""A Postfix of one's own on loopback, which passes all its mail on to a mail catcher.

It shares nothing with one that the machine may run but the program: configuration, queue and log
stand in a folder of its own, which its processes, that are not root's, must be able to reach.
"""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.mail.certificates import Authority

_MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file_prefixes = {folder}
maillog_file = {folder}/log
myhostname = relay.test
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = loopback-only
inet_protocols = ipv4
relayhost = [127.0.0.1]:{onward}
smtp_tls_security_level = none
smtpd_tls_chain_files = {certificate}
smtpd_tls_security_level = may
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_recipient_limit = {recipients}
smtpd_client_connection_count_limit = 0
"""
_SERVICES = """
127.0.0.1:{port} inet n - n - - smtpd
127.0.0.1:{tls_port} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
anvil unix - - n - 1 anvil
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
proxymap unix - - n - - proxymap
postlog unix-dgram n - n - 1 postlogd
"""


def why_missing() -> str:
    """Why no Postfix can be run here; nothing where one can."""
    if shutil.which("postfix") is None:
        return "there is no Postfix (Debian's package: postfix)"
    return "" if os.geteuid() == 0 else "Postfix is started by root only"


@dataclass(frozen=True)
class Postfix:
    """One that runs. ``port`` offers STARTTLS, ``tls_port`` speaks TLS from the first byte."""

    port: int
    tls_port: int
    log: Path

    def url(self, security: str, ca: Path) -> str:
        """The URL of it for ``SMTP_URL``, by what is to be said on the wire."""
        if security == "plain":
            return f"smtp://127.0.0.1:{self.port}"
        if security == "STARTTLS":
            return f"smtp+starttls://127.0.0.1:{self.port}?ca={ca}"
        return f"smtps://127.0.0.1:{self.tls_port}?ca={ca}"


@contextmanager
def postfix(onward: int, authority: Authority, *, recipients: int) -> Iterator[Postfix]:
    """One that passes mail on to the port ``onward``, and takes so many recipients at a time."""
    with tempfile.TemporaryDirectory(prefix="agentflow-postfix-") as made:
        folder = Path(made)
        folder.chmod(0o755)
        certificate = folder / "certificate.pem"
        authority.server("127.0.0.1")
        shutil.copy(authority.folder / "127.0.0.11.pem", certificate)
        (folder / "queue").mkdir()
        (folder / "data").mkdir()
        shutil.chown(folder / "data", "postfix")
        running = Postfix(_free_port(), _free_port(), folder / "log")
        config = folder / "config"
        config.mkdir()
        values = {"folder": folder, "onward": onward, "certificate": certificate}
        main = _MAIN.format(**values, recipients=recipients)
        (config / "main.cf").write_text(main, encoding="utf-8")
        services = _SERVICES.format(port=running.port, tls_port=running.tls_port)
        (config / "master.cf").write_text(services, encoding="utf-8")
        _run(config, "start")
        try:
            yield running
        finally:
            _run(config, "abort")


def _run(config: Path, command: str) -> None:
    done = subprocess.run(
        ["postfix", "-c", str(config), command], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr


def _free_port() -> int:
    with closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
