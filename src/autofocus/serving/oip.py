"""Open Inference Protocol v2 over HTTP, as far as encoded images need it.

A project is a model: input ``image`` of type BYTES, shape [n], each element a JPEG or PNG; outputs
``probabilities`` FP32 [n, classes], ``label`` and ``prediction_id`` BYTES [n]. A model that sees
objects has, instead of ``label``, ``detections`` BYTES [n]: each the JSON list of the image's
objects as ``serving.answers`` gives them. Tensors travel as
JSON (images in base64) or by the binary tensor extension, where only the header
``Inference-Header-Content-Length`` says so; the content type says nothing.
Source: ``inference_rest.md`` of kserve/open-inference-protocol, ``extension_binary_data.md`` of
triton-inference-server/server.
"""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from autofocus.errors import InvalidInput
from autofocus.serving.answers import detections_json

if TYPE_CHECKING:
    from autofocus.serving.engine import Answer
    from autofocus.serving.projects import LoadedModel

HEADER_LENGTH = b"inference-header-content-length"
OUTPUTS = ("probabilities", "label", "prediction_id")
OBJECT_OUTPUTS = ("probabilities", "detections", "prediction_id")
MAX_IMAGES = 256


@dataclass(frozen=True, slots=True)
class InferRequest:
    """The images of one call, what is wanted back, and whether as binary, by output name."""

    id: str | None
    images: tuple[bytes, ...]
    outputs: tuple[tuple[str, bool], ...]


def describe(project: str, classes: Sequence[str], model: LoadedModel) -> dict[str, Any]:
    """The model metadata answer."""
    return {
        "name": project,
        "versions": [model.id],
        "platform": "onnx_onnxv1",
        "inputs": [{"name": "image", "datatype": "BYTES", "shape": [-1]}],
        "outputs": [
            {"name": "probabilities", "datatype": "FP32", "shape": [-1, len(classes)]},
            {"name": outputs_of(model)[1], "datatype": "BYTES", "shape": [-1]},
            {"name": "prediction_id", "datatype": "BYTES", "shape": [-1]},
        ],
    }


def outputs_of(model: LoadedModel) -> tuple[str, ...]:
    """The names of a model's outputs."""
    sees_objects = model.predictor.bundle.task != "classification"
    return OBJECT_OUTPUTS if sees_objects else OUTPUTS


def parse_request(
    body: bytes, headers: Mapping[bytes, bytes], outputs: Sequence[str] = OUTPUTS
) -> InferRequest:
    """Read an infer request for a model of these outputs; InvalidInput says what is wrong."""
    length = len(body)
    if HEADER_LENGTH in headers:
        text = headers[HEADER_LENGTH]
        if not text.isdigit() or int(text) > len(body):
            raise InvalidInput(
                f"Inference-Header-Content-Length is {text.decode('latin-1')!r}, but the body has "
                f"{len(body)} bytes."
            )
        length = int(text)
    try:
        call = orjson.loads(body[:length])
    except orjson.JSONDecodeError as exc:
        raise InvalidInput(f"The request is not JSON: {exc}.") from exc
    inputs = call.get("inputs") if isinstance(call, dict) else None
    if not isinstance(inputs, list) or len(inputs) != 1 or not isinstance(inputs[0], dict):
        raise InvalidInput("Exactly one input was expected, named 'image', of datatype BYTES.")
    tensor = inputs[0]
    if tensor.get("name") != "image" or tensor.get("datatype") != "BYTES":
        raise InvalidInput(
            f"The input is {tensor.get('name')!r} of {tensor.get('datatype')!r}; expected 'image' "
            "of 'BYTES', each element an encoded image."
        )
    size = _parameters(tensor).get("binary_data_size")
    images = _json_images(tensor) if size is None else _binary_images(body[length:], size)
    expected = _elements(tensor.get("shape"))
    if len(images) != expected:
        raise InvalidInput(f"The shape promises {expected} images, {len(images)} came.")
    if not 1 <= len(images) <= MAX_IMAGES:
        raise InvalidInput(f"1 to {MAX_IMAGES} images may come at once, got {len(images)}.")
    id = call.get("id")
    return InferRequest(
        str(id) if id is not None else None,
        tuple(images),
        _wanted(call, _parameters(call), outputs),
    )


def encode_answers(
    project: str, request: InferRequest, answers: Sequence[Answer]
) -> tuple[bytes, int | None]:
    """The response body, and the length of its JSON part if tensors follow it."""
    tensors: dict[str, tuple[str, Any]] = {
        "probabilities": ("FP32", np.stack([a.probabilities for a in answers])),
        "prediction_id": ("BYTES", [a.prediction_id for a in answers]),
    }
    if answers[0].sees_objects:
        found = [orjson.dumps(detections_json(a)).decode() for a in answers]
        tensors["detections"] = ("BYTES", found)
    else:
        tensors["label"] = ("BYTES", [_label(a) for a in answers])
    outputs: list[dict[str, Any]] = []
    tail: list[bytes] = []
    for name, binary in request.outputs:
        datatype, values = tensors[name]
        shape = list(values.shape) if isinstance(values, np.ndarray) else [len(values)]
        output: dict[str, Any] = {"name": name, "datatype": datatype, "shape": shape}
        if binary:
            data = (
                values.astype("<f4").tobytes()
                if isinstance(values, np.ndarray)
                else b"".join(_length_prefixed(text.encode()) for text in values)
            )
            output["parameters"] = {"binary_data_size": len(data)}
            tail.append(data)
        else:
            flat = values.ravel().tolist() if isinstance(values, np.ndarray) else values
            output["data"] = flat
        outputs.append(output)
    body: dict[str, Any] = {
        "model_name": project,
        "model_version": answers[0].model.id,
        "outputs": outputs,
    }
    if request.id is not None:
        body["id"] = request.id
    text = orjson.dumps(body)
    return text + b"".join(tail), len(text) if tail else None


def _label(answer: Answer) -> str:
    return answer.model.predictor.classes[int(answer.probabilities.argmax())]


def _parameters(value: Mapping[str, Any]) -> Mapping[str, Any]:
    parameters = value.get("parameters") or {}
    if not isinstance(parameters, dict):
        raise InvalidInput("'parameters' is not an object.")
    return parameters


def _elements(shape: object) -> int:
    if not isinstance(shape, list) or not all(isinstance(s, int) and s >= 0 for s in shape):
        raise InvalidInput(f"The shape of 'image' is {shape!r}, expected [n] or [n, 1].")
    return int(np.prod(shape)) if len(shape) <= 2 else -1


def _json_images(tensor: Mapping[str, Any]) -> list[bytes]:
    data = tensor.get("data")
    images = []
    for item in data if isinstance(data, list) else []:
        value = item[0] if isinstance(item, list) and len(item) == 1 else item
        try:
            images.append(base64.b64decode(value, validate=True))
        except (binascii.Error, ValueError, TypeError) as exc:
            raise InvalidInput("Images inside JSON are expected in base64.") from exc
    return images


def _binary_images(data: bytes, size: object) -> list[bytes]:
    if not isinstance(size, int) or size != len(data):
        raise InvalidInput(f"binary_data_size is {size!r}, but {len(data)} bytes follow the JSON.")
    images, at = [], 0
    while at < len(data):
        if at + 4 > len(data):
            raise InvalidInput("The BYTES tensor ends within a length.")
        (length,) = struct.unpack_from("<I", data, at)
        at += 4
        if at + length > len(data):
            raise InvalidInput(f"The BYTES tensor ends within an element of {length} bytes.")
        images.append(data[at : at + length])
        at += length
    return images


def _wanted(
    call: Mapping[str, Any], parameters: Mapping[str, Any], outputs: Sequence[str]
) -> tuple[tuple[str, bool], ...]:
    default = parameters.get("binary_data_output") is True
    asked = call.get("outputs")
    if not asked:
        return tuple((name, default) for name in outputs)
    wanted: list[tuple[str, bool]] = []
    for output in asked if isinstance(asked, list) else []:
        name = output.get("name") if isinstance(output, dict) else None
        if not isinstance(name, str) or name not in outputs:
            raise InvalidInput(f"There is no output {name!r}; there are {list(outputs)}.")
        wanted.append((name, _parameters(output).get("binary_data", default) is True))
    return tuple(wanted)


def _length_prefixed(data: bytes) -> bytes:
    return struct.pack("<I", len(data)) + data
