"""What there is to choose from: looks, models, devices."""

from pathlib import Path

from fastapi import APIRouter, Response

from realtime.devices import Hardware, list_hardware
from realtime.runtime.errors import MummerError
from realtime.serve.choices import Choices
from realtime.serve.thumbnails import Thumbnails
from realtime.swap import open_model
from realtime.swap.library import list_models

__all__ = ["catalogue_routes"]


def catalogue_routes() -> APIRouter:
    """The routes that list what may be named in a request."""
    routes, thumbnails = APIRouter(), Thumbnails()

    @routes.get("/api/choices")
    def choices() -> Choices:
        """What may be chosen for the look, and what is chosen where nothing is said."""
        return Choices()

    @routes.get("/api/models")
    def models() -> list[dict[str, object]]:
        """The models at hand, and whom they show."""
        return [_facts(path) for path in list_models()]

    @routes.get("/api/models/{name}/picture", responses={200: {"content": {"image/jpeg": {}}}})
    def model_picture(name: str) -> Response:
        """What the model makes of a drawn face, as JPEG."""
        return Response(thumbnails.picture(name), media_type="image/jpeg")

    @routes.get("/api/devices")
    def devices() -> Hardware:
        """Cameras, virtual cameras, microphones, what models may run on, and what is missing."""
        return list_hardware()

    return routes


def _facts(path: Path) -> dict[str, object]:
    try:
        model = open_model(str(path), "cpu")
    except MummerError as error:
        return {"name": path.stem, "problem": str(error)}
    return {
        "name": path.stem,
        "size": model.size,
        "licence": model.manifest.licence,
        "identities": [{"id": each.id, "name": each.name, "kind": each.kind} for each in model.identities],
        "problem": None,
    }
