"""python examples/score_outside.py int8_full.tflite IMAGE    Exit code 0 normal, 1 anomalous, 2 an error.

IMAGE has the size of the network, as those in golden/ have; predict_image.py shows how to bring others to it.
"""

import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from PIL import Image
from predict_image import rgb_or_grey, upright
from read_metadata import read


class HostScore:
    """The score of a full-integer file, from what its metadata say; docs/mobile.md has it in words."""

    def __init__(self, file: str):
        self.about = read(file).get("outside")
        if self.about is None:
            raise ValueError(f"{file} has its score inside; see predict_image.py")
        if self.about["score"] == "reconstruction":
            raise ValueError(f"{file} is scored by SSIM, which is left out here; see docs/mobile.md, step 5")
        with open(file, "rb") as stream:
            self.content = stream.read()
        self.start = self.content.rindex(b"PIADESC1")
        self.inspect = Interpreter(file).get_signature_runner("inspect")

    def __call__(self, image: np.ndarray) -> float:  # (H, W, C), uint8
        found = self.inspect(image=image[None])
        outputs = {}
        for name, end in self.inspect.get_output_details().items():
            scale, zero = end["quantization"]
            outputs[name] = np.float32(scale) * (found[name][0].astype("float32") - zero)
        total = 0.0
        for part in self.about["parts"].values():
            distances = self.bank(part, outputs) if part["kind"] == "bank" else self.gaussians(part, outputs)
            total += part["weight"] * (aggregated(distances, part["aggregation"]) - part["mean"]) / part["deviation"]
        return float(total)

    def gaussians(self, part, outputs):
        """Mahalanobis distances at each place, the mean of all features; the anomaly map is made of these."""
        maps = []
        for feature in part["features"].values():
            values = [self.of_feature(feature, outputs[name], name) for name in feature["outputs"]]
            mean = self.array(feature["mean"])
            flat = np.concatenate([value.ravel() for value in values])
            if feature["unit_length"]:
                flat = flat / np.linalg.norm(flat)
            centred = flat.reshape(mean.shape) - mean
            whitening = self.array(feature["whitening"]) * self.array(feature["step"])
            distance = np.sqrt(np.square(centred[:, None] @ whitening).sum((1, 2))).reshape(feature["places"])
            maps.append(self.moved(distance, feature["spread"]) / feature["scale"])
        return np.mean(maps, axis=0)

    def of_feature(self, feature, values, name):
        if name in feature["pool"]:
            values = self.moved(values, feature["pool"][name])
        if feature["projection"] is not None:
            values = values @ self.array(feature["projection"])
        return in_context(values, feature["context"]) if feature["context"] > 1 else values

    def bank(self, part, outputs):
        """The distance to the nearest patch of the bank at each place, smoothed."""
        finer, coarser = (in_context(outputs[name], part["context"]) for name in part["outputs"])
        patches = np.concatenate([finer, self.moved(coarser, part["spread"])], axis=-1)
        bank = self.array(part["bank"]) * np.float32(part["step"])
        nearest = (np.square(bank).sum(1) - 2 * patches.reshape(-1, bank.shape[1]) @ bank.T).min(1)
        squared = np.square(patches).sum(-1) + nearest.reshape(patches.shape[:2])
        return self.moved(np.sqrt(np.maximum(squared, 0)) / part["scale"], part["smooth"])

    def array(self, at):
        return np.ndarray(at["shape"], at["dtype"], self.content, self.start + at["offset"])

    def moved(self, values, at):
        """`(h, w, ...)`, both axes multiplied by a matrix."""
        return np.einsum("ih,jw,hw...->ij...", self.array(at["rows"]), self.array(at["columns"]), values)


def in_context(values, context):
    """Each place averaged with its neighbours; zeros beyond the edge count."""
    rim, (height, width) = context // 2, values.shape[:2]
    padded = np.pad(values, ((rim, rim), (rim, rim), (0, 0)))
    shifted = [padded[i : i + height, j : j + width] for i in range(context) for j in range(context)]
    return np.sum(shifted, axis=0) / context**2


def aggregated(distances, aggregation):
    flat, kind, value = np.sort(distances, axis=None), aggregation["kind"], aggregation["value"]
    if kind == "power":
        return np.mean(np.minimum(flat, 1e4) ** value) ** (1 / value)
    if kind == "top":
        return flat[-max(1, round(value * flat.size)) :].mean()
    return flat[-1] if kind == "maximum" else flat.mean()


if __name__ == "__main__":
    try:
        _, model, file = sys.argv
        about = read(model)
        image = rgb_or_grey(np.asarray(upright(Image.open(file))), about["input"]["shape"][3])
        found, limit = HostScore(model)(image), about["threshold"]["value"]
        if not np.isfinite(found):
            raise ValueError(f"the score is {found}, which is no number; train and export again")
    except Exception as error:  # decoders raise whatever they meet, and Python would end with 1: anomalous
        message = f"error: {' '.join(str(error).split()) or type(error).__name__}"
        print(message if len(sys.argv) == 3 else __doc__, file=sys.stderr)
        sys.exit(2)
    print(f"{found:.4f}, {'anomalous' if found > limit else 'normal'}")
    sys.exit(int(found > limit))
