"""Weights from pickles, and none of what pickles can do."""

import copy
import os
import pickle
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from models.architectures import OriginalConfig
from models.book import read_book_run
from models.checkpoint import load_network, read_checkpoint
from models.cli import train
from realtime.runtime.errors import InputError, UsageError
from tests.export.networks import narrow_original
from tests.models.book import write_book_run


@pytest.fixture(scope="module", autouse=True)
def narrow() -> Iterator[None]:
    """Megabytes in place of hundreds of them, and the same layers."""
    with pytest.MonkeyPatch.context() as patch:
        narrow_original(patch)
        yield


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("book")
    write_book_run(folder)
    return folder


@pytest.mark.parametrize("module", ["lib.models", "__main__"])
def test_our_network_answers_as_the_books(tmp_path: Path, module: str) -> None:
    encoder, *decoders = write_book_run(tmp_path, module)
    ours = OriginalConfig(mask=False).build().eval()
    ours.load_state_dict(read_book_run(tmp_path))
    face = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        for side, decoder in enumerate(decoders):
            torch.testing.assert_close(ours(face, side)[:, :3], decoder(encoder(face)), atol=1e-5, rtol=1e-4)


class Evil:
    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.trace}",)


class EvilModule(nn.Module):
    def __init__(self, trace: Path) -> None:
        super().__init__()
        self.more = Evil(trace)


def with_evil(run: Path, folder: Path, trace: Path, how: str) -> None:
    for name in ("encoder", "decodera", "decoderb"):
        os.link(run / f"{name}.pth", folder / f"{name}.pth")
    (folder / "decodera.pth").unlink()
    bad: object = {"plain": Evil(trace), "module": EvilModule(trace), "dict": {"weights": [Evil(trace)]}}[how]
    torch.save(bad, folder / "decodera.pth")


@pytest.mark.parametrize("how", ["plain", "module", "dict"])
def test_nothing_in_a_file_is_run(run: Path, tmp_path: Path, how: str) -> None:
    trace = tmp_path / "trace"
    with_evil(run, tmp_path, trace, how)
    with pytest.raises(InputError, match=r"decodera\.pth: holds .*nothing was run") as caught:
        read_book_run(tmp_path)
    assert "\n" not in str(caught.value)
    assert not trace.exists()
    torch.load(tmp_path / "decodera.pth", weights_only=False)  # so that we know what was held back
    assert trace.exists()


def test_a_bare_pickle_is_refused_too(run: Path, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    with_evil(run, tmp_path, trace, "plain")
    (tmp_path / "decodera.pth").write_bytes(pickle.dumps(Evil(trace)))
    with pytest.raises(InputError, match=r"decodera\.pth"):
        read_book_run(tmp_path)
    assert not trace.exists()


class Greedy:
    def __reduce__(self) -> tuple[object, tuple[int]]:
        return bytearray, (1 << 34,)


@pytest.mark.parametrize("how", ["packed", "twice", "asked for"])
def test_a_small_file_takes_no_large_memory(run: Path, tmp_path: Path, how: str) -> None:
    """As zeros that were packed, as the same bytes many times over, or as a buffer that torch makes when asked to."""
    for name in ("encoder", "decodera", "decoderb"):
        os.link(run / f"{name}.pth", tmp_path / f"{name}.pth")
    bomb = tmp_path / "bomb"
    if how == "asked for":
        torch.save({"weights": Greedy()}, bomb)
    else:
        packing = zipfile.ZIP_DEFLATED if how == "packed" else zipfile.ZIP_STORED
        with zipfile.ZipFile(run / "encoder.pth") as good, zipfile.ZipFile(bomb, "w", packing) as bad:
            for entry in good.infolist():
                numbers = "/data/" in entry.filename and how == "packed"
                bad.writestr(entry.filename, bytes(4 * entry.file_size) if numbers else good.read(entry))
            if how == "twice":
                # Each name stands in the directory again, for the same bytes.
                bad.filelist.extend(copy.copy(entry) for entry in bad.filelist[:])
    bomb.replace(tmp_path / "encoder.pth")
    with pytest.raises(
        InputError, match=r"encoder\.pth: (.* bytes that unpack to|holds builtins\.bytearray)"
    ) as caught:
        read_book_run(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [None, b"", b"not a pickle at all", b"PK\x03\x04 cut"])
def test_missing_and_damaged_files(run: Path, tmp_path: Path, content: bytes | None) -> None:
    for name in ("decodera", "decoderb"):
        os.link(run / f"{name}.pth", tmp_path / f"{name}.pth")
    if content is not None:
        (tmp_path / "encoder.pth").write_bytes(content)
    with pytest.raises(InputError, match=r"encoder\.pth") as caught:
        read_book_run(tmp_path)
    assert "\n" not in str(caught.value)


def test_an_imported_run_is_a_checkpoint(run: Path, tmp_path: Path) -> None:
    train(out=tmp_path / "run", book=run)
    checkpoint = read_checkpoint(tmp_path / "run")
    assert checkpoint.facts["template"] == "mean-face"
    assert checkpoint.facts["identities"] == [None, None]
    answer = load_network(checkpoint)(torch.rand(1, 3, 64, 64), 1)
    assert (answer[:, 3] == 1).all()
    with pytest.raises(UsageError, match="original"):
        train(out=tmp_path / "other", book=run, a=run, b=run, arch="lite", iterations=1)


def test_another_network_is_refused(run: Path, tmp_path: Path) -> None:
    for name in ("decodera", "decoderb"):
        os.link(run / f"{name}.pth", tmp_path / f"{name}.pth")
    os.link(run / "decodera.pth", tmp_path / "encoder.pth")
    with pytest.raises(InputError, match=r"encoder\.pth: upscale_tower.* not of the book's network"):
        read_book_run(tmp_path)
    torch.save({"weights": torch.zeros(3)}, tmp_path / "encoder2.pth")
    (tmp_path / "encoder2.pth").replace(tmp_path / "encoder.pth")
    with pytest.raises(InputError, match="holds no module"):
        read_book_run(tmp_path)
