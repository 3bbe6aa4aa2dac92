"""ONNX Runtime sessions: one place that decides providers, threads and how a refusal reads."""

import contextlib
import io
import os
import re
from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path
from typing import Final

from realtime.inference.modelfile import ModelFile, read_model
from realtime.inference.onnx_runtime import native, onnxruntime
from realtime.inference.providers import DEVICES, Device, available, what_is_missing
from realtime.inference.tensorrt_cache import engine_folder
from realtime.runtime.errors import ModelError
from realtime.runtime.watchdog import limited

__all__ = ["LOADING", "REFUSALS", "SILENT", "SPINNING", "open_on", "open_session", "plain", "why_not"]

#: Everything that ONNX Runtime raises for a file it will not run; its exceptions have no class in common.
REFUSALS: Final[tuple[type[Exception], ...]] = (
    RuntimeError,
    *(each for each in vars(native).values() if isinstance(each, type) and issubclass(each, Exception)),
)
#: Seconds that a model may take to load; a GPU's may have to be built.
LOADING: Final = 600.0
#: Bytes that all models together may take for weights and work; the largest models of this trade need two billion.
MEMORY: Final = 8 << 30
#: The severity of what ONNX Runtime prints by itself: only what ends the process. Errors are raised, and said once.
SILENT: Final = 4
SPINNING: Final = ("session.intra_op.allow_spinning", "session.inter_op.allow_spinning")
NOTHING: Final[Mapping[str, str]] = {}
#: The first version that knows the limit on constants.
LIMITS_CONSTANTS: Final = (1, 28)
CONFIG: Final = {
    # Idle threads that spin take the cores from the decoder and the encoder.
    **dict.fromkeys(SPINNING, "0"),
    "session.use_env_allocators": "1",
    # A file may say how large a constant it wants computed while it is loaded.
    "optimization.constant_folding_max_output_size_in_bytes": str(64 << 20),
    "session.load_model_format": "ONNX",
}


def open_session(
    model: bytes | Path | ModelFile,
    device: str = "auto",
    threads: int = 1,
    *,
    config: Mapping[str, str] = NOTHING,
    profile: Path | None = None,
) -> onnxruntime.InferenceSession:
    """A session for ``model``, a file or its bytes, on ``device`` with ``threads`` threads.

    ``config`` replaces entries of ``CONFIG``; a ``profile`` of the runs is written to a path that begins so.
    ``auto`` takes the first of ``DEVICES`` that starts here. Raises ``ModelError`` where the device is
    unknown or not there, where the model is no ONNX model or needs what ONNX Runtime does not have, and where
    it is not ready in time.
    """
    return open_on(model, device, threads, config=config, profile=profile)[0]


def open_on(
    model: bytes | Path | ModelFile,
    device: str,
    threads: int,
    *,
    config: Mapping[str, str] = NOTHING,
    profile: Path | None = None,
    bound: bool = False,
) -> tuple[onnxruntime.InferenceSession, Device]:
    """A session as of ``open_session``, and the device that it is on.

    ``bound`` promises that its buffers will stay where they are, which a captured graph needs.
    """
    name = "the model" if isinstance(model, bytes) else str(model.path if isinstance(model, ModelFile) else model)
    data = read_model(model) if isinstance(model, Path) else model.onnx if isinstance(model, ModelFile) else model
    here = available()
    if device not in (*here, "auto"):
        raise ModelError(f"device {device!r} is not available here; there is {', '.join((*here, 'auto'))}")
    for candidate in [name for name in here if DEVICES[name].automatic] if device == "auto" else [device]:
        chosen = DEVICES[candidate]
        if chosen.place == "cuda":
            # CUDA's libraries may lie in packages of their own; what this prints without them helps nobody.
            with contextlib.redirect_stdout(io.StringIO()):
                onnxruntime.preload_dlls()
        options = _options(threads, config, profile)
        # A pattern is one block for all that a run needs, kept for each size of picture that was seen; on this
        # processor it saves no time.
        options.enable_mem_pattern = chosen.place != "cpu"
        try:
            with limited(LOADING, partial(options.set_load_cancellation_flag, True)) as limit:
                session = onnxruntime.InferenceSession(
                    data, options, providers=_providers(chosen, model, bound), disabled_optimizers=_disabled(model)
                )
        except REFUSALS as error:
            if limit.passed:
                raise ModelError(f"{name}: not ready after {LOADING:g} s, and was stopped") from error
            raise ModelError(f"{name} cannot be run: {plain(error)}") from error
        # A provider whose driver or libraries are missing is left out without an error.
        if chosen.provider in session.get_providers():
            return session, chosen
    raise ModelError(f"device {device!r} is there but did not start; check its driver, or use --device cpu")


def _providers(device: Device, model: bytes | Path | ModelFile, bound: bool) -> list[str | tuple[str, dict[str, str]]]:
    """The device's provider with its options, and those that take over what it cannot run."""
    options: dict[str, str] = {}
    if device.graphs and bound:
        options["enable_cuda_graph"] = "1"
    if device.engines and isinstance(model, ModelFile):
        folder = str(engine_folder(model.sha256()))
        options |= {"trt_engine_cache_enable": "1", "trt_engine_cache_path": folder}
        options |= {"trt_timing_cache_enable": "1", "trt_timing_cache_path": folder}
    first: str | tuple[str, dict[str, str]] = (device.provider, options) if options else device.provider
    rest = [DEVICES[name].provider for name in (device.place, "cpu") if DEVICES[name].provider != device.provider]
    return [first, *dict.fromkeys(rest)]


def _disabled(model: bytes | Path | ModelFile) -> list[str]:
    """Older versions of ONNX Runtime would compute any constant while loading: a stranger's file gets none there."""
    version = tuple(int(part) for part in onnxruntime.__version__.split(".")[:2])
    return ["ConstantFolding"] if isinstance(model, ModelFile) and version < LIMITS_CONSTANTS else []


def why_not(device: str, model: Path) -> str | None:
    """Why ``model`` cannot be run on ``device`` here, in a few words; None where it can."""
    if missing := what_is_missing(DEVICES[device]):
        return missing
    try:
        open_session(model, device)
    except ModelError as error:
        return str(error)
    return None


def _options(threads: int, config: Mapping[str, str], profile: Path | None) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = SILENT
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    _bound_memory()
    if profile is not None:
        options.enable_profiling = True
        options.profile_file_prefix = str(profile)
    for key, value in (CONFIG | dict(config)).items():
        options.add_session_config_entry(key, value)
    return options


#: ``kSameAsRequested``: a full arena grows by what is missing, where by default it doubles.
_AS_ASKED: Final = 1


@cache
def _bound_memory() -> None:
    """Give all sessions of this process one arena, which takes ``MEMORY`` or half of the machine's at most."""
    arena = onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    )
    settings = {"max_mem": min(MEMORY, _memory() // 2), "arena_extend_strategy": _AS_ASKED}
    onnxruntime.create_and_register_allocator(arena, onnxruntime.OrtArenaCfg(settings))


def _memory() -> int:
    """Bytes of memory that the machine has; 8 GiB where the system does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError):
        return 8 << 30


def plain(error: Exception) -> str:
    """The first line of what ONNX Runtime says, without its code, and not too long."""
    text = "".join(c if c.isprintable() else " " for c in (str(error).splitlines() or [type(error).__name__])[0])
    text = text.rpartition("[ONNXRuntimeError] : ")[2]
    for known, words in PLAIN.items():
        if known in text:
            return words
    text = CODE.sub("", text)
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


LONGEST: Final = 200
CODE: Final = re.compile(r"^\d+ : [A-Z_]+ : (Load model from \S+ failed:)?")
PLAIN: Final = {
    "INVALID_PROTOBUF": "it is not an ONNX model",
    "protobuf parsing failed": "it is not an ONNX model",
    "External data": "its weights are in another file; a model must be one file",
    "external": "its weights are in another file; a model must be one file",
    "bfc_arena": "it needs more memory than models may take",
    "bad_alloc": "it needs more memory than there is",
}
