"""What TLS in front of the gateway costs a core: `make -s bench NAME=stream_tls`.

OpenSSL through Python's memory buffers, without a network: TLS 1.3 with a P-256 certificate. The
server's side of a handshake, without session resumption, and of writing a frame of 1.2 KB.
"""

from __future__ import annotations

import json
import ssl
import statistics
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from optix.kernel.clock import SystemClock, to_datetime

HANDSHAKES: Final = 300
WRITES: Final = 20_000
FRAME_BYTES: Final = 1_200
ROUNDS: Final = 5
_NAME: Final = "localhost"


def contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return a server's and a client's context, with a certificate made for them."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _NAME)])
    now = to_datetime(SystemClock().now_ns())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(_NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    public = certificate.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "both.pem"
        path.write_bytes(secret + public)
        server.load_cert_chain(path)
    client = ssl.create_default_context(cadata=public.decode())
    return server, client


class Pair:
    """Both ends of one connection in memory; `spent` is the server's processor time."""

    def __init__(self, server: ssl.SSLContext, client: ssl.SSLContext) -> None:
        down, up = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.down = down
        self.server = server.wrap_bio(up, down, server_side=True)
        self.client = client.wrap_bio(down, up, server_hostname=_NAME)
        self.spent = 0.0

    def shake_hands(self) -> None:
        server_done = client_done = False
        while not (server_done and client_done):
            client_done = client_done or _step(self.client)
            began = time.process_time()
            server_done = server_done or _step(self.server)
            self.spent += time.process_time() - began


def _step(end: ssl.SSLObject) -> bool:
    try:
        end.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True


def measure() -> dict[str, float]:
    """Return the costs in microseconds, medians of several rounds."""
    server, client = contexts()
    handshakes, writes = [], []
    frame = b"x" * FRAME_BYTES
    for _ in range(ROUNDS):
        pairs = [Pair(server, client) for _ in range(HANDSHAKES)]
        for pair in pairs:
            pair.shake_hands()
        handshakes.append(sum(pair.spent for pair in pairs) / HANDSHAKES * 1e6)
        one = pairs[0]
        began = time.process_time()
        for _ in range(WRITES):
            one.server.write(frame)
            one.down.read()
        writes.append((time.process_time() - began) / WRITES * 1e6)
    return {
        "tls_handshake_us": statistics.median(handshakes),
        "tls_write_us": statistics.median(writes),
    }


if __name__ == "__main__":
    print(json.dumps({name: round(value, 2) for name, value in measure().items()}))
