"""What the interface takes and gives, as OpenAPI 3.1."""

from typing import Any

from piade_tf import __version__


def openapi(most_bytes: int, most_pixels: int) -> dict[str, Any]:
    """The description of the interface; `most_bytes` and `most_pixels` are the bounds of an image."""
    image = {"type": "string", "format": "binary"}
    bounds = f"at most {most_bytes / 2**20:g} MiB and {most_pixels / 10**6:g} megapixels"
    problems = {
        "400": "No image, or a form without the field `image`.",
        "408": "The image did not arrive in time.",
        "413": f"The image is too large: {bounds}.",
        "422": "The image cannot be read, or has more bits than the model was trained for.",
        "500": "The model gives the image a score that is no number, has changed and cannot be run, or was withdrawn.",
        "503": "Too many images are waiting. `Retry-After` says when to send it again.",
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "PIADE-TF",
            "version": __version__,
            "description": "Inspects images with one exported model.",
        },
        "paths": {
            "/v1/inspect": {
                "post": {
                    "operationId": "inspect",
                    "summary": "Inspect an image",
                    "parameters": [
                        {
                            "name": "map",
                            "in": "query",
                            "description": "`png` to get the anomaly map as well.",
                            "schema": {"type": "string", "enum": ["png"]},
                        }
                    ],
                    "requestBody": {
                        "required": True,
                        "description": f"An image file of any size, as the body or as the field `image`, {bounds}.",
                        "content": {
                            "multipart/form-data": {
                                "schema": {"type": "object", "properties": {"image": image}, "required": ["image"]}
                            },
                            "application/octet-stream": {"schema": image},
                        },
                    },
                    "responses": {
                        "200": _json("The verdict.", "Inspection"),
                        **{code: _json(text, "Problem") for code, text in problems.items()},
                    },
                }
            },
            "/v1/model": {
                "get": {
                    "operationId": "model",
                    "summary": "What the model says of itself: input, threshold, quantiles of normal scores",
                    "responses": {"200": _json("The metadata of the file.", "Model")},
                }
            },
            "/healthz": {
                "get": {
                    "operationId": "health",
                    "summary": "Whether images are inspected",
                    "responses": {"200": _json("They are.", "Health")},
                }
            },
        },
        "components": {
            "schemas": {
                "Inspection": _object(
                    score=("number", "Higher is more anomalous."),
                    percentile=(
                        "number",
                        "Place among the scores of normal images, interpolated: 0 below all, 100 above all.",
                    ),
                    verdict=("string", "`normal` or `anomalous`: whether the score is above the threshold."),
                    threshold=("number", "Of the score."),
                    map_max=("number", "The largest value of the anomaly map."),
                    map_threshold=(
                        "number",
                        "A place is unusual where the map is above it. The verdict is that of the score: the map of an "
                        "anomalous image may stay below, and its highest region is then the place to look at.",
                    ),
                    map_png=(
                        "string",
                        "Only where it was asked for: the map as base64 of a grey PNG in the size of the network's "
                        "input. It is 128 or brighter where the map is above its threshold.",
                    ),
                ),
                "Model": _object(
                    file=("string", "Name of the file."),
                    format=("string", "`float32`, `float16`, `dynamic_int8`, `int8` or `int8_full`."),
                    input=("object", "Shape, colour, and how images are resized to it."),
                    threshold=("object", "Value, method, promised rate of false alarms, quantiles of normal scores."),
                    map_threshold=("object", "The same for the largest value of an anomaly map."),
                    sha256=("string", "Of the file, with zeros in the place of these digits."),
                ),
                "Health": _object(status=("string", "`ok`"), waiting=("integer", "Images that are being inspected.")),
                "Problem": _object(error=("string", "What was expected, what came, what to do.")),
            }
        },
    }


def _json(description: str, schema: str) -> dict[str, Any]:
    reference = {"$ref": f"#/components/schemas/{schema}"}
    return {"description": description, "content": {"application/json": {"schema": reference}}}


def _object(**properties: tuple[str, str]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: {"type": kind, "description": text} for name, (kind, text) in properties.items()},
    }
