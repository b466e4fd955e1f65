"""Signals while an algorithm runs. Truth: what the process's handlers are before, meanwhile and after."""

import os
import signal
import sys

import pytest
from hybrid_geostatistics.processing_provider import interruption
from hybrid_geostatistics.processing_provider.interruption import cancelled_when_terminated
from qgis.core import QgsFeedback

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="os.kill ends a process on Windows")


@pytest.fixture
def handlers():
    """Return a function that tells the handlers; put back what the tests change."""
    numbers = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
    before = [signal.getsignal(number) for number in numbers]
    for number in numbers[:2]:
        signal.signal(number, signal.SIG_DFL)
    yield lambda: [signal.getsignal(number) for number in numbers]
    for number, handler in zip(numbers, before):
        signal.signal(number, handler)


def test_outside_of_qgis_process_no_signal_is_touched(handlers):
    before = handlers()
    with cancelled_when_terminated(QgsFeedback()):
        assert handlers() == before


def test_the_first_signal_cancels_and_the_next_is_the_systems(handlers, monkeypatch):
    monkeypatch.setattr(interruption, "is_command_line", lambda: True)
    before, feedback = handlers(), QgsFeedback()
    with cancelled_when_terminated(feedback):
        os.kill(os.getpid(), signal.SIGTERM)
        assert feedback.isCanceled()
        assert handlers()[0] == signal.SIG_DFL != handlers()[1]
        assert handlers()[2] == before[2]  # Ctrl+C is QGIS's
    assert handlers() == before


def test_what_is_ignored_stays_ignored(handlers, monkeypatch):
    """As nohup asks for."""
    monkeypatch.setattr(interruption, "is_command_line", lambda: True)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    feedback = QgsFeedback()
    with cancelled_when_terminated(feedback):
        os.kill(os.getpid(), signal.SIGHUP)
    assert not feedback.isCanceled() and handlers()[1] == signal.SIG_IGN


def test_what_is_compiled_meanwhile_is_told_and_can_be_cancelled(run, world, samples, variogram, tmp_path, monkeypatch):
    """Truth: kernels that are compiled one after the other; nothing is written."""
    from hybrid_geostatistics.core.kriging.compiling import about_to_compile
    from hybrid_geostatistics.processing_provider.kriged_maps import KrigedMaps

    kriged, done = KrigedMaps.of, []

    def compiled_first(self, block):
        about_to_compile()
        done.append(block)
        about_to_compile()
        return kriged(self, block)

    monkeypatch.setattr(KrigedMaps, "of", compiled_first)
    path = tmp_path / "e.tif"
    given = {"INPUT": samples, "FIELD": "zinc", "VARIOGRAM": variogram, "CELL_SIZE": 20, "ESTIMATE": str(path)}
    results, log = run("ordinarykriging", given, world.Log(cancel_at="compiles its kriging"))
    assert results == {} and not path.exists() and len(done) == 1
    assert log.text.count("compiles its kriging") == 1 and "Cancelled by the user" in log.text
    _, log = run("ordinarykriging", given)
    assert path.exists() and log.text.count("compiles its kriging") == 1
