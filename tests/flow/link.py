"""How the tests' user agent reaches the exchange: a datagram socket, or a connection with framing.

A link has send(bytes), receive(deadline) -> bytes or None, local (host, port) and peer."""

import select
import socket
import ssl
import time


def _readable(sock, deadline):
    left = max(0.0, deadline - time.monotonic())
    return bool(select.select([sock], [], [], left)[0])


class Udp:
    name, reliable = "UDP", False

    def __init__(self, server, host="127.0.0.1", port=0):
        self.peer = server
        self.sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET,
                                  socket.SOCK_DGRAM)
        self.sock.bind((host, port))
        self.local = self.sock.getsockname()[:2]

    def send(self, data, to=None):
        self.sock.sendto(data, to or self.peer)

    def receive(self, deadline):
        while _readable(self.sock, deadline):
            data, _ = self.sock.recvfrom(65536)
            if data.strip():                # keep-alives are not messages
                return data
        return None

    def close(self):
        self.sock.close()


class Tcp:
    """One connection; messages are told apart by Content-Length."""
    name, reliable = "TCP", True

    def __init__(self, server, host="127.0.0.1", port=0):
        self.peer = server
        self.sock = self._connect(server, (host, port))
        self.local = self.sock.getsockname()[:2]
        self.have = b""
        self.pongs = 0                      # answers to our keep-alives (RFC 5626)
        self.ended = False                  # the peer has closed

    def _connect(self, server, source):
        sock = socket.create_connection(server, timeout=5, source_address=source)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    def send(self, data, to=None):
        self.sock.sendall(data)

    def _cut(self):
        while self.have.startswith(b"\r\n"):
            self.have = self.have[2:]
            self.pongs += 1
        head, blank, rest = self.have.partition(b"\r\n\r\n")
        if not blank:
            return None
        length = 0
        for line in head.split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name.strip().lower() in (b"content-length", b"l"):
                length = int(value)
        if len(rest) < length:
            return None
        self.have = rest[length:]
        return head + blank + rest[:length]

    def _pending(self):
        return 0

    def receive(self, deadline):
        while True:
            message = self._cut()
            if message is not None:
                return message
            if self.ended or not (self._pending() or _readable(self.sock, deadline)):
                return None
            try:
                data = self.sock.recv(65536)
            except ConnectionError:
                data = b""
            self.ended = not data
            self.have += data

    def close(self):
        self.sock.close()


class Tls(Tcp):
    """authority: a PEM file that signed the server's certificate; without it nothing is checked."""
    name = "TLS"

    def __init__(self, server, host="127.0.0.1", port=0, authority=None, server_name=None):
        self.context = ssl.create_default_context(cafile=authority)
        if authority is None:
            self.context.check_hostname = False
            self.context.verify_mode = ssl.CERT_NONE
        self.server_name = server_name
        super().__init__(server, host, port)

    def _connect(self, server, source):
        return self.context.wrap_socket(super()._connect(server, source),
                                        server_hostname=self.server_name or server[0])

    def _pending(self):
        return self.sock.pending()


LINKS = {"udp": Udp, "tcp": Tcp, "tls": Tls}
