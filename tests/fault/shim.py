"""The test's end of shim.c: builds it once a run, and holds the page that it shares with an exchange.

    shim = Shim(tmp_path, role="store")
    Exchange(..., env=shim.env)
    shim.wall_offset_s = 3600
    shim.die(7, after=True)         # the store's 7th step from now on is its last
    shim.disk_errno = errno.EROFS
"""
import mmap
import pathlib
import struct
import subprocess

SOURCE = pathlib.Path(__file__).with_name("shim.c")
FIELDS = {"wall_offset_ns": 0, "disk_errno": 8, "die_at": 16, "die_after": 24, "steps": 32}
ROLE, SIZE = 40, 64


class Shim:
    def __init__(self, directory, role="store"):
        library = pathlib.Path(directory) / "shim.so"
        subprocess.run(["cc", "-D_GNU_SOURCE", "-O1", "-fPIC", "-shared", "-Wall", "-o", str(library),
                        str(SOURCE), "-ldl"], check=True)
        page = pathlib.Path(directory) / "shim.page"
        page.write_bytes(bytes(SIZE))
        # Under a directory that only root may enter, daemons could not load it.
        self.env = {"LD_PRELOAD": str(library), "FAULT_SHIM": str(page)}
        with open(page, "r+b") as f:
            self.page = mmap.mmap(f.fileno(), SIZE)
        self.page[ROLE:ROLE + len(role)] = role.encode()

    def get(self, field):
        return struct.unpack_from("=q", self.page, FIELDS[field])[0]

    def set(self, field, value):
        struct.pack_into("=q", self.page, FIELDS[field], value)

    def set_wall(self, offset_s):
        """Every process's wall clock is that far from the machine's."""
        self.set("wall_offset_ns", offset_s * 10**9)

    def die(self, step, after=False):
        """The role's process dies before its step of that number, counted from now, or after it."""
        self.set("die_at", 0)
        self.set("die_after", int(after))
        self.set("steps", 0)
        self.set("die_at", step)

    @property
    def died(self):
        return self.get("die_at") == 0
