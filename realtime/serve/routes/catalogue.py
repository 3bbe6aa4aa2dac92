"""What there is to choose from: looks, models, devices."""

import asyncio
from pathlib import Path

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel

from realtime.devices import Hardware, list_hardware
from realtime.inference.modelfile import ModelFile
from realtime.runtime.errors import MummerError
from realtime.serve.choices import Choices
from realtime.serve.jpeg import Jpeg
from realtime.serve.refusals import refusals
from realtime.serve.thumbnails import Thumbnails
from realtime.swap import open_model
from realtime.swap.kinds import KINDS, is_drawing, kind_of
from realtime.swap.library import list_models

__all__ = ["ModelFacts", "catalogue_routes"]


class Person(BaseModel, frozen=True):
    """Somebody whom a model shows."""

    id: str
    name: str
    kind: str


class ModelFacts(BaseModel, frozen=True):
    """A model that can be chosen, and what is to be chosen about it.

    ``several`` says that one of ``identities`` is chosen, ``morph`` that there is a share of the new face, and
    ``takes_photo`` that the face comes from a photograph. ``problem`` is why it cannot be used, if it cannot.
    """

    name: str
    size: int | None = None
    licence: str | None = None
    identities: tuple[Person, ...] = ()
    several: bool = False
    morph: bool = False
    takes_photo: bool = False
    problem: str | None = None


def catalogue_routes(recordings: Path | None) -> APIRouter:
    """The routes that list what may be named in a request; ``recordings`` is a folder that may be written into."""
    routes, thumbnails, painting = APIRouter(), Thumbnails(), asyncio.Lock()

    @routes.get("/api/choices")
    def choices() -> Choices:
        """What may be chosen for the look, and what is chosen where nothing is said."""
        return Choices(recordings=None if recordings is None else str(recordings))

    @routes.get("/api/models")
    def models() -> list[ModelFacts]:
        """The models at hand, whom they show, and what is to be chosen about each."""
        return [_facts(path) for path in list_models()]

    @routes.get("/api/models/{name}/picture", response_class=Jpeg, responses=refusals(400, 409, 422))
    async def model_picture(name: str) -> Jpeg:
        """What the model makes of a drawn face, as JPEG."""
        # One at a time: those that wait leave room for the session, and nobody waits for them at the end.
        async with painting:
            return Jpeg(await run_in_threadpool(thumbnails.picture, name))

    @routes.get("/api/devices")
    def devices() -> Hardware:
        """Cameras, virtual cameras, microphones, what models may run on, and what is missing."""
        return list_hardware()

    return routes


def _facts(path: Path) -> ModelFacts:
    try:
        with ModelFile(path) as file:
            drawn = is_drawing(file)  # the photograph is in it
            takes_photo = not drawn and bool(getattr(KINDS[kind_of(file)].open, "takes_photograph", False))
        if takes_photo:  # which is opened with a photograph only
            return ModelFacts(name=path.stem, takes_photo=True)
        model = open_model(str(path), "cpu")
    except MummerError as error:
        return ModelFacts(name=path.stem, problem=str(error))
    return ModelFacts(
        name=path.stem,
        size=model.size,
        licence=model.manifest.licence,
        identities=tuple(Person(id=each.id, name=each.name, kind=each.kind) for each in model.identities),
        several=len(model.identities) > len(model.shown),
        morph=model.morph is not None,
    )
