"""What all tests share. Clips are encoded on the fly; real footage is used where it lies beside the checkout."""

import gc
import os
import sys
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from realtime.runtime import stop_signals, watchdog
from realtime.runtime.thread_priority import schedule_as_usual

#: The suite runs a worker a core: more threads inside one only wait for those of the other, and spin meanwhile. Set
#: before numpy and torch load, and handed on to the programs that tests start.
os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
#: Compiling what face-alignment does with its heat maps takes longer than all that tests ever do with it.
os.environ["NUMBA_DISABLE_JIT"] = "1"
#: An export with free sizes takes half as long again where torch remembers what it worked out for each of them.
os.environ["TORCH_FAKE_TENSOR_DISPATCH_CACHE"] = "0"
#: Tests start some hundred programs of ours: they are compiled once, whatever the shell says.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
LINUX = sys.platform == "linux"
#: Which of them each is.
WORKERS = {"gw0": 0, "gw1": 1, "gw2": 2}
#: The files that take longest, the longest first; between those that mostly wait there are some that work.
LONG = (
    "export/test_workflow.py",
    "test_private.py",
    "realtime/serve/test_panel.py",
    "export/test_face_finder.py",
    "realtime/jobs/test_several_people.py",
    "realtime/live/test_sinks.py",
    "realtime/finder/test_finder.py",
    "realtime/jobs/test_segments.py",
    "realtime/live/test_sources.py",
    "realtime/marking/test_watermark.py",
    "realtime/live/test_privacy.py",
    "realtime/serve/test_api.py",
    "realtime/finder/test_crowd.py",
    "models/test_face_finder_recipe.py",
    "models/test_train.py",
    "realtime/live/test_stop_signals.py",
    "export/test_export.py",
    "export/test_precision.py",
    "models/test_processes.py",
    "realtime/cli/test_signals.py",
    "realtime/live/test_secrets.py",
    "realtime/cli/test_cli.py",
    "realtime/live/test_engine.py",
    "realtime/serve/test_jobs.py",
    "realtime/jobs/test_convert.py",
    "models/faceset/test_extract.py",
    "realtime/serve/test_connections.py",
    "realtime/demo/test_demo.py",
    "realtime/swap/test_photo.py",
    "realtime/live/test_live_cli.py",
    "realtime/jobs/test_photo.py",
    "realtime/jobs/test_smart.py",
    "realtime/cli/test_failures.py",
    "realtime/serve/test_align.py",
    "realtime/runtime/test_packages.py",
    "models/test_bronze.py",
    "models/test_fan.py",
    "models/test_faceness_recipe.py",
    "realtime/live/test_sound.py",
    "realtime/live/test_engine_clock.py",
)
#: Whatever exports goes to one worker: torch's exporter takes five seconds to load and to read its translations.
EXPORTING = frozenset(
    f"tests/{name}.py"
    for name in (
        "export/test_byte_lite",
        "export/test_export",
        "export/test_face_finder",
        "export/test_precision",
        "export/test_workflow",
        "models/test_bronze",
        "models/test_eyes_recipe",
        "models/test_face_finder_recipe",
        "models/test_faceness_recipe",
        "models/test_mesh_recipe",
        "models/test_visible_recipe",
    )
)

#: Whatever trains goes there, too: the first step loads torch's compiler, which exports load anyway.
TRAINING = frozenset(
    f"tests/models/test_{name}.py" for name in ("features", "processes", "renderings", "settings", "train")
)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """With ``--dist loadfile``: files that export or train count as one."""
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class ByFile(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return "torch's compiler" if file in EXPORTING | TRAINING else file

    return ByFile(config, log)  # type: ignore[arg-type]


def pytest_configure(config: pytest.Config) -> None:
    """Files are handed to the workers in the order of the collection, not in that of their numbers of tests."""
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Workers read folders from different places on: what one has compiled the others find."""
    report = yield
    first = len(report.result) * WORKERS.get(os.environ.get("PYTEST_XDIST_WORKER", ""), 0) // len(WORKERS)
    if isinstance(collector, pytest.Directory):
        report.result = [*report.result[first:], *report.result[:first]]
    return report


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files come first: a long one that came last would keep one worker busy while the others have no more."""
    ranks = {Path(__file__).parent / name: rank for rank, name in enumerate(LONG)}
    tests = Counter(item.path for item in items)
    items.sort(key=lambda item: (ranks.get(item.path, len(LONG)), -tests[item.path], item.path))


def pytest_collection_finish() -> None:
    """What is loaded by now stays: the garbage collector need not look through all of torch again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """OpenCV's threads are not told by the environment."""
    import cv2

    cv2.setNumThreads(1)


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for keys and models of the tests' own, in place of the user's."""
    folder = tmp_path_factory.mktemp("home")
    os.environ["MUMMER_HOME"] = str(folder)
    yield folder
    del os.environ["MUMMER_HOME"]


@pytest.fixture(scope="session", autouse=True)
def kept_clips(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A folder for the clips that tests make, one for all workers."""
    from tests.realtime.clips import KEPT

    folder = tmp_path_factory.getbasetemp()
    folder = (folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "clips"
    folder.mkdir(exist_ok=True)
    os.environ[KEPT] = str(folder)
    yield
    del os.environ[KEPT]


@pytest.fixture(autouse=True)
def usual_scheduling() -> Iterator[None]:
    """A test that encodes AV1 as root leaves no real-time thread behind: it would starve the programs of others.

    One that opens a live sink leaves this thread no nicer than it was, where that can be undone: all later tests of
    the worker would wait for those of the others.
    """
    niceness = os.getpriority(os.PRIO_PROCESS, 0) if LINUX else 0
    yield
    schedule_as_usual()
    if LINUX and os.getpriority(os.PRIO_PROCESS, 0) != niceness:
        with suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, 0, niceness)


@pytest.fixture(autouse=True)
def no_signal_stays() -> Iterator[None]:
    """A test that sends a stop signal to this very process does not end what later tests run: the process lives on."""
    yield
    if stop_signals._listener.came:
        stop_signals._listener = stop_signals._Listener()
        watchdog._watchdog.cache_clear()


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with real clips and faces beside the checkout; the test is skipped where there is none."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not (folder / "media").is_dir():
        pytest.skip("no folder of real clips beside the checkout")
    return folder
