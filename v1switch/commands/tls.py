"""TLS of the P4Runtime server: the files that --grpc-server-ssl and its fellows name."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from v1switch.commands.parsing import Parser
from v1switch.errors import SwitchError

if TYPE_CHECKING:
    from v1switch.p4runtime.listener import Tls

FILES = ("grpc_server_cacert", "grpc_server_cert", "grpc_server_key")


@dataclass(frozen=True)
class TlsFiles:
    """Where key and certificates are.

    Attributes:
        certificate: of the server.
        key: of the server.
        authority: certificates that clients' are verified against, or None.
        client_auth: whether clients need one.
    """

    certificate: Path
    key: Path
    authority: Path | None
    client_auth: bool

    def read(self) -> Tls:
        """Read the files; raises SwitchError when they cannot serve."""
        key, certificate = _read("key", self.key), _read("cert", self.certificate)
        self._check()
        from v1switch.p4runtime.listener import Tls

        authority = None if self.authority is None else _read("cacert", self.authority)
        return Tls(key, certificate, authority, self.client_auth)

    def _check(self) -> None:
        """Let OpenSSL read them: gRPC says nothing of what is wrong."""
        import ssl  # only where there is TLS

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            context.load_cert_chain(self.certificate, self.key, password="")
        except (ssl.SSLError, OSError, ValueError) as error:
            pair = f"--grpc-server-cert {self.certificate}, --grpc-server-key {self.key}"
            wanted = "expected a certificate and its key, unencrypted, both PEM"
            raise SwitchError(f"{pair}: {error}, {wanted}") from error
        if self.authority is not None:
            try:
                context.load_verify_locations(self.authority)
            except (ssl.SSLError, OSError) as error:
                what = f"--grpc-server-cacert {self.authority}: {error}"
                raise SwitchError(f"{what}, expected certificates in PEM") from error


def _read(option: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        what = f"--grpc-server-{option} {path}: {error.strerror}"
        raise SwitchError(f"{what}, expected a PEM file") from error


def add_to(parser: Parser) -> None:
    """Let a parser take the options."""
    add = parser.add_argument
    add("--grpc-server-ssl", action="store_true", help="P4Runtime over TLS")
    add("--grpc-server-cert", type=Path, metavar="FILE", help="the server's certificate (PEM)")
    add("--grpc-server-key", type=Path, metavar="FILE", help="its key")
    add("--grpc-server-cacert", type=Path, metavar="FILE", help="who signs clients' certificates")
    add("--grpc-server-with-client-auth", action="store_true", help="clients need a certificate")


def from_options(parser: Parser, given: argparse.Namespace) -> TlsFiles | None:
    """TLS files from the command line; None without TLS. Exits when some are missing."""
    if not given.grpc_server_ssl:
        return None
    for name in ("cert", "key"):
        if getattr(given, f"grpc_server_{name}") is None:
            parser.error(f"--grpc-server-ssl needs --grpc-server-{name} FILE")
    if given.grpc_server_with_client_auth and given.grpc_server_cacert is None:
        parser.error("--grpc-server-with-client-auth needs --grpc-server-cacert FILE")
    return TlsFiles(
        given.grpc_server_cert,
        given.grpc_server_key,
        given.grpc_server_cacert,
        given.grpc_server_with_client_auth,
    )


def without_effect(given: argparse.Namespace) -> str | None:
    """What to say of options that need --grpc-server-ssl and were given without, or None."""
    names = [name for name in (*FILES, "grpc_server_with_client_auth") if getattr(given, name)]
    if given.grpc_server_ssl or not names:
        return None
    options = ", ".join("--" + name.replace("_", "-") for name in names)
    return f"{options}: no effect without --grpc-server-ssl"
