"""One settings model: what may be chosen is the same for a file job, live, over the API and in the configuration."""

import inspect
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from realtime.cli.convert import convert
from realtime.cli.live import live
from realtime.cli.options import with_settings
from realtime.jobs.from_settings import job_of
from realtime.live.settings import Change, LiveSettings
from realtime.media.encoding import Encoding
from realtime.runtime.errors import UsageError
from realtime.serve.settings import ServeSettings, read_settings
from realtime.settings import Conversion, Look, ModelOptions, first_problem

LOOK = set(Look.model_fields)


@pytest.mark.parametrize("command", [convert, live], ids=["convert", "live"])
def test_every_choice_is_an_option_of_the_command(command: Any) -> None:
    assert set(inspect.signature(command).parameters) >= LOOK


def test_what_a_file_job_may_be_told_is_all_there() -> None:
    """The command has every field, and each gets into the job."""
    assert set(inspect.signature(convert).parameters) >= set(Conversion.model_fields)
    told = Conversion(
        model="gold", codec="ffv1", crf=3, preset="slow", deinterlace=True, strict=True, layer=True, on_damage="stop",
        max_pixels=9, alignments=Path("a.jsonl"), smooth=False,
    )  # fmt: skip
    job = job_of(told, Path("a"), Path("b"), workers=3)
    assert (job.look, job.encoding) == (Look(model="gold"), Encoding("ffv1", 3, "slow"))
    assert (job.deinterlace, job.strict, job.layer, job.keep_damaged, job.max_pixels) == (True, True, True, False, 9)
    assert (job.alignments, job.smooth) == (Path("a.jsonl"), False)


def test_what_changes_every_picture_leaves_none_to_copy() -> None:
    assert job_of(Conversion(smart=True, label="off"), Path("a"), Path("b")).smart
    with pytest.raises(ValidationError, match="the label stands in every one; give label off, too"):
        Conversion(smart=True)
    for name in ("deinterlace", "layer"):
        with pytest.raises(ValidationError, match=f"{name} changes every one"):
            Conversion.model_validate({"smart": True, "label": None, name: True})


@pytest.mark.parametrize("model", [LiveSettings, Change])
def test_every_choice_is_in_the_bodies_of_the_api(model: type[BaseModel]) -> None:
    schema = model.model_json_schema()
    assert set(schema["properties"]) >= LOOK
    assert schema["additionalProperties"] is False


def test_the_configuration_starts_a_session_with_the_same_choices(tmp_path: Path) -> None:
    file = tmp_path / "mummer.toml"
    file.write_text('[start]\ncamera = "test:"\nfaces = "largest"\nmorph = 0.5\nsize = "640x360"\nphoto = "bob.jpg"\n')
    settings = LiveSettings.model_validate(read_settings(file).start)
    assert (settings.faces, settings.morph, settings.size, settings.photo) == (
        "largest",
        0.5,
        (640, 360),
        (Path("bob.jpg"),),
    )


def test_a_label_that_is_off_is_none() -> None:
    assert Look(label="off").label is Look(label=" OFF ").label is None
    assert Look(label="MASK").label == "MASK"


def test_a_change_names_what_it_changes_and_nothing_else() -> None:
    look = LiveSettings(camera="test:", sharpen=0.2, color="mean", blend="soft")
    changed = Change(color=None, sharpen=0.7).applied_to(look)
    assert (changed.color, changed.sharpen, changed.blend) == (None, 0.7, "soft")
    assert not Change(identity="bob").opens_model
    assert Change(photo=(Path("bob.jpg"),)).opens_model
    assert Change(model="bronze").applied_to(look).model == look.model  # a model takes over when it is ready


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"sharpen": 2}, "sharpen: input should be less than or equal to 1"),
        ({"faces": "some"}, "faces: 'some': say all, largest, left, right, or a number"),
        ({"size": "big"}, "size: write it like 1280x720, in pixels"),
        ({"size": [1, 1]}, "size: write it like 1280x720, in pixels, 16 to 8192 each"),
        ({"label": "off"}, "label: live output always carries a label; give its text"),
        ({"label": "Off "}, "label: live output always carries a label; give its text"),
        ({"label": "x" * 3000}, "label: is 3,000 characters long; give at most 80"),
        ({"mask": 1}, "there is no setting 'mask'; there are "),
    ],
)
def test_what_does_not_fit_is_one_line(body: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        LiveSettings.model_validate({"camera": "test:"} | body)
    assert first_problem(caught.value, LiveSettings.model_fields).startswith(words)


def test_a_label_in_the_configuration_is_no_longer_than_elsewhere(tmp_path: Path) -> None:
    file = tmp_path / "mummer.toml"
    file.write_text(f'[start]\ncamera = "test:"\nlabel = "{"x" * 81}"\n')
    with pytest.raises(ValidationError, match="is 81 characters long; give at most 80"):
        LiveSettings.model_validate(read_settings(file).start)
    assert Look(label="x" * 80).label == "x" * 80


def test_the_command_line_names_its_option() -> None:
    @with_settings
    def command(settings: LiveSettings) -> LiveSettings:
        return settings

    given = {name: field.default for name, field in LiveSettings.model_fields.items() if name != "sinks"}
    made: Any = command
    assert made(**given | {"camera": "test:", "label_place": "top-left"}).label_place == "top-left"
    with pytest.raises(UsageError, match=r"^--size: write it like 1280x720"):
        made(**given | {"camera": "test:", "size": "1280*720"})


def test_settings_cannot_be_changed_by_accident() -> None:
    look, options = Look(), ModelOptions()
    with pytest.raises(ValidationError, match="frozen"):
        look.model = "other"  # type: ignore[misc]
    with pytest.raises(ValidationError, match="frozen"):
        options.morph = 0.5  # type: ignore[misc]
    assert ServeSettings().start is None
