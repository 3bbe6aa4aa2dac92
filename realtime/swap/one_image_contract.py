"""What one-image networks take and answer, told by their weights and outputs, never by their names.

Each takes ``target``, the aligned face, float32 (1, 3, S, S) RGB, and ``source``, float32 (1, 512), who is to be put
in, and answers with a face in the form of ``target``. They differ in the values of the pictures, in what is made of the
photographed face's code, and in whether a mask comes with the face.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from realtime.inference.modelfile import ModelFile
from realtime.inference.onnx_reader import REAL, Graph, GraphError, Port, Tensor
from realtime.runtime.arrays import Floats
from realtime.runtime.errors import ModelError

__all__ = ["CODE", "CONTRACTS", "FLOAT", "OneImageContract", "check_ports", "contract_of", "fits", "size_of"]

FLOAT: Final = "tensor(float)"
#: Numbers in the code of a face, as ArcFace networks answer it.
CODE: Final = 512
#: The side in pixels where a graph leaves it open.
USUAL_SIZE: Final = 128
Rgb = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class OneImageContract:
    """What a family of networks has agreed on.

    A picture of 0..1 goes in as (picture - ``mean``) / ``deviation``, channel by channel; of the answer, answer *
    ``answer_deviation`` + ``answer_mean`` is 0..1. ``matrix`` says that the file holds a matrix which codes are
    multiplied with, ``mask`` that a second output, (1, 1, S, S), says where the new face is, in 0..1. ``sizes`` are
    the sides S in pixels, none for any; ``template`` is how faces are aligned for it.
    """

    name: str
    template: str
    matrix: bool = False
    mask: bool = False
    sizes: tuple[int, ...] = ()
    mean: Rgb = (0.0, 0.0, 0.0)
    deviation: Rgb = (1.0, 1.0, 1.0)
    answer_mean: float = 0.0
    answer_deviation: float = 1.0

    def agrees(self, graph: Graph, size: int) -> bool:
        """Whether the file's outputs, weights and size are of this kind; with a mask, weights say nothing."""
        return (
            len(graph.outputs) == 1 + self.mask
            and (self.mask or self.matrix == bool(_matrices(graph)))
            and (not self.sizes or size in self.sizes)
        )

    def source(self, file: ModelFile, code: Floats) -> Floats:
        """The input ``source``, float32 (1, 512) of length one, for a face's ``code``, float32 (1, 512).

        Not finite where the code is nothing. Raises ``ModelError`` for a matrix that cannot be read.
        """
        with np.errstate(all="ignore"):  # the caller looks at what comes of odd numbers
            if self.matrix:
                code = code @ self._matrix(file)
            return np.asarray(code / np.linalg.norm(code), np.float32)

    @staticmethod
    def _matrix(file: ModelFile) -> Floats:
        try:
            return _matrices(file.graph)[-1].floats()
        except GraphError as error:
            raise ModelError(f"{file.path}: {error}") from error


#: Tried in this order.
CONTRACTS: Final = (
    OneImageContract("inswapper", "arcface-128", matrix=True),
    OneImageContract(
        "hyperswap",
        "arcface-128",
        mask=True,
        mean=(0.5, 0.5, 0.5),
        deviation=(0.5, 0.5, 0.5),
        answer_mean=0.5,
        answer_deviation=0.5,
    ),
    # SimSwap's pictures of 256 have ImageNet's mean and deviation, those of 512 are plain; both answer in 0..1.
    OneImageContract(
        "simswap", "arcface-112-v1", sizes=(256,), mean=(0.485, 0.456, 0.406), deviation=(0.229, 0.224, 0.225)
    ),
    OneImageContract("simswap", "arcface-112-v1", sizes=(512,)),
)


def fits(graph: Graph) -> bool:
    """Whether the file is of this kind: a ``target`` picture and a ``source`` code."""
    return {port.name for port in graph.inputs} == {"target", "source"}


def size_of(graph: Graph) -> int:
    """The side in pixels of the picture that goes in; the same axis in both layouts."""
    sides = (port.shape[2] for port in graph.inputs if len(port.shape) == 4)
    return next((side for side in sides if isinstance(side, int)), USUAL_SIZE)


def contract_of(file: ModelFile) -> OneImageContract:
    """The contract that the file keeps. Raises ``ModelError`` where it is none that is known."""
    size, graph = size_of(file.graph), file.graph
    for contract in CONTRACTS:
        if contract.agrees(graph, size):
            return contract
    raise ModelError(
        f"{file.path}: no one-image network that is known: {len(graph.outputs)} outputs of {size} px and"
        f" {len(_matrices(graph))} matrices of {CODE} x {CODE} among its weights; what runs has such a matrix, or a"
        " mask beside the face, or answers with one picture of 256 or 512 px"
    )


def check_ports(
    path: Path, contract: OneImageContract, size: int, inputs: Sequence[Port], outputs: Sequence[Port]
) -> None:
    """Raise ``ModelError`` where types and shapes are not those of ``contract`` at ``size`` pixels."""
    picture = (1, 3, size, size)
    wanted = {"target": picture, "source": (1, CODE)}
    answers = (picture, (1, 1, size, size))[: 1 + contract.mask]
    for port in inputs:
        if port.type != FLOAT or not _agree(port.shape, wanted[port.name]):
            raise ModelError(
                f"{path}: {port.name!r} is {port.type} {list(port.shape)}, not {FLOAT} {list(wanted[port.name])}"
            )
    if len(outputs) != len(answers) or not all(
        port.type == FLOAT and _agree(port.shape, answer) for port, answer in zip(outputs, answers, strict=True)
    ):
        shapes = " and ".join(f"{FLOAT} {list(answer)}" for answer in answers)
        raise ModelError(f"{path}: its outputs are not {shapes}")


def _matrices(graph: Graph) -> list[Tensor]:
    return [tensor for tensor in graph.weights if tensor.shape == (CODE, CODE) and tensor.type in REAL]


def _agree(shape: tuple[int | str | None, ...], wanted: tuple[int, ...]) -> bool:
    return not shape or (
        len(shape) == len(wanted)
        and all(not isinstance(have, int) or have == want for have, want in zip(shape, wanted, strict=True))
    )
