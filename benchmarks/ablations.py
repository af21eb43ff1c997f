"""What is left out of the network, or changed in it, before it is trained again: a name, and words for `piade train`.

What a name does not say is as in `base`, the preset as it is. Encoder and score are no ablations: `--encoder` of
`benchmarks.grid` chooses the one, and every row has all scores.
"""

from typing import NamedTuple


class Ablation(NamedTuple):
    """One change.

    Attributes:
        title: for tables.
        words: of the command line.
    """

    title: str
    words: tuple[str, ...]


BASE = "base"
ABLATIONS = {
    BASE: Ablation("the default", ()),
    "no_squeeze_excitation": Ablation("no squeeze-and-excitation", ("--network.no-squeeze-excitation",)),
    "magnification_1": Ablation("magnification 1 alone", ("--network.magnifications", "1")),
    "dense": Ablation("a dense layer instead of routing", ("--network.no-routing",)),
    "iterations_1": Ablation("1 routing iteration (default 3)", ("--network.iterations", "1")),
    "iterations_2": Ablation("2 routing iterations", ("--network.iterations", "2")),
    "iterations_5": Ablation("5 routing iterations", ("--network.iterations", "5")),
    "one_vector": Ablation("one vector (default two)", ("--network.num-vectors", "1")),
    "vector_dim_16": Ablation("vectors of 16 dimensions (default 64)", ("--network.vector-dim", "16")),
    "vector_dim_32": Ablation("vectors of 32 dimensions", ("--network.vector-dim", "32")),
    "vector_dim_128": Ablation("vectors of 128 dimensions", ("--network.vector-dim", "128")),
    "skip": Ablation("skip connection", ("--network.skip",)),
    "loss_mse": Ablation("loss MSE (default MSE + SSIM / 2)", ("--loss.ssim", "0")),
    "loss_perceptual": Ablation("loss MSE + SSIM / 2 + perceptual", ("--loss.perceptual", "1")),
    "one_epoch": Ablation("one epoch", ("--epochs", "1")),  # enough for scores that do not look at the decoder
}
OF_PAPER = tuple(name for name in ABLATIONS if name != "one_epoch")
