#!/usr/bin/python3
"""A real SIP phone without a screen: baresip, with a tone for a microphone and a file for an ear.

    contrib/phone.py USER PASSWORD EXCHANGE [DIRECTORY]     # in a terminal, for a person

It ends with the phone, with its input or its terminal, and by SIGTERM or SIGHUP. What it hears is in DIRECTORY;
without one, in a directory of its own under /tmp, which goes when it ends.

For programs:

    with Phone(directory, "1001", "secret", "127.0.0.1:5060", tone=440) as phone:
        phone.wait_registered()
        phone.command("dial", "1002")
        phone.wait("CALL_ESTABLISHED")
        ...
    phone.heard(600)        # the share of what it heard that is a tone of 600 Hz
    phone.trace             # the SIP messages it sent and received: Message

Everything it does stays on 127.0.0.1. It is driven by JSON over its control socket (ctrl_tcp).
"""
import collections
import json
import math
import os
import pathlib
import pty
import random
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import wave

RATE = 8000
TONE_S = 30

Message = collections.namedtuple("Message", "at sent first headers")

CONFIG = """\
poll_method epoll
net_interface 127.0.0.1
sip_listen 127.0.0.1:{port}
rtp_ports {rtp}-{rtp_last}
module_path {modules}
{terminal}module g711.so
module aubridge.so
module aufile.so
module sndfile.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:{control}
audio_source {source}
audio_player aubridge,ear
audio_alert aubridge,bell
audio_path /nonexistent
snd_path {directory}/heard
"""
# A file that comes to its end ends the call, which is no matter in a test; a person may talk for longer.
# ausine makes this rate and two channels only.
TERMINAL = "module stdio.so\nmodule ausine.so\nausrc_srate 48000\nausrc_channels 2\n"
ACCOUNT = ("<sip:{user}@{domain};transport={transport}>;auth_user={user};auth_pass={password};"
           "outbound=\"sip:{exchange};transport={transport}\";regint=600;answermode={answer};"
           "audio_codecs=pcma;\n")
TRACE = re.compile(r"^(?:\x1b\[[0-9;]*m)?(?:UDP|TCP|TLS) (\S+) -> (\S+)$")


def free_ports(n):
    """n ports in a row, the first of them even, that are free for UDP and TCP on 127.0.0.1: below those that the
    system gives to whoever asks for any, since they are taken a moment later."""
    while True:
        held = []
        try:
            first = random.SystemRandom().randrange(10000, 32768 - n) & ~1
            for port in range(first, first + n):
                for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                    s = socket.socket(socket.AF_INET, kind)
                    held.append(s)
                    s.bind(("127.0.0.1", port))
            return first
        except OSError:
            continue
        finally:
            for s in held:
                s.close()


def modules():
    found = list(pathlib.Path("/usr/lib").glob("**/baresip/modules"))
    if not found:
        raise RuntimeError("baresip's modules are not installed (baresip-core)")
    return found[0]


def write_tone(path, hz):
    with wave.open(str(path), "wb") as w:
        w.setnchannels(1)
        w.setsampwidth(2)
        w.setframerate(RATE)
        samples = (int(12000 * math.sin(2 * math.pi * hz * i / RATE)) for i in range(RATE * TONE_S))
        w.writeframes(b"".join(struct.pack("<h", s) for s in samples))


def share_of(samples, hz):
    """The share of the energy that lies at this frequency, 0 to 1 (one bin of a Fourier transform)."""
    total = sum(s * s for s in samples)
    if total == 0:
        return 0.0
    re_ = sum(s * math.cos(2 * math.pi * hz * i / RATE) for i, s in enumerate(samples))
    im = sum(s * math.sin(2 * math.pi * hz * i / RATE) for i, s in enumerate(samples))
    return 2 * (re_ * re_ + im * im) / (len(samples) * total)


class Phone:
    def __init__(self, directory, user, password, exchange, domain=None, tone=440, answer="manual",
                 transport="udp", terminal=False):
        self.directory = pathlib.Path(directory)
        self.user = user
        self.trace = []
        self.events = []
        (self.directory / "heard").mkdir(parents=True, exist_ok=True)
        for old in (self.directory / "heard").glob("*.wav"):
            old.unlink()
        write_tone(self.directory / "tone.wav", tone)
        # baresip takes the port after its own for TLS, whether it speaks TLS or not.
        ports = free_ports(16)
        self.address = "127.0.0.1:%d" % ports
        self.control_port = ports + 2
        (self.directory / "config").write_text(CONFIG.format(
            port=ports, control=ports + 2, rtp=ports + 4, rtp_last=ports + 15, modules=modules(),
            directory=self.directory, terminal=TERMINAL if terminal else "",
            source="ausine,%d" % tone if terminal else "aufile,%s/tone.wav" % self.directory))
        (self.directory / "accounts").write_text(ACCOUNT.format(
            user=user, password=password, domain=domain or exchange, exchange=exchange,
            answer=answer, transport=transport))
        (self.directory / "accounts").chmod(0o600)
        (self.directory / "contacts").write_text("")
        self.process = self.control = None

    # --- start and stop --------------------------------------------------------------------------

    def __enter__(self):
        # To a terminal it writes line by line: so the trace can be dated.
        try:
            ours, its = pty.openpty()
        except OSError as e:
            raise RuntimeError("baresip needs a terminal, and there is none to be had (is /dev/pts "
                               "mounted?): %s" % e) from e
        self.process = subprocess.Popen(
            ["baresip", "-s", "-f", str(self.directory)], stdin=subprocess.DEVNULL, stdout=its,
            stderr=its, start_new_session=True)
        os.close(its)
        self.reader = threading.Thread(target=self.read, args=(ours,), daemon=True)
        self.reader.start()
        end = time.monotonic() + 10
        while self.control is None:
            try:
                self.control = socket.create_connection(("127.0.0.1", self.control_port), 1)
            except OSError:
                if time.monotonic() > end or self.process.poll() is not None:
                    self.__exit__()
                    raise RuntimeError("baresip did not start: see %s/log" % self.directory)
                time.sleep(0.02)
        self.pending = b""
        return self

    def __exit__(self, *_):
        # The socket stays open until it has ended: closed with something unread in it, it would take
        # the command back.
        if self.control is not None:
            try:
                self.command("quit")
            except OSError:
                pass
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.control is not None:
            self.control.close()
            self.control = None
        self.reader.join(2)

    # --- what it says ----------------------------------------------------------------------------

    def read(self, fd):
        """Everything it prints, to a log, and the messages in it to the trace."""
        message = None
        with os.fdopen(fd, "rb", buffering=0) as f, open(self.directory / "log", "w") as log:
            rest = b""
            while True:
                try:
                    got = f.read(4096)
                except OSError: # it has closed its end
                    break
                if not got:
                    break
                *lines, rest = (rest + got).split(b"\n")
                for raw in lines:
                    line = raw.decode(errors="replace").rstrip("\r")
                    log.write(line + "\n")
                    message = self.trace_line(line, message)

    def trace_line(self, line, message):
        """One line; the message it belongs to, as far as its headers go."""
        start = TRACE.match(line)
        if start:
            return Message(time.monotonic(), start.group(1) == self.address, [], {})
        if message is None:
            return None
        if not line or line.startswith("\x1b"):
            if message.first:
                self.trace.append(message._replace(first=message.first[0]))
            return None
        if not message.first:
            message.first.append(line)
        elif ":" in line:
            name, _, value = line.partition(":")
            message.headers.setdefault(name.strip().lower(), value.strip())
        return message

    def command(self, command, params=""):
        text = json.dumps({"command": command, "params": params}).encode()
        self.control.sendall(b"%d:%s," % (len(text), text))

    def receive(self, seconds):
        self.control.settimeout(max(seconds, 0.01))
        try:
            got = self.control.recv(65536)
        except TimeoutError:
            return
        if not got:
            raise RuntimeError("baresip has ended: see %s/log" % self.directory)
        self.pending += got
        while b":" in self.pending:
            size, _, rest = self.pending.partition(b":")
            if len(rest) <= int(size):
                break
            self.events.append(json.loads(rest[:int(size)]))
            self.pending = rest[int(size) + 1:]

    def wait(self, kind, seconds=10.0):
        """Waits for an event of this type ("CALL_ESTABLISHED"), takes it and returns it."""
        end = time.monotonic() + seconds
        while True:
            for event in self.events:
                if event.get("type") == kind:
                    self.events.remove(event)
                    return event
            left = end - time.monotonic()
            if left <= 0:
                seen = [e.get("type") for e in self.events if e.get("event")]
                raise RuntimeError("phone %s: no %s within %g s; it said %s"
                                   % (self.user, kind, seconds, seen))
            self.receive(left)

    def wait_registered(self, seconds=15.0):
        """By the trace: its event may have come before there was anybody to tell."""
        end = time.monotonic() + seconds
        while True:
            for m in self.trace:
                if not m.sent and "REGISTER" in m.headers.get("cseq", "") and " 200" in m.first:
                    return
            if time.monotonic() > end or self.process.poll() is not None:
                raise RuntimeError("phone %s could not register: see %s/log"
                                   % (self.user, self.directory))
            time.sleep(0.02)

    # --- what it heard ---------------------------------------------------------------------------

    def recordings(self):
        return sorted((self.directory / "heard").glob("*-dec.wav"))

    def heard_seconds(self):
        """By the length of the file, whose header is written only at the call's end."""
        return sum(path.stat().st_size for path in self.recordings()) / (2 * RATE)

    def samples(self):
        for path in self.recordings():
            with wave.open(str(path), "rb") as w:
                raw = w.readframes(w.getnframes())
            yield struct.unpack("<%dh" % (len(raw) // 2), raw[:len(raw) // 2 * 2])

    def heard(self, hz):
        """How much of the second in the middle of what it heard is a tone of this frequency."""
        for samples in self.samples():
            middle = len(samples) // 2
            return share_of(samples[max(0, middle - RATE // 2):middle + RATE // 2], hz)
        return 0.0


TOLD = (signal.SIGTERM, signal.SIGHUP)


class Ended(Exception):
    """Told to end."""


def told(*_):
    raise Ended


def feed(process):
    """What is typed reaches the phone until there is no more to come; a terminal it reads by itself."""
    wait = select.poll()
    wait.register(0, 0 if process.stdin is None else select.POLLIN)
    while process.poll() is None:
        for _, events in wait.poll(200):
            got = b"" if process.stdin is None or not events & select.POLLIN else os.read(0, 4096)
            if not got and events & (select.POLLIN | select.POLLHUP | select.POLLERR | select.POLLNVAL):
                return
            process.stdin.write(got)
            process.stdin.flush()


def end(process):
    """By SIGTERM it says goodbye to the exchange first."""
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def run(directory, account):
    Phone(directory, *account, terminal=True)
    print("/dial NUMBER and Enter calls, a answers, b hangs up, q ends it. It speaks a tone; what it hears"
          " goes to\n%s/heard\n" % directory, flush=True)
    process = subprocess.Popen(["baresip", "-f", str(directory)],
                               stdin=None if os.isatty(0) else subprocess.PIPE)
    try:
        feed(process)
        return process.poll() or 0
    finally:
        for number in TOLD:
            signal.signal(number, signal.SIG_IGN)
        end(process)


def main():
    if len(sys.argv) not in (4, 5):
        sys.exit("usage: phone.py USER PASSWORD EXCHANGE [DIRECTORY]")
    for number in TOLD:
        signal.signal(number, told)
    signal.signal(signal.SIGINT, signal.SIG_IGN) # a terminal's ^C is the phone's
    account = sys.argv[1:4]
    try:
        if len(sys.argv) == 5:
            sys.exit(run(pathlib.Path(sys.argv[4]).absolute(), account))
        with tempfile.TemporaryDirectory(prefix="phone-") as directory:
            sys.exit(run(pathlib.Path(directory), account))
    except (Ended, BrokenPipeError):
        pass


if __name__ == "__main__":
    main()
