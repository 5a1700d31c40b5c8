"""A UDP socket that can be a bad network, and a heap of timers: what the phones of the load stand on.

Faults are shares of 1 of the datagrams, each way: loss, twice (comes again up to jitter_s later), and
late (by up to jitter_s, so that others overtake it)."""
import heapq
import itertools
import random
import select
import socket
import time


class Timers:
    def __init__(self):
        self.heap, self.serial = [], itertools.count()

    def after(self, seconds, what, *args):
        heapq.heappush(self.heap, (time.monotonic() + seconds, next(self.serial), what, args))

    def run(self):
        now = time.monotonic()
        while self.heap and self.heap[0][0] <= now:
            _, _, what, args = heapq.heappop(self.heap)
            what(*args)

    def wait(self, most):
        return max(0.0, min(most, self.heap[0][0] - time.monotonic())) if self.heap else most


class Wire:
    """deliver(data) is called for what arrives."""

    def __init__(self, host, server, timers, seed=0, loss=0.0, twice=0.0, late=0.0, jitter_s=0.0):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.sock.bind((host, 0))
        self.sock.setblocking(False)
        self.server, self.timers = server, timers
        self.name = "%s:%d" % self.sock.getsockname()
        self.random = random.Random(seed)
        self.loss, self.twice, self.late, self.jitter_s = loss, twice, late, jitter_s
        self.lost = self.doubled = self.delayed = self.passed = 0
        self.deliver = None

    def _through(self, pass_on, data):
        """Once, not at all, twice or later."""
        self.passed += 1
        if self.random.random() < self.loss:
            self.lost += 1
            return
        if self.random.random() < self.twice:
            self.doubled += 1
            self.timers.after(self.random.uniform(0, self.jitter_s), pass_on, data)
        if self.random.random() < self.late:
            self.delayed += 1
            self.timers.after(self.random.uniform(0, self.jitter_s), pass_on, data)
        else:
            pass_on(data)

    def send(self, data):
        self._through(self._send, data)

    def _send(self, data):
        try:
            self.sock.sendto(data, self.server)
        except (BlockingIOError, ConnectionError):
            pass                        # nobody is there: as good as lost

    def receive(self):
        for _ in range(64):
            try:
                data = self.sock.recv(65536)
            except (BlockingIOError, ConnectionError):
                return
            if data.strip():
                self._through(self.deliver, data)


def turn(wires, timers, also=(), most=0.05):
    """Waits for something, handles it; returns those of `also` that can be read."""
    by_sock = {w.sock: w for w in wires}
    ready, _, _ = select.select([*by_sock, *also], [], [], timers.wait(most))
    for one in ready:
        if one in by_sock:
            by_sock[one].receive()
    timers.run()
    return [one for one in ready if one not in by_sock]
