"""Running an untrusted model: within a time limit, and with buffers that stay on the device."""

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from realtime.inference.modelfile import ModelFile
from realtime.inference.onnx_reader import Port
from realtime.inference.onnx_runtime import onnxruntime
from realtime.inference.providers import DEVICES, Device
from realtime.inference.session import LOADING, REFUSALS, SILENT, open_on, plain
from realtime.runtime.errors import ModelError
from realtime.runtime.watchdog import limited

__all__ = ["RUNNING", "GuardedSession", "open_guarded"]

#: Seconds that a model may take to answer one batch of faces.
RUNNING: Final = 60.0

Values: TypeAlias = NDArray[np.generic]


def open_guarded(model: ModelFile, device: str = "auto", threads: int = 1) -> "GuardedSession":
    """Open a model of unknown origin on ``device`` with ``threads`` threads, after a look at it.

    Raises ``ModelError`` where it is refused, or cannot be run there.
    """
    model.graph  # noqa: B018  # raises where the look shows what may not be run
    session, opened = open_on(model, device, threads, bound=True)
    return GuardedSession(session, str(model.path), opened)


class GuardedSession:
    """A session with the limits and the buffers that a stranger's model gets; ``name`` is the file's, for messages."""

    def __init__(self, session: onnxruntime.InferenceSession, name: str, device: Device = DEVICES["cpu"]) -> None:
        """``device`` is what the session is on."""
        self.inputs = _ports(session.get_inputs())
        self.outputs = _ports(session.get_outputs())
        self._session, self._name, self._device = session, name, device
        self._bindings: dict[tuple[object, ...], _Binding] = {}

    def __call__(self, outputs: Sequence[str], feeds: Mapping[str, Values]) -> list[Values]:
        """The named outputs for ``feeds``, arrays by input.

        Raises ``ModelError`` where the model fails, and where it takes longer than ``RUNNING`` seconds.
        """
        seconds = LOADING if self._device.engines else RUNNING  # a new batch size is a new engine to be built
        options = onnxruntime.RunOptions()
        options.log_severity_level = SILENT

        def stop() -> None:
            options.terminate = True

        try:
            with limited(seconds, stop) as limit:
                if self._device.place == "cpu":  # NumPy's buffers are the model's; there is nothing to bind
                    answer: list[Values] = self._session.run(outputs, feeds, options)
                    return answer
                return self._bound(outputs, feeds, options)
        except REFUSALS as error:
            if limit.passed:
                raise ModelError(f"{self._name}: gave no answer in {seconds:g} s, and was stopped") from error
            raise ModelError(f"{self._name}: failed on a picture: {plain(error)}") from error

    def _bound(
        self, outputs: Sequence[str], feeds: Mapping[str, Values], options: onnxruntime.RunOptions
    ) -> list[Values]:
        """As a call; each batch size has buffers of its own, and a captured graph of its own."""
        key = (*outputs, *(array.shape for array in feeds.values()))
        binding = self._bindings.get(key)
        if binding is None:
            binding = self._bindings[key] = _Binding(self._session, outputs, feeds, self._device.place)
        options.add_run_config_entry("gpu_graph_id", str(list(self._bindings).index(key)))
        return binding.run(feeds, options)


class _Binding:
    """Inputs on the card at fixed addresses; outputs stay there until they are asked for."""

    def __init__(
        self,
        session: onnxruntime.InferenceSession,
        outputs: Sequence[str],
        feeds: Mapping[str, Values],
        place: str,
    ) -> None:
        self._session = session
        self._binding = session.io_binding()
        self._inputs = {}
        for name, array in feeds.items():
            # What chooses a branch is read on the CPU; only pictures are worth the way to the card.
            where = place if array.ndim == PICTURE else "cpu"
            # A copy: on the CPU the value would be the array itself, and be written to.
            self._inputs[name] = onnxruntime.OrtValue.ortvalue_from_numpy(array.copy(), where)
            self._binding.bind_ortvalue_input(name, self._inputs[name])
        batch = next(iter(feeds.values())).shape[0]
        ports = {port.name: port for port in _ports(session.get_outputs())}
        for name in outputs:
            _, *shape = ports[name].shape or (None, None)
            if all(isinstance(size, int) for size in shape):
                value = onnxruntime.OrtValue.ortvalue_from_shape_and_type(
                    [batch, *shape], _DTYPES[ports[name].type], place
                )
                self._binding.bind_ortvalue_output(name, value)
            else:  # a shape that the file leaves open
                self._binding.bind_output(name, place)

    def run(self, feeds: Mapping[str, Values], options: onnxruntime.RunOptions) -> list[Values]:
        for name, array in feeds.items():
            self._inputs[name].update_inplace(np.ascontiguousarray(array))
        self._session.run_with_iobinding(self._binding, options)
        answer: list[Values] = [np.array(values) for values in self._binding.copy_outputs_to_cpu()]
        return answer


#: Axes of a batch of pictures.
PICTURE: Final = 4
_DTYPES: Final = {"tensor(uint8)": np.uint8, "tensor(float)": np.float32, "tensor(float16)": np.float16}


def _ports(nodes: Sequence[onnxruntime.NodeArg]) -> tuple[Port, ...]:
    """Inputs or outputs as ONNX Runtime has them, after its own shape inference."""
    return tuple(Port(node.name, node.type, tuple(node.shape)) for node in nodes)
