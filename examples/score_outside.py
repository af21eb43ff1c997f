"""python examples/score_outside.py int8_full.tflite IMAGE    Exit code 0 normal, 1 anomalous, 2 an error.

IMAGE has the size of the network, as those in golden/ have; inspect_image.py shows how to bring others to it.
"""

import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from PIL import Image
from read_metadata import read


def score(file: str, image: np.ndarray) -> float:  # (H, W, C), uint8
    about = read(file).get("outside")
    if about is None:
        raise ValueError(f"{file} has its score inside; see inspect_image.py")
    if about["score"] == "reconstruction":
        raise ValueError(f"{file} is scored by SSIM, which is left out here; see docs/mobile.md, step 5")
    content = np.fromfile(file, "uint8").tobytes()
    inspect = Interpreter(file).get_signature_runner("inspect")
    x, total, power = inspect(image=image[None]), 0.0, about["exponent"]
    for name, (scale, zero) in ((name, end["quantization"]) for name, end in inspect.get_output_details().items()):
        x[name] = np.float32(scale) * (x[name][0].astype("float32") - zero)

    def array(at):
        return np.ndarray(at["shape"], at["dtype"], content, content.rindex(b"PIADESC1") + at["offset"])

    def moved(values, at):  # (h, w, ...), both axes multiplied by a matrix
        return np.einsum("ih,jw,hw...->ij...", array(at["rows"]), array(at["columns"]), values)

    def distances(outputs, pool, mean, whitening, step, places, spread):  # Mahalanobis, at each place
        found = [moved(x[name], pool[name]) if name in pool else x[name] for name in outputs]
        centred = np.concatenate([part.ravel() for part in found]).reshape(mean["shape"]) - array(mean)
        whitened = centred[:, None] @ (array(whitening) * array(step))
        return moved(np.sqrt(np.square(whitened).sum((1, 2))).reshape(places), spread)

    for part in about["parts"].values():  # the anomaly map is moved(d, part["map"])
        d = np.mean([distances(**feature) for feature in part["features"].values()], axis=0)
        total += part["weight"] * (np.mean(d**power) ** (1 / power) - part["mean"]) / part["deviation"]
    return float(total)


if __name__ == "__main__":
    try:
        _, model, file = sys.argv
        image = np.atleast_3d(np.asarray(Image.open(file)))
        found, limit = score(model, image), read(model)["threshold"]["value"]
    except (OSError, RuntimeError, ValueError) as error:
        message = f"error: {' '.join(str(error).split())}" if len(sys.argv) == 3 else __doc__
        print(message, file=sys.stderr)
        sys.exit(2)
    print(f"{found:.4f}, {'anomalous' if found > limit else 'normal'}")
    sys.exit(int(found > limit))
