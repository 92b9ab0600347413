"""``GET /audio/{name}``: the file behind a signed link."""

from __future__ import annotations

from flask import Blueprint, request
from werkzeug.wrappers import Response

from app.services import services
from app.storage import AudioNotFoundError, LinkError

blueprint = Blueprint("audio", __name__)


@blueprint.get("/audio/<name>")
def audio(name: str) -> Response:
    """The sound, whole or in part; the link itself is the credential."""
    links = services().links
    if not links:  # a bucket serves them
        raise AudioNotFoundError
    expires, signature = request.args.get("expires"), request.args.get("signature")
    failure = LinkError()
    for storage in links:
        try:
            left_s = storage.verify(name, expires, signature)
        except LinkError as error:
            failure = error if type(error) is not LinkError else failure
        else:
            return storage.serve(name, request.environ, left_s)
    raise failure
