"""JSON in: bytes of a stranger to a checked model, or an error that says what to fix."""

from __future__ import annotations

import json
from typing import Annotated, Any, NoReturn, TypeVar

from flask import request
from pydantic import AfterValidator, BaseModel, ValidationError
from pydantic_core import PydanticCustomError
from werkzeug.exceptions import RequestEntityTooLarge

from app.errors import BodyTooLargeError, FieldError, MalformedBodyError, MediaTypeError
from settings import reason

Model = TypeVar("Model", bound=BaseModel)


def _unicode(text: str) -> str:
    # JSON can escape half a character, and pydantic lets it through where a string has no other constraint
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise PydanticCustomError("string_unicode", "lone surrogate") from error
    return text


Text = Annotated[str, AfterValidator(_unicode)]
"""A string that can be written as UTF-8."""


def parse(model: type[Model], max_bytes: int) -> Model:
    """The request's body as ``model``.

    Args:
        model: strict; unknown fields are forbidden.
        max_bytes: longest body that is read.

    Raises:
        RequestError: by its subclasses 400, 413, 415 or 422.
    """
    _check_type()
    return validate(model, strict_json(read_body(max_bytes)))


def parse_optional(model: type[Model], max_bytes: int) -> Model:
    """As ``parse``; an empty body, whatever its type, is an empty object."""
    data = read_body(max_bytes)
    if not data:
        return validate(model, {})
    _check_type()
    return validate(model, strict_json(data))


def validate(model: type[Model], value: object) -> Model:
    """``value`` as ``model``.

    Raises:
        FieldError: names the first field that does not fit.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = printable(".".join(str(part) for part in first["loc"]))
        raise FieldError(name, reason(first)) from error


def strict_json(data: bytes) -> dict[str, Any]:
    """The JSON object in ``data``; UTF-8, every name once, numbers finite.

    Raises:
        MalformedBodyError: anything else.
    """
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant)
    except RecursionError as error:
        raise MalformedBodyError("JSON 嵌套过深。") from error
    except UnicodeDecodeError as error:
        raise MalformedBodyError("请求体不是 UTF-8 编码的文本。") from error
    except ValueError as error:  # json.JSONDecodeError is one; an integer of 4,301 digits is another
        raise MalformedBodyError("请求体不是合法的 JSON。") from error
    if not isinstance(value, dict):
        raise MalformedBodyError('请求体应为一个 JSON 对象，例如 {"text": "你好"}。')
    return value


def printable(name: str, limit: int = 60) -> str:
    """A caller's own words, short and harmless enough to be said back."""
    return "".join(c if c.isprintable() else "�" for c in name[:limit]) or "（空）"


def read_body(max_bytes: int, keep: bool = False) -> bytes:
    """The whole body.

    Args:
        max_bytes: longest body that is read.
        keep: for ``request.get_data``, which somebody calls again.

    Raises:
        BodyTooLargeError: it is longer.
    """
    # one more than the limit: a chunked body that is longer is not refused by Werkzeug but silently cut there
    request.max_content_length = max_bytes + 1
    try:
        data = request.get_data(cache=keep)
    except RequestEntityTooLarge as error:
        raise BodyTooLargeError(max_bytes) from error
    if len(data) > max_bytes:
        raise BodyTooLargeError(max_bytes)
    return data


def _check_type() -> None:
    charset = request.mimetype_params.get("charset", "utf-8").lower()
    if request.mimetype != "application/json" or charset not in ("utf-8", "utf8"):
        raise MediaTypeError("请求体应为 JSON：请设置 Content-Type: application/json。")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise MalformedBodyError(f"JSON 里的 {printable(name)} 出现了两次。")
        found[name] = value
    return found


def _no_constant(name: str) -> NoReturn:
    raise MalformedBodyError(f"JSON 不允许 {name}。")
