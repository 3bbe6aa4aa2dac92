"""The architecture, held by reading the code: imports point one way, and running needs no torch."""

import ast
import importlib
import pkgutil
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FORBIDDEN = {
    "mummer": {"models", "export", "torch", "onnx", "face_alignment"},
    "realtime": {"mummer", "models", "export", "torch", "onnx", "face_alignment", "skimage.data"},
    "models": {"mummer", "export"},
    "export": {"mummer"},
}

#: The rooms of ``realtime/``, lowest first: each may import those before it. A single file can be a room.
ROOMS = (
    "runtime", "settings", "media", "align", "inference", "composite", "devices", "mesh", "masks", "finder",
    "photo_swap", "swap", "marking", "swapper", "puppet", "jobs", "demo", "live", "serve", "cli",
)  # fmt: skip
#: The files at the top of ``realtime/`` that are no rooms.
TOP = {"__init__.py", "__main__.py", "py.typed", "assets"}


@cache
def imports(path: Path) -> frozenset[str]:
    """What a file imports, wherever in it; each file is read once for all tests."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(found)


@pytest.mark.parametrize("layer", FORBIDDEN)
def test_imports_point_one_way(layer: str) -> None:
    files = list((ROOT / layer).rglob("*.py"))
    assert files
    for path in files:
        for name in imports(path):
            assert name.split(".")[0] not in FORBIDDEN[layer], f"{path} imports {name}"


def test_rooms_import_only_what_is_below_them() -> None:
    realtime = ROOT / "realtime"
    assert {path.name.removesuffix(".py") for path in realtime.iterdir() if path.name not in TOP} <= {
        *ROOMS,
        "__pycache__",
    }
    for path in realtime.rglob("*.py"):
        room = path.relative_to(realtime).parts[0].removesuffix(".py")
        for name in imports(path):
            package, _, rest = name.partition(".")
            if package == "realtime" and room in ROOMS:
                below = rest.partition(".")[0]
                assert ROOMS.index(below) <= ROOMS.index(room), f"{path} imports {name}, which is above it"


def test_one_module_imports_onnx_runtime() -> None:
    """Imported anywhere else it could start before its reports are turned off."""
    files = [path for part in (*FORBIDDEN, "tests") for path in (ROOT / part).rglob("*.py")]
    found = {path for path in files for name in imports(path) if name.split(".")[0] == "onnxruntime"}
    assert found == {ROOT / "realtime" / "inference" / "onnx_runtime.py"}


def test_the_map_of_the_rooms_names_each_in_order() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text()
    named = re.findall(r"\| `realtime/(\w+)(?:/|\.py)` \|", page)
    assert tuple(named) == ROOMS


def test_the_command_line_starts_without_heavy_imports() -> None:
    heavy = ("torch", "cv2", "av", "numpy", "onnxruntime")
    code = f"import sys, realtime.cli; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_python_module_loads_nothing_until_it_is_used() -> None:
    code = """if True:
        import sys
        import mummer
        ours = {"mummer", "realtime"}
        print(sorted(m for m in sys.modules if m.split(".")[0] in ours or m in ("cv2", "av", "numpy", "pydantic")))
        mummer.MummerError, mummer.UsageError
        print([m for m in ("torch", "cv2", "av", "numpy", "onnxruntime", "pydantic") if m in sys.modules])
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["['mummer']", "[]"]


@pytest.mark.parametrize("package", FORBIDDEN)
def test_every_module_says_what_it_exports(package: str) -> None:
    root = importlib.import_module(package)
    for info in pkgutil.walk_packages(root.__path__, f"{package}."):
        module = importlib.import_module(info.name)
        names = getattr(module, "__all__", None)
        if names is None:
            assert info.ispkg or not [n for n in vars(module) if not n.startswith("_")], f"{info.name} has no __all__"
            continue
        for name in names:
            assert hasattr(module, name), f"{info.name}.__all__ names {name}, which is not there"
