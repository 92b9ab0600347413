"""What ``gen_single`` of an IndexTTS WebUI takes, as that server itself describes it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from app.errors import GatewayError

VECTORS = ("happy", "angry", "sad", "afraid", "disgusted", "melancholic", "surprised", "calm")
"""The emotions of ``vec1`` to ``vec8``."""
_NEEDED = {"emo_control_method", "prompt", "text", *(f"vec{number}" for number in range(1, 9))}


@dataclass(frozen=True)
class Slot:
    """One value of the call."""

    name: str | None
    """None: a hidden state, whose value the server knows itself."""
    default: object = None
    has_default: bool = False


@dataclass(frozen=True)
class Contract:
    """The values in their order."""

    slots: tuple[Slot, ...]
    modes: tuple[str, ...]
    """The labels of ``emo_control_method``, in the server's language: own emotion, reference, vectors, perhaps text."""
    fingerprint: str
    """Changes with the server's version."""

    @property
    def has_speed(self) -> bool:
        """IndexTTS 2.5 can speak faster and slower; its WebUI shows the slider for the model 2.0 too, without use."""
        return {"duration_factor", "lang_choice"} <= {slot.name for slot in self.slots}

    def values(self, wishes: dict[str, object]) -> list[object]:
        """The ``data`` of a call: ``wishes`` by name, everything else as the server would have it.

        Raises:
            GatewayError: the server wants a value that nobody here knows.
        """
        values: list[object] = []
        for slot in self.slots:
            if slot.name is None:
                values.append(None)
            elif slot.name in wishes:
                values.append(wishes[slot.name])
            elif slot.has_default:
                values.append(slot.default)
            else:
                raise GatewayError
        return values


def read_contract(info: Any, config: Any) -> Contract:
    """The contract of ``gen_single``.

    Args:
        info: ``/gradio_api/info``, which names every value but hidden states.
        config: ``/config``, which lists every component of the call, hidden states too.

    Raises:
        GatewayError: there is no ``gen_single``, or it is another one.
    """
    try:
        told = info["named_endpoints"]["/gen_single"]["parameters"]
        parameters = [_slot(parameter) for parameter in told]
        slots = _with_states(parameters, config)
        modes = next(tuple(p["type"]["enum"]) for p in told if p["parameter_name"] == "emo_control_method")
    except (LookupError, TypeError, AttributeError, StopIteration) as error:
        raise GatewayError from error
    names = {slot.name for slot in slots}
    if not names >= _NEEDED or len(modes) < 3 or not all(isinstance(mode, str) for mode in modes):
        raise GatewayError
    known = json.dumps([str(slot.name) for slot in slots] + [str(config.get("version"))])
    return Contract(slots, modes, hashlib.sha256(known.encode()).hexdigest())


def _slot(parameter: dict[str, Any]) -> Slot:
    has_default = bool(parameter.get("parameter_has_default"))
    return Slot(str(parameter["parameter_name"]), parameter.get("parameter_default"), has_default)


def _with_states(parameters: list[Slot], config: dict[str, Any]) -> tuple[Slot, ...]:
    call = next(each for each in config["dependencies"] if each.get("api_name") == "gen_single")
    kinds = {component["id"]: component["type"] for component in config["components"]}
    visible = iter(parameters)
    slots = tuple(Slot(None) if kinds[number] == "state" else next(visible) for number in call["inputs"])
    if next(visible, None) is not None:
        raise LookupError("more parameters than components")
    return slots
