"""Linphone without a screen (linphonec), driven by its prompt; it speaks a file and writes what it hears to another.

    with Linphone(directory, "alice", "secret-alice", "127.0.0.1:5060") as alice:
        alice.register()
        alice.say("call bob")
        alice.wait("connected")
"""
import os
import pathlib
import re
import subprocess
import sys
import threading

from exchange import REPO, free_port, wait_until

sys.path.insert(0, str(REPO / "contrib"))
from phone import write_tone

RC = "[sip]\nsip_port={port}\nsip_tcp_port=-1\nsip_tls_port=-1\n[rtp]\naudio_rtp_port={rtp}\n" \
     "[net]\nmtu=1300\n[misc]\nuuid=0\n"


class Linphone:
    def __init__(self, directory, user, password, exchange, tone=440):
        self.user, self.password, self.exchange = user, password, exchange
        self.directory = pathlib.Path(directory)
        (self.directory / ".local/share/linphone").mkdir(parents=True)
        (self.directory / "rc").write_text(RC.format(port=free_port(), rtp=free_port() & ~1))
        write_tone(self.directory / "tone.wav", tone)
        self.text, self.seen = "", 0

    def __enter__(self):
        self.process = subprocess.Popen(
            ["linphonec", "-c", str(self.directory / "rc")], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, cwd=self.directory, env=dict(os.environ, HOME=str(self.directory)))
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        self.say("soundcard use files")
        self.wait("Using wav files")
        self.say("play %s" % (self.directory / "tone.wav"))
        return self

    def __exit__(self, *_):
        try:
            self.say("quit")
            self.process.wait(5)
        except (OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        self.reader.join(2)

    def read(self):
        while True:
            got = self.process.stdout.read1(4096)
            if not got:
                break
            self.text += got.decode(errors="replace")

    def say(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def wait(self, pattern, seconds=15):
        """Until it has said this after what was waited for last."""
        def said():
            assert self.process.poll() is None, self.text[-3000:]
            return re.compile(pattern).search(self.text, self.seen)
        try:
            found = wait_until(said, seconds)
        except AssertionError:
            raise AssertionError("%s: no %s:\n%s" % (self.user, pattern, self.text[-3000:])) from None
        self.seen = found.end()
        return found

    def register(self):
        """It says nothing of it by itself: look for the binding."""
        self.say("register sip:%s@%s sip:%s %s" % (self.user, self.exchange, self.exchange, self.password))
