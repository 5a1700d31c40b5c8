"""A bad network on both sides of the exchange, and phones that are not there any more."""
import pytest

BAD = {"network": dict(loss=0.10, twice=0.10, late=0.3, jitter_s=0.2)}
TWICE = {"network": dict(twice=0.9, late=0.3, jitter_s=0.4)}


@pytest.mark.parametrize("scene", [BAD], indirect=True)
def test_F13_F15_loss_duplication_reordering(scene):
    """10 % lost, 10 % twice, 30 % up to 200 ms late, each way on each side: every call ends as planned."""
    scene.begin(stand=20, rate=20)
    scene.pause(5.0)
    scene.judge(quick=False, slack_ms=9000)


@pytest.mark.parametrize("scene", [BAD], indirect=True)
def test_F13_F2_and_workers_killed(scene):
    scene.begin(stand=10, rate=20)
    for name in ("worker 0", "worker 1") * 2:
        scene.pause(1.0)
        scene.kill(name)
    scene.judge(lost=4, quick=False, slack_ms=9000, codes=(408, 480, 500, 503))


@pytest.mark.parametrize("scene", [TWICE], indirect=True)
def test_F12_nearly_everything_twice(scene):
    scene.begin(stand=10, rate=40)
    scene.pause(2.0)
    scene.judge(quick=False)
