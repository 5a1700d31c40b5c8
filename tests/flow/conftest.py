"""What all flow tests share."""
import pytest

from cluster import Cluster
from ctl import Ctl


@pytest.fixture(scope="session")
def cluster():
    """One PostgreSQL for all tests of a run; each makes a database of its own in it."""
    with Cluster() as c:
        yield c


@pytest.fixture(scope="session")
def template(cluster, tmp_path_factory):
    """The name of a database as `tandemctl db init` leaves it, to be copied."""
    Ctl(cluster, tmp_path_factory.mktemp("template"), "template")("db", "init")
    return "template"


@pytest.fixture
def ctl(cluster, template, tmp_path):
    """tandemctl on a fresh database; no exchange runs."""
    cluster.create("ctl", template)
    yield Ctl(cluster, tmp_path, "ctl")
    cluster.drop("ctl")
