"""A DNS server of the tests' own: dnsmasq on a port of loopback, for the domain .test alone.

    dns = Dns(directory)
    dns.zone("host-record=a.test,127.0.0.21", "srv-host=_sip._udp.gw.test,a.test,5070,10,60", ttl=60)
    dns.asked("SRV", "_sip._udp.gw.test")       # how often, since the zone was given
    dns.hang(); dns.go_on(); dns.stop()
"""
import os
import re
import signal
import socket
import subprocess

from exchange import free_port, wait_until


def is_up(port):
    """It answers whatever is asked."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(0.2)
        try:
            s.sendto(b"\0\1\1\0\0\1\0\0\0\0\0\0\2up\4test\0\0\1\0\1", ("127.0.0.1", port))
            return bool(s.recv(512))
        except OSError:
            return False


class Dns:
    def __init__(self, directory):
        self.port = free_port()
        self.log = directory / "dnsmasq.log"
        self.process = None

    @property
    def address(self):
        return "127.0.0.1:%d" % self.port

    def zone(self, *lines, ttl=60):
        """Serves these (dnsmasq's options) from now on; what it had is forgotten."""
        self.stop()
        self.lines, self.ttl = lines, ttl
        self.start()

    def start(self):
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                ["/usr/sbin/dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--no-resolv", "--no-hosts",
                 "--port=%d" % self.port, "--listen-address=127.0.0.1", "--bind-interfaces",
                 "--local=/test/", "--local-ttl=%d" % self.ttl, "--log-queries", "--pid-file"] +
                ["--" + line for line in self.lines], stdout=log, stderr=log)
        wait_until(lambda: is_up(self.port))

    def stop(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait(5)
            self.process = None

    close = stop

    def hang(self):
        """It takes questions and does not answer."""
        os.kill(self.process.pid, signal.SIGSTOP)

    def go_on(self):
        os.kill(self.process.pid, signal.SIGCONT)

    def asked(self, kind, name):
        return len(re.findall(r"query\[%s\] %s from" % (kind, re.escape(name)), self.log.read_text()))
