"""Other programs' ``.dfm`` here: recorded once, then run as they run them."""

import datetime
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from realtime.runtime.errors import ConsentError, ModelError, UsageError
from realtime.settings import ModelOptions
from realtime.swap import open_model
from realtime.swap.add import add_model
from realtime.swap.consent import Identity
from tests.realtime.foreign import ellipse, make_dfm
from tests.realtime.tiny import CONSENT

PERSON = Identity(id="ann", name="Ann", kind="consented", consent=CONSENT)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MUMMER_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def faces(size: int, count: int = 2) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.random.default_rng(size).integers(0, 256, (count, size, size, 3), np.uint8)


def expected(
    crops: np.ndarray[tuple[int, ...], np.dtype[np.uint8]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """What the network makes of RGB crops: the new red is the old blue, the new blue half of the old red."""
    red, green, blue = np.moveaxis(crops.astype(float), -1, 0)
    return np.stack([blue, green, red / 2], axis=-1)


@pytest.mark.parametrize("size", [224, 320])
def test_theirs_here(tmp_path: Path, size: int) -> None:
    add_model(make_dfm(tmp_path / "theirs.dfm", size), "ann", PERSON)
    model = open_model("ann", "cpu")
    assert (model.size, model.template.name, model.morph, model.identity) == (size, "whole-face", None, "ann")
    crops = faces(size)
    swapped, mask = model.swap(crops)
    assert np.abs(swapped - expected(crops)).max() <= 0.5
    assert swapped.dtype == mask.dtype == np.uint8
    # The mask is what both masks cover.
    both = ellipse(size, 0.9, 0.6) * ellipse(size, 0.6, 0.9)
    np.testing.assert_array_equal(mask, np.repeat(both[..., 0] * 255, 2, axis=0))


@pytest.mark.parametrize("size", [224, 320])
def test_theirs_with_a_morph_value(tmp_path: Path, size: int) -> None:
    add_model(make_dfm(tmp_path / "theirs.dfm", size, morph=True), "ann", PERSON)
    crops = faces(size)
    model = open_model("ann", "cpu", ModelOptions(morph=1))
    assert np.abs(model.swap(crops)[0] - expected(crops)).max() <= 0.5
    model.morph = 0.25
    assert np.abs(model.swap(crops)[0] - (0.25 * expected(crops) + 0.75 * crops)).max() <= 0.51
    model.morph = 0
    np.testing.assert_array_equal(model.swap(crops)[0], crops)
    assert open_model("ann", "cpu").morph == 0.75


def test_one_face_at_a_time_and_many_are_the_same(tmp_path: Path) -> None:
    crops = faces(224, 3)
    answers = []
    for batch in ("N", 1):
        add_model(make_dfm(tmp_path / "theirs.dfm", batch=batch), f"batch-{batch}".lower(), PERSON)
        model = open_model(f"batch-{batch}".lower(), "cpu")
        answers.append(model.swap(crops))
        assert model.swap(crops[:0])[1].shape == (0, 224, 224)
    for free, single in zip(*answers, strict=True):
        np.testing.assert_array_equal(free, single)


def test_answers_stay_when_the_next_one_comes(tmp_path: Path) -> None:
    add_model(make_dfm(tmp_path / "theirs.dfm"), "ann", PERSON)
    model = open_model("ann", "cpu")
    first, first_mask = model.swap(faces(224))
    kept, kept_mask = first.copy(), first_mask.copy()
    model.swap(255 - faces(224))
    np.testing.assert_array_equal(first, kept)
    np.testing.assert_array_equal(first_mask, kept_mask)


def test_a_file_that_nobody_recorded_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = make_dfm(tmp_path / "theirs.dfm")
    with pytest.raises(ModelError, match=r"mummer models add .*theirs\.dfm --name NAME --consent"):
        open_model(str(path), "cpu")


def test_without_consent_nothing_is_added(tmp_path: Path, home: Path) -> None:
    path = make_dfm(tmp_path / "theirs.dfm")
    today = datetime.date.today()
    expired = CONSENT.model_copy(update={"expires": today - datetime.timedelta(days=1)})
    for person in (None, PERSON.model_copy(update={"consent": None}), PERSON.model_copy(update={"consent": expired})):
        with pytest.raises(ConsentError):
            add_model(path, "ann", person)
    assert not home.exists()


def test_consent_that_expires_after_the_adding_ends_the_use(tmp_path: Path, home: Path) -> None:
    add_model(make_dfm(tmp_path / "theirs.dfm"), "ann", PERSON)
    page = home / "models" / "ann.json"
    page.write_text(page.read_text().replace('"expires": null', '"expires": "2026-01-02"'))
    with pytest.raises(ConsentError, match="expired on 2026-01-02"):
        open_model("ann", "cpu")


def test_a_file_that_was_changed_is_not_the_one_that_was_added(tmp_path: Path) -> None:
    path = add_model(make_dfm(tmp_path / "theirs.dfm"), "ann", PERSON)
    make_dfm(path, morph=True)
    with pytest.raises(ModelError, match="not the file that was added"):
        open_model("ann", "cpu")


def test_not_a_number_is_no_picture(tmp_path: Path, home: Path) -> None:
    with pytest.raises(ModelError, match="not a number"):
        add_model(make_dfm(tmp_path / "theirs.dfm", nan=True), "ann", PERSON)
    assert not home.exists()


def test_morph_is_refused_where_it_means_nothing(tmp_path: Path) -> None:
    add_model(make_dfm(tmp_path / "plain.dfm"), "plain", PERSON)
    add_model(make_dfm(tmp_path / "morphing.dfm", morph=True), "morphing", PERSON)
    with pytest.raises(UsageError, match="--morph"):
        open_model("plain", "cpu", ModelOptions(morph=0.5))
    model = open_model("morphing", "cpu")
    for morph in (1.5, -1):
        with pytest.raises(ValidationError, match="morph"):
            ModelOptions(morph=morph)
        with pytest.raises(UsageError, match="--morph"):
            model.morph = morph
    with pytest.raises(UsageError, match="--identity bob"):
        open_model("plain", "cpu", ModelOptions(identity="bob"))
    assert open_model("plain", "cpu", ModelOptions(identity="ann")).identity == "ann"


@pytest.mark.parametrize("batch", [2, 4])
def test_other_fixed_batches_are_refused(tmp_path: Path, batch: int) -> None:
    with pytest.raises(ModelError, match=f"batches of {batch} only"):
        add_model(make_dfm(tmp_path / "theirs.dfm", batch=batch), "ann", PERSON)
