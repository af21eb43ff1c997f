"""Every option there is, with its default and its help: the command line is generated from these classes."""

import dataclasses
import math
import typing
from pathlib import Path
from typing import Annotated, Literal

import tyro

from piade_tf.errors import InputError

MIN_SIDE, MAX_SIDE = 28, 1024
DEEPEST = 16  # bits of a grey value, at most
LARGEST_FROM_SCRATCH = 512
LARGEST_SEED = (1 << 32) - 1
SMALLEST_PRETRAINED = 64
MAX_STAGES = 4
OF_SCRATCH = {  # what alone shapes an encoder from scratch
    "depth": "--network.depth",
    "widths": "--network.widths",
    "stem_kernel": "--network.stem-kernel",
    "stem_stride": "--network.stem-stride",
    "squeeze_excitation": "--network.no-squeeze-excitation",
}

PresetName = Literal["compact", "paper"]
ResizeName = Literal["stretch", "pad", "crop"]
AugmentName = Literal["none", "texture", "aligned"]
CalibrationName = Literal["auto", "split", "folds"]
StrategyName = Literal["auto", "none", "mirrored", "multiworker"]
ScoreName = Literal["combined", "reconstruction", "latent", "embedding", "local", "bank", "pooled"]
EncoderName = Literal[
    "auto",
    "scratch",
    "efficientnet_lite0",
    "mobilenet_v3_small",
    "mobilenet_v3_large",
    "efficientnet_v2_b0",
    "resnet50",
]
Kind = Literal["parts", "classes"]
FormatName = Literal["saved_model", "float32", "float16", "dynamic_int8", "int8", "int8_full"]
ALL_FORMATS = f"(default: all, {', '.join(typing.get_args(FormatName))})"


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """What is normal, and where the images come from."""

    dataset: Annotated[str, tyro.conf.arg(metavar="NAME")] = "digits"
    """digits: scikit-learn's handwritten digits, embedded. folder: your own images. mvtec, btad: with --category.
    mnist, fashion_mnist, cifar10, coil100, or tfds:NAME for any image set with labels of TensorFlow Datasets."""
    data_dir: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """The folder that holds the images, a TensorFlow Datasets folder, or one with the four IDX .gz files of
    (Fashion-)MNIST. Left out: TensorFlow Datasets downloads."""
    category: Annotated[str | None, tyro.conf.arg(metavar="NAME")] = None
    """Which product of mvtec (bottle) or btad (01). Left out: with every other data set."""
    normal_class: Annotated[str | None, tyro.conf.arg(metavar="CLASS")] = None
    """The class to train on, by number or name (3, Dress); every other class is an anomaly. Left out: the first
    class, or in a folder with train/good that."""
    label_key: Annotated[str, tyro.conf.arg(metavar="NAME")] = "label"
    """tfds:NAME only: which feature is the label."""
    image_size: Annotated[tuple[int, ...], tyro.conf.arg(metavar="N | H W")] = ()
    """Resize images to N x N, or to H x W, pixels: 28 to 1024, or to 512 for a network that is trained from scratch.
    Left out: 256 for files, 160 for small images of classes in colour (cifar10), else the data set's own size."""
    resize: ResizeName = "stretch"
    """stretch: to the size, whatever the aspect ratio. pad: keep it, black borders. crop: keep it, cut off what is
    over."""
    crop: Annotated[tuple[int, ...], tyro.conf.arg(metavar="N | H W")] = ()
    """Cut the middle N x N, or H x W, pixels out after resizing (the paper: --image-size 156 --crop 120). Left out:
    nothing is cut off."""
    channels: Literal["auto", "1", "3"] = "auto"
    """1: grey. 3: colour. auto: grey only where every normal training image is."""
    bits: int = 0
    """How many bits the values of 16-bit grey images use, 8 to 16: those are scaled to the 8 that the network takes.
    0: as many as the largest value in the set needs (a 12-bit camera: 12)."""
    augment: AugmentName = "none"
    """What may be done to a normal part without making it anomalous. texture: flips and quarter turns. aligned:
    small shifts and changes of brightness. Only training images are changed."""
    group_by: Annotated[str | None, tyro.conf.arg(metavar="folder|PATTERN")] = None
    """Images that belong together, such as the frames of a burst, are all learned or all held out. folder: those in
    one folder. A pattern, such as 'lot[0-9]+' or '(.*)_[0-9]+': those whose names have the same in its parentheses, or
    without any the same match. Left out: every image by itself."""
    cache: Literal["auto", "memory", "disk", "none"] = "auto"
    """Where decoded images are kept after the first epoch. auto: in memory if they take less than a quarter of what
    is free, else on disk if there is room, else nowhere."""

    @property
    def title(self) -> str:
        """The data set for people: with its category, or the name of the folder."""
        folder = self.data_dir.resolve().name if self.dataset == "folder" and self.data_dir else None
        return " ".join(part for part in (self.dataset, self.category, folder) if part)


@dataclasses.dataclass(frozen=True)
class NetworkConfig:
    """The shape of the network. Sizes that are not given follow from the image."""

    encoder: Annotated[EncoderName, tyro.conf.arg(prefix_name=False)] = "auto"
    """What turns the image into features. scratch: an S-E ResNet, trained with the rest. The others were trained on
    ImageNet and stay as they are; efficientnet_lite0 comes with the installation, the weights of the others are
    downloaded by Keras. auto: scratch for images below 64 pixels and with --preset paper, else efficientnet_lite0."""
    encoder_weights: Annotated[str, tyro.conf.arg(prefix_name=False, metavar="imagenet|random|FILE")] = "imagenet"
    """imagenet, or a file of weights for a machine without a network; random: none, for tests."""
    depth: Literal[18, 50] = 18
    """S-E ResNet-18 (two 3x3 convolutions a block) or -50 (bottlenecks). Only as many stages as there are
    --network.widths."""
    widths: tuple[int, ...] = ()
    """Channels of the encoder's stages; each stage after the first halves the map. Left out: scaled
    with the image."""
    stem_kernel: int = 0
    """Side of the first convolution's kernel. 0: twice the stem's stride."""
    stem_stride: int = 0
    """Stride of the first convolution. 0: 2, 4 or 8, scaled with the image."""
    squeeze_excitation: bool = True
    """Squeeze-and-Excitation in every residual block."""
    ratio: int = 16
    """Reduction ratio of the Squeeze-and-Excitation bottleneck."""
    magnifications: tuple[int, ...] = (1, 2, 4)
    """Grid sizes of the pyramidal pooling."""
    grid: bool = True
    """Pool magnification m to an m x m grid, as the paper's figure; off: to 1x1, as the authors' released code."""
    capsule_dim: int = 8
    """Dimension of the capsules that are routed."""
    num_vectors: int = 2
    """Number of instantiation vectors. The paper compares 1 and 2."""
    vector_dim: int = 64
    """Dimension of an instantiation vector."""
    routing: bool = True
    """Route the capsules to the instantiation vectors; off: a dense layer makes the vectors, of any length."""
    iterations: int = 3
    """Routing iterations."""
    upsampling: tuple[int, ...] = ()
    """Units of the linear upsampling, before the layer that makes the decoder's first map. Left out: 128 512, behind a
    pretrained encoder 64 96."""
    upsampling_norm: Literal["auto", "batch", "none"] = "auto"
    """Normalisation in the linear upsampling. batch: as the paper. none: behind a pretrained encoder the vectors of
    good parts hardly differ, and batch normalisation would blow their small differences up to noise. auto: none
    behind a pretrained encoder, else batch."""
    decoder_widths: tuple[int, ...] = ()
    """Channels of the decoder: its first map, then each step up. Left out: half of the encoder's, backwards."""
    skip: bool = False
    """Concatenate the encoder's features with the upsampled vector, as the paper's figure. The decoder then
    copies its input, anomalies included."""
    output_activation: Literal["sigmoid", "tanh"] = "sigmoid"
    """Last activation; images lie in [0, 1]."""

    def for_image(self, height: int, width: int) -> "NetworkConfig":
        """The same configuration with everything that scales with the image filled in.

        Args:
            height, width: size of the images in pixels: 28 to 512 from scratch, 64 to 1024 with a pretrained encoder.

        Raises:
            InputError: the size is out of range, or the widths are too many or of unequal number.
        """
        side = min(height, width)
        encoder = self.encoder
        if encoder == "auto":
            encoder = "scratch" if side < SMALLEST_PRETRAINED else "efficientnet_lite0"
        scratch = encoder == "scratch"
        least, most = (MIN_SIDE, LARGEST_FROM_SCRATCH) if scratch else (SMALLEST_PRETRAINED, MAX_SIDE)
        if not (least <= side and max(height, width) <= most):
            raise InputError(
                f"images of {height}x{width} do not fit the network: with --encoder {encoder} each side must be "
                f"{least} to {most} pixels. Choose another --image-size."
            )
        resolved = dataclasses.replace(self, encoder=encoder)
        return resolved._from_scratch(side) if scratch else resolved._pretrained()

    def check_for_image(self, height: int, width: int) -> None:
        """Checks what is given by hand, for images of that size; a run that was begun is taken as it is.

        Raises:
            InputError: as `for_image`, or an option that shapes an encoder from scratch is given for another.
        """
        encoder, as_left_out = self.for_image(height, width).encoder, NetworkConfig()
        given = [OF_SCRATCH[name] for name in OF_SCRATCH if getattr(self, name) != getattr(as_left_out, name)]
        if given and encoder != "scratch":
            raise InputError(
                f"{' and '.join(given)} can shape an encoder from scratch alone, and the encoder is {encoder}; "
                "add --encoder scratch, or leave out what shapes it"
            )

    @property
    def weights_of_encoder(self) -> str | None:
        """For `pretrained_encoder`."""
        return None if self.encoder_weights == "random" else self.encoder_weights

    def _from_scratch(self, side: int) -> "NetworkConfig":
        if len(self.widths) > MAX_STAGES or len(self.decoder_widths) not in (0, len(self.widths)):
            raise InputError(
                f"--network.widths takes at most {MAX_STAGES} stages and --network.decoder-widths as many, got "
                f"{len(self.widths)} and {len(self.decoder_widths)}"
            )
        stride = self.stem_stride or (2 if side < 64 else 4 if side < 192 else 8)
        widths = self.widths or ((24, 48, 96) if side // stride < 32 else (32, 48, 64, 96))
        return dataclasses.replace(
            self,
            stem_stride=stride,
            stem_kernel=self.stem_kernel or 2 * stride,
            widths=widths,
            upsampling=self.upsampling or (128, 512),
            upsampling_norm="batch" if self.upsampling_norm == "auto" else self.upsampling_norm,
            decoder_widths=self.decoder_widths or tuple(max(8, width // 2) for width in reversed(widths)),
        )

    def _pretrained(self) -> "NetworkConfig":
        if len(self.decoder_widths) not in (0, 4):
            raise InputError(
                "--network.decoder-widths takes 4 numbers behind a pretrained encoder, for strides of 32, 16, 8 and 4, "
                f"got {len(self.decoder_widths)}"
            )
        return dataclasses.replace(
            self,
            stem_stride=4,  # of the decoder's last step
            upsampling=self.upsampling or (64, 96),
            upsampling_norm="none" if self.upsampling_norm == "auto" else self.upsampling_norm,
            decoder_widths=self.decoder_widths or (24, 32, 24, 16),
        )


@dataclasses.dataclass(frozen=True)
class LossConfig:
    """What training minimises: a weighted sum, each term logged by its name."""

    mse: float = 1.0
    """Weight of the mean squared error."""
    ssim: float = 0.5
    """Weight of 1 - SSIM (structural similarity)."""
    ssim_window: int = 7
    """Side of the SSIM window in pixels; also used by the reconstruction score."""
    perceptual: float = 0.0
    """Weight of the squared difference of the features of a pretrained EfficientNet-Lite0; 0: off."""


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """How the network is trained."""

    epochs: int | None = None
    """Times that every training image is seen. Left out: as many as make about 750 steps, or behind a
    pretrained encoder show 2,400 images, but 150 at most; at least 10."""
    batch_size: int | None = None
    """Images a step, over all devices. Left out: 32, or 64 from 2,000 training images on; behind a
    pretrained encoder 4, or 16 from 1,000 on."""
    learning_rate: float | None = None
    """Adam's first learning rate; it falls to zero along a cosine. Left out: 5e-3 behind a pretrained encoder, else
    1e-3, or 2e-3 from 2,000 training images on."""
    weight_decay: float = 0.0
    """Decoupled weight decay."""
    noise: float | None = None
    """Standard deviation of the noise on the images that the network sees in training; it is to rebuild them
    without (images lie in [0, 1]). Left out: 0.1 from scratch; 0, off, behind a pretrained encoder, which looks at
    every image once, but at every noisy one anew."""
    rotation: float | None = None
    """Share of the images that the network sees rotated, by one to three quarter turns, in training; it has to rebuild
    them upright. Left out: 0.375 where a class of at least 2,000 training images is told from others; 0 for photographs
    of parts, many of which have no upright position, and behind a pretrained encoder, as for noise."""
    patience: int | None = None
    """Stop after that many epochs without a better validation loss; the best weights are kept.
    Left out: a fifth of the epochs, at least 5."""
    strategy: StrategyName = "auto"
    """tf.distribute strategy. multiworker: over the machines that TF_CONFIG names, the same command on each. mirrored:
    over all GPUs of this machine. auto: the first where TF_CONFIG names several, the second where there is more than
    one GPU. Batch size and learning rate stay what they are."""
    deterministic: bool = True
    """Compute in a fixed order, so that the same seed on the same machine gives the same weights. A GPU may be faster
    without."""
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    """What the layers compute in while they train; weights, sums and losses stay in float32, and so does the network
    that is kept. The other two are for GPUs, which have units of their own for them; float16 also scales the loss."""
    jit: Literal["auto", "on", "off"] = "auto"
    """Compile the training step with XLA. auto: off, as XLA was no clear gain where it was measured, on 2 CPU cores; on
    a GPU it has not been measured yet."""
    accumulate: int = 1
    """Batches whose gradients are averaged before a step, for batches that do not fit into memory at once. Batch
    normalisation still sees one batch at a time."""
    seed: int = 0
    """Seed of the weights, the order of the images and the split of the normal ones."""
    tensorboard: bool = True
    """Write TensorBoard logs into the run directory."""


@dataclasses.dataclass(frozen=True)
class Config:
    """Train PIADE on normal images, score the test set, and leave a run directory.

    piade train

    piade train --dataset fashion_mnist --normal-class Dress --data-dir DIR

    piade train --preset paper --help
    """

    data: Annotated[DataConfig, tyro.conf.OmitArgPrefixes] = DataConfig()
    training: Annotated[TrainingConfig, tyro.conf.OmitArgPrefixes] = TrainingConfig()
    preset: PresetName = "compact"
    """compact: for phones and CPUs, scaled with the image. paper: the network of the paper's figure at 120x120."""
    score: ScoreName = "combined"
    """Which score decides. reconstruction: MSE + 1 - SSIM. latent: how unusual the instantiation vectors are.
    embedding: the vectors and the encoder's features in four quadrants together. local: the encoder's features, place
    by place. bank, of parts behind a pretrained encoder: the nearest of stored normal patches. pooled, of classes
    behind it: its features, averaged. combined: embedding + half of local; local + half of bank; pooled. Each
    standardised."""
    fpr: float = 0.01
    """The share of normal images that may be taken for anomalous. The threshold follows from normal images that
    were held out or scored in folds, see --calibration, and the rate is promised as far as their number allows."""
    calibration: CalibrationName = "auto"
    """Which normal images the threshold is chosen from. split: those held out for nothing else. folds: all, each scored
    without itself; needs a pretrained encoder. auto: folds where that is possible and there are fewer than 1,000."""
    threshold: Annotated[str, tyro.conf.arg(metavar="fpr|sigma:K|max|value:X|f1")] = "fpr"
    """fpr: see --fpr. sigma:3: mean and three standard deviations of those images' scores. max: the largest of them.
    value:X: X itself, which promises nothing. f1: the largest F1 on the test images, which makes it optimistic."""
    export: Annotated[
        tuple[FormatName, ...],
        tyro.conf.arg(name="formats", aliases=("--export",), metavar="[FORMAT ...]", help_behavior_hint=ALL_FORMATS),
    ] = typing.get_args(FormatName)
    """What to export at the end, each file compared with the network before it ships; the option with nothing after
    it: nothing. See the help of the command export."""
    runs_dir: Annotated[Path, tyro.conf.arg(metavar="DIR")] = Path("runs")
    """Where run directories are made."""
    name: Annotated[str | None, tyro.conf.arg(metavar="NAME")] = None
    """Name of the run directory. Left out: data set, class and time; of your own photographs, the folder and time."""
    resume: Annotated[Path | None, tyro.conf.arg(metavar="RUN")] = None
    """Go on with a run whose training was cut off, with the options that it has; beside it only --data-dir, where the
    images are now, and --cache. Left out: a new run, or with the --name and options of one that was cut off, that."""
    loss: LossConfig = LossConfig()
    network: NetworkConfig = NetworkConfig()


def check_data(data: DataConfig) -> None:
    """Raises `InputError` for a size out of its range, or an option that the data set has not."""
    if data.category is not None and data.dataset not in ("mvtec", "btad"):
        raise InputError(f"--category belongs to --dataset mvtec and btad, but the data set is {data.dataset}")
    if data.dataset == "digits" and data.data_dir is not None:
        raise InputError(
            f"--data-dir {data.data_dir} has no meaning for the digits, which are embedded; for photographs of your "
            "own add --dataset folder"
        )
    if data.bits and not 8 <= data.bits <= DEEPEST:
        raise InputError(f"--bits must be 8 to {DEEPEST}, or 0 for as many as are in use, got {data.bits}")
    for name, sides in (("--image-size", data.image_size), ("--crop", data.crop)):
        if len(sides) > 2:
            raise InputError(f"{name} takes one number or two (height and width), got {len(sides)}")
    if data.image_size and not all(MIN_SIDE <= side <= MAX_SIDE for side in data.image_size):
        raise InputError(f"--image-size must be {MIN_SIDE} to {MAX_SIDE}, got {_plain(data.image_size)}")
    if data.crop and not all(MIN_SIDE <= side <= MAX_SIDE for side in data.crop):
        raise InputError(f"--crop must be {MIN_SIDE} to {MAX_SIDE}, got {_plain(data.crop)}")


def check_seed(seed: int) -> None:
    """Raises `InputError` for a seed that NumPy does not take."""
    if not 0 <= seed <= LARGEST_SEED:
        raise InputError(f"--seed must be 0 to {LARGEST_SEED}, got {seed}")


def check(config: Config) -> None:
    """Raises `InputError` for a number out of its range."""
    if config.resume is not None:
        beside = dataclasses.replace(config.data, data_dir=None, cache="auto")
        if dataclasses.replace(config, data=beside, resume=None) != Config():
            raise InputError("--resume takes the options from the run; leave out all others but --data-dir and --cache")
        return
    check_data(config.data)
    options = config.training
    check_seed(options.seed)
    if not 0 < config.fpr < 1:
        raise InputError(f"--fpr must lie between 0 and 1, got {config.fpr}; 0.01 is one percent")
    for name, value, least in (
        ("--epochs", options.epochs, 1),
        ("--batch-size", options.batch_size, 1),
        ("--patience", options.patience, 0),
        ("--accumulate", options.accumulate, 1),
        ("--loss.ssim-window", config.loss.ssim_window, 1),
    ):
        if value is not None and value < least:
            raise InputError(f"{name} must be at least {least}, got {value}")
    not_negative = {
        "--weight-decay": options.weight_decay,
        "--noise": options.noise or 0.0,
        "--loss.mse": config.loss.mse,
        "--loss.ssim": config.loss.ssim,
        "--loss.perceptual": config.loss.perceptual,
    }
    for name, number in not_negative.items():
        if not (math.isfinite(number) and number >= 0):
            raise InputError(f"{name} must be a number of at least 0, got {number}")
    if options.rotation is not None and not 0 <= options.rotation <= 1:
        raise InputError(f"--rotation must lie between 0 and 1, got {options.rotation}; it is a share of the images")
    if options.learning_rate is not None and not (math.isfinite(options.learning_rate) and options.learning_rate > 0):
        raise InputError(f"--learning-rate must be a positive number, got {options.learning_rate}")


def _plain(numbers: tuple[int, ...]) -> str:
    return " ".join(map(str, numbers))
