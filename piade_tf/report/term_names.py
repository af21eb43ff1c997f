"""The terms of a training's loss, by names for people."""

from piade_tf.model.losses import DISSIMILARITY

ONE_MINUS_SSIM = "1 \N{MINUS SIGN} SSIM"
NAMES = {
    "loss": "total loss",
    "mse": "MSE",
    DISSIMILARITY: ONE_MINUS_SSIM,
    **dict.fromkeys(("1-ssim", "ssim"), ONE_MINUS_SSIM),  # of earlier versions
}


def term_name(key: str) -> str:
    """Of a key of the history, such as `val_mse`: `MSE, validation`; an unknown one as it is."""
    term = key.removeprefix("val_")
    return NAMES.get(term, term) + (", validation" if key != term else "")
