"""The wall clock is set while calls are up and others come and go: no timer, no duration and no registration
moves with it (THREATS.md F14)."""
from shim import Shim


def test_F14_wall_clock_set_forward_and_back(scene, tmp_path):
    """An hour forward, and back."""
    shim = Shim(tmp_path)
    scene.x.env.update(shim.env)
    scene.begin(stand=10, rate=20)
    for offset_s in (3600, 0):
        shim.set_wall(offset_s)
        scene.pause(1.5)
        scene.traffic.change()
    rows = scene.x.ask("registrations")["rows"]
    assert len(rows) == 16 and all(0 < row["expires"] <= 600 for row in rows), rows
    scene.judge()
