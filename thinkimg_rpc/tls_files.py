"""Certificates from PEM files, which may be replaced by others while a process runs."""

from __future__ import annotations

import logging
import os
import ssl
import threading
import time
from pathlib import Path
from typing import Any

import grpc

from thinkimg_rpc.settings import CannotStart, TlsSettings

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
"""Files are looked at no more often than this."""

Stamp = tuple[tuple[int, int, int], ...]


class TlsFiles:
    """The files of a process, as they are now. May be used from several threads."""

    def __init__(self, tls: TlsSettings) -> None:
        self._tls = tls
        self._paths = [path for path in (tls.cert, tls.key, tls.ca) if path]
        self._stamp = self._look()
        self._looked = time.monotonic()
        self._lock = threading.Lock()

    def channel_credentials(self) -> grpc.ChannelCredentials:
        """What a client shows and trusts. Raises: CannotStart."""
        return grpc.ssl_channel_credentials(
            root_certificates=_read(self._tls.ca),
            private_key=_read(self._tls.key),
            certificate_chain=_read(self._tls.cert),
        )

    def server_credentials(self) -> grpc.ServerCredentials:
        """What a server shows and trusts; connections made after a change get what is new.

        Raises: CannotStart.
        """
        tls = self._tls
        if not (tls.cert and tls.key):
            raise CannotStart("[tls] needs both cert and key to serve")
        if tls.mutual and not tls.ca:
            raise CannotStart("[tls] mutual = true needs ca, the authority that signs the clients")
        # The stubs say that there is always something new; None is for nothing.
        renewed: Any = self._renewed_configuration
        return grpc.dynamic_ssl_server_credentials(
            self._server_configuration(), renewed, tls.mutual
        )

    def changed(self) -> bool:
        """Whether there are other files than when this was last True, and they can be used."""
        with self._lock:
            if time.monotonic() - self._looked < LOOK_EVERY_S:
                return False
            self._looked = time.monotonic()
            stamp = self._look()
            if stamp == self._stamp:
                return False
            try:
                self._check()
            except (OSError, CannotStart) as error:
                # Half of it may be written: what is used so far stays until the rest is.
                logger.warning("certificates_not_taken", extra={"reason": str(error)})
                return False
            self._stamp = stamp
        logger.info("certificates_renewed", extra={"files": self._paths})
        return True

    def _renewed_configuration(self) -> grpc.ServerCertificateConfiguration | None:
        return self._server_configuration() if self.changed() else None

    def _server_configuration(self) -> grpc.ServerCertificateConfiguration:
        tls = self._tls
        key, cert = _read(tls.key) or b"", _read(tls.cert) or b""
        # Without a client's certificate to verify, an authority would only be asked for one.
        roots = _read(tls.ca) if tls.mutual else None
        return grpc.ssl_server_certificate_configuration([(key, cert)], root_certificates=roots)

    def _check(self) -> None:
        """Raises: OSError (ssl.SSLError is one), when certificate and key are no pair."""
        tls = self._tls
        if tls.cert and tls.key:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.load_cert_chain(_expanded(tls.cert), _expanded(tls.key))
        if tls.ca:
            ssl.create_default_context(cafile=_expanded(tls.ca))

    def _look(self) -> Stamp:
        try:
            found = [os.stat(_expanded(path)) for path in self._paths]
        except OSError:
            return ()
        return tuple((one.st_mtime_ns, one.st_size, one.st_ino) for one in found)


def _expanded(path: str) -> Path:
    return Path(path).expanduser()


def _read(path: str) -> bytes | None:
    if not path:
        return None
    try:
        return _expanded(path).read_bytes()
    except OSError as error:
        raise CannotStart(f"[tls] cannot read {path}: {error.strerror}") from error
