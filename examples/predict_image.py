"""python examples/predict_image.py MODEL.tflite IMAGE HEATMAP.png    Exit code 0 normal, 1 anomalous, 2 an error."""

import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from PIL import Image, ImageOps
from read_metadata import read


def upright(image: Image.Image) -> Image.Image:
    """In RGB, as it is to be seen; `ValueError` where some of it would go uninspected."""
    if image.mode[0] in "IF":
        raise ValueError("16-bit or floating-point pixels; save the image with 8 bits")
    if image.format == "PPM":  # of which Pillow reads the first
        raise ValueError("a PGM or PPM may hold several images; save each as PNG or JPEG")
    if getattr(image, "n_frames", 1) > 1 and image.format != "MPO":  # phones append to a JPEG
        raise ValueError("several images in one file; save each as a file of its own")
    return ImageOps.exif_transpose(image).convert("RGB")


def rgb_or_grey(rgb: np.ndarray, channels: int) -> np.ndarray:
    """(H, W, 3) to (H, W, channels), uint8, grey as in training."""
    return (rgb if channels == 3 else rgb @ [[0.2989], [0.587], [0.114]] * 255.5 / 255).astype("uint8")


def prepare(image: Image.Image, about: dict) -> np.ndarray:
    """The image as in training: resized, then cut off or made black at all sides, in RGB or grey."""
    (_, height, width, channels), to, image = about["shape"], about["resize_to"], upright(image)
    factors = np.float32(to) / (sides := np.float32([image.height, image.width]))
    factor = {"pad": factors.min(), "crop": factors.max()}.get(about["resize"], factors)
    high, wide = np.maximum(np.round(sides * factor), 1).astype(int).tolist()
    bands = [Image.fromarray(np.float32(b)).resize((wide, high), Image.BILINEAR) for b in image.split()]
    top, left = int((to[0] - high) / 2) - (to[0] - height) // 2, int((to[1] - wide) / 2) - (to[1] - width) // 2
    rgb = np.stack([band.crop((-left, -top, width - left, height - top)) for band in bands], axis=-1).round()
    return rgb_or_grey(rgb, channels)[None]


if __name__ == "__main__":
    try:
        _, model, file, heatmap = sys.argv
        about = read(model)
        if "outside" in about:
            raise ValueError(f"{model} leaves its score to score_outside.py")
        image, limit = prepare(Image.open(file), about["input"]), about["threshold"]
        found = Interpreter(model).get_signature_runner("inspect")(image=image)
        score = float(found["pred_score"][0])
        if not np.isfinite(score):
            raise ValueError(f"the score is {score}, which is no number; train and export again")
        percentile, anomalous = np.interp(score, limit["quantiles"], range(101)), score > limit["value"]
        places, level = found["anomaly_map"].reshape(image.shape[1:3]), about["map_threshold"]["value"]
        red = np.clip(127 * places / level if level > 0 else 255.0 * (places > level), 0, 255)
        picture, mask = Image.fromarray(image[0].squeeze()).convert("RGB"), Image.fromarray(red.astype("uint8"))
        Image.composite(Image.new("RGB", mask.size, "red"), picture, mask).save(heatmap)
    except Exception as error:  # decoders raise whatever they meet, and Python would end with 1: anomalous
        message = f"error: {' '.join(str(error).split()) or type(error).__name__}"
        print(message if len(sys.argv) == 4 else __doc__, file=sys.stderr)
        sys.exit(2)
    print(f"{score:.4f}, percentile {percentile:.1f}: {'anomalous' if anomalous else 'normal'}; heatmap in {heatmap}")
    sys.exit(int(anomalous))
