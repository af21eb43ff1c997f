"""Fits a detector of another library, scores images, and tells how long one takes: see benchmarks/beside_anomalib.py.

    PYTHON benchmarks/anomalib_worker.py METHOD WEIGHTS IMAGES.npz RESULT.npz

PYTHON has benchmarks/requirements-anomalib.txt. METHOD is `anomalib_patchcore`, `anomalib_padim` or
`anomavision_padim`. All have the same EfficientNet-Lite0, of timm, with the WEIGHTS of PIADE-TF's. IMAGES has `train`
and `test`, `(n, height, width, 3)`, uint8. RESULT gets `pred_score` and `anomaly_map` of the test images. Then a line
of JSON is printed; after that, for each line on standard input, the milliseconds of processor time of one image on one
thread.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import timm
import torch

ENCODER = "tf_efficientnet_lite0"
STAGES = ("blocks.2", "blocks.4", "blocks.6")  # strides 8, 16 and 32
BATCH, CALLS, WARM_UP = 8, 10, 3
FEATURES = 100  # of PaDiM: what anomalib draws of a ResNet-18
CORESET = 0.01


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("method", choices=METHODS)
    parser.add_argument("weights", type=Path)
    parser.add_argument("images", type=Path)
    parser.add_argument("result", type=Path)
    args = parser.parse_args()
    torch.manual_seed(0)
    torch.set_grad_enabled(False)
    images = np.load(args.images)
    train = list(torch.split(as_encoder_takes(images["train"]), BATCH))
    model = METHODS[args.method](torch.load(args.weights, map_location="cpu", weights_only=True))
    wall, cpu = time.monotonic(), time.process_time()
    model.fit(train)
    times = {"fit_seconds": time.monotonic() - wall, "fit_cpu_seconds": time.process_time() - cpu}
    with tempfile.NamedTemporaryFile() as file:
        torch.save(model.module.state_dict(), file.name)
        size = Path(file.name).stat().st_size
    test = as_encoder_takes(images["test"])
    found = [model.predict(batch) for batch in torch.split(test, BATCH)]
    scores, maps = (torch.cat([part.float().flatten(0, -3) if i else part.flatten() for part in parts]).numpy()
                    for i, parts in enumerate(zip(*found, strict=True)))  # fmt: skip
    np.savez(args.result, pred_score=scores, anomaly_map=maps)
    print(json.dumps({**times, "bytes": size}), flush=True)
    torch.set_num_threads(1)
    for _ in sys.stdin:
        print(milliseconds(model, test[:1]), flush=True)


def as_encoder_takes(images: np.ndarray) -> torch.Tensor:
    """`(n, 3, height, width)`, float32, as PIADE-TF's encoder scales them."""
    return (torch.from_numpy(images).permute(0, 3, 1, 2).float() - 127) / 128


def milliseconds(model, image: torch.Tensor) -> float:
    """The median of some calls, processor time."""
    taken = []
    for number in range(WARM_UP + CALLS):
        start = time.process_time()
        model.predict(image)
        if number >= WARM_UP:
            taken.append(1000 * (time.process_time() - start))
    return float(np.median(taken))


def give_weights(module: torch.nn.Module, weights: dict[str, torch.Tensor]) -> None:
    """Sets those of a timm encoder, whole or cut off, from a file that has the same ones in the same order."""
    own = module.state_dict()
    given = dict(zip(own, weights.values(), strict=False))
    assert len(given) == len(own)
    for name, values in own.items():
        assert values.shape == given[name].shape, name
    module.load_state_dict(given)


class AnomalibPatchcore:
    """PatchCore with a coreset of 1 % of the patches of strides 8 and 16."""

    def __init__(self, weights):
        from anomalib.models.image.patchcore.torch_model import PatchcoreModel

        self.module = PatchcoreModel(layers=STAGES[:2], backbone=ENCODER, pre_trained=False)
        give_weights(self.module.feature_extractor.feature_extractor, weights)

    def fit(self, batches):
        self.module.train()
        self.module.feature_extractor.eval()
        for batch in batches:
            self.module(batch)
        self.module.subsample_embedding(CORESET)
        self.module.eval()

    def predict(self, batch):
        found = self.module(batch)
        return found.pred_score, found.anomaly_map


class AnomalibPadim:
    """PaDiM with 100 channels drawn from those of strides 8, 16 and 32."""

    def __init__(self, weights):
        from anomalib.models.image.padim.torch_model import PadimModel

        self.module = PadimModel(ENCODER, list(STAGES), pre_trained=False, n_features=FEATURES)
        give_weights(self.module.feature_extractor.feature_extractor, weights)

    def fit(self, batches):
        self.module.train()
        self.module.feature_extractor.eval()
        for batch in batches:
            self.module(batch)
        self.module.fit()
        self.module.eval()

    def predict(self, batch):
        found = self.module(batch)
        return found.pred_score, found.anomaly_map


class AnomavisionPadim:
    """AnomaVision's PaDiM as it is, with 50 channels drawn from strides 4 and 8. Its ResNet-18 is replaced."""

    def __init__(self, weights):
        from collections import OrderedDict

        from anomavision.algorithm.common import feature_extraction
        from anomavision.algorithm.padim import padim

        channels = OrderedDict([(0, [24]), (1, [40]), (2, [112]), (3, [320])])
        feature_extraction.BACKBONES["resnet18"] = (lambda weights, progress: LikeResNet(given), None)
        padim.BACKBONE_FEATURE_SIZES["resnet18"] = channels
        given = weights
        self.module = padim.Padim("resnet18")

    def fit(self, batches):
        self.module.fit(batches)

    def predict(self, batch):
        return self.module.predict(batch)


class LikeResNet(torch.nn.Module):
    """EfficientNet-Lite0 with the names of a ResNet's stages, of strides 4, 8, 16 and 32."""

    def __init__(self, weights):
        super().__init__()
        whole = timm.create_model(ENCODER)
        give_weights(whole, weights)
        self.conv1, self.bn1 = whole.conv_stem, whole.bn1
        self.relu = self.maxpool = torch.nn.Identity()  # bn1 has the activation
        self.layer1, self.layer2, self.layer3, self.layer4 = (
            torch.nn.Sequential(*whole.blocks[first:last]) for first, last in ((0, 2), (2, 3), (3, 5), (5, 7))
        )


METHODS = {
    "anomalib_patchcore": AnomalibPatchcore,
    "anomalib_padim": AnomalibPadim,
    "anomavision_padim": AnomavisionPadim,
}

if __name__ == "__main__":
    main()
