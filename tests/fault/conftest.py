"""What all fault tests share: the flow tests' exchange, database and text of SIP."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "flow"))

from cluster import Cluster  # noqa: E402
from ctl import Ctl  # noqa: E402
from scene import Scene  # noqa: E402


@pytest.fixture(scope="session")
def cluster():
    """One PostgreSQL for all tests of a run."""
    with Cluster() as c:
        yield c


@pytest.fixture(scope="session")
def template(cluster, tmp_path_factory):
    Ctl(cluster, tmp_path_factory.mktemp("template"), "template")("db", "init")
    return "template"


@pytest.fixture
def scene(request, cluster, template, tmp_path):
    """Settings of tandem.conf, and the network's faults, come by `indirect` parameters."""
    s = Scene(request.node.name, cluster, template, tmp_path, **getattr(request, "param", {}))
    try:
        yield s
    finally:
        request.node.user_properties += [("figure", line) for line in s.figures]
        s.close()


def pytest_terminal_summary(terminalreporter):
    """The figures of all tests, also of those that ran in another process (xdist)."""
    lines = {line for reports in terminalreporter.stats.values() for report in reports
             for name, line in getattr(report, "user_properties", ()) if name == "figure"}
    if lines:
        terminalreporter.section("calls and their records")
    for line in sorted(lines):
        terminalreporter.write_line(line)
