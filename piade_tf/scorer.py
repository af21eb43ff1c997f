"""The scores of one network: fitted to normal images, saved, loaded, and put behind the network as one model."""

from collections.abc import Iterable
from pathlib import Path

import keras
import numpy as np

from piade_tf.config import ScoreName
from piade_tf.errors import InputError
from piade_tf.files import replacing
from piade_tf.inference import outputs_of
from piade_tf.normal_statistics import NormalStatistics
from piade_tf.scoring import (
    CombinedScore,
    EmbeddingScore,
    GaussianScore,
    LatentScore,
    LocalScore,
    ReconstructionScore,
    ScoreFunction,
)


class Scorer:
    """All scores by name.

    Args:
        ssim_window: side of the SSIM window of the reconstruction score.
    """

    def __init__(self, ssim_window: int):
        latent, embedding, local = LatentScore(), EmbeddingScore(), LocalScore()
        self.gaussian_scores: list[GaussianScore] = [latent, embedding, local]
        # Parts and weights were compared on training images: benchmarks/choose_score.py.
        self.combined = CombinedScore([embedding, local], {"embedding": 1.0, "local": 0.5})
        self.scores: dict[str, ScoreFunction] = {
            score.name: score for score in (self.combined, ReconstructionScore(ssim_window), latent, embedding, local)
        }

    def fit(self, network: keras.Model, train: Iterable, validation: Iterable) -> None:
        """Fits the Gaussians to training images and the standardisation to validation images.

        Args:
            network: the trained network.
            train, validation: normal images in batches, `(batch, height, width, channels)` in [0, 1].
                `train` is gone through twice, in the same order.
        """
        features = {
            f"{score.name}/{name}": tensor
            for score in self.gaussian_scores
            for name, tensor in score.features(network.output).items()
        }
        features_model = keras.Model(network.input, features)
        statistics = {name: NormalStatistics(*tensor.shape[1:]) for name, tensor in features.items()}
        for outputs in outputs_of(features_model, train):
            for name, values in outputs.items():
                statistics[name].add_to_mean(values)
        for outputs in outputs_of(features_model, train):
            for name, values in outputs.items():
                statistics[name].add_to_covariance(values)
        for score in self.gaussian_scores:
            score.gaussians = {
                name: statistics[f"{score.name}/{name}"].mean_and_whitening() for name in score.features(network.output)
            }

        parts = {part.name: part(network.input, network.output).pred_score for part in self.combined.parts}
        scores = list(outputs_of(keras.Model(network.input, parts), validation))
        for name in parts:
            values = np.concatenate([batch[name] for batch in scores])
            self.combined.standards[name] = (float(values.mean()), float(max(values.std(), 1e-12)))

    def inspection_model(self, network: keras.Model, chosen: ScoreName) -> keras.Model:
        """The network with its scores behind it.

        Args:
            network: the network that the scores were fitted to.
            chosen: the score that decides.

        Returns:
            A model from images in [0, 1] to a dict of `pred_score` `(batch,)`, `anomaly_map`
            `(batch, height, width)` (of the reconstruction where the chosen score has none),
            `reconstruction`, `latent`, `instantiation_vectors` and `score_NAME` `(batch,)` for each score.
        """
        images, outputs = network.input, network.output
        results = {name: score(images, outputs) for name, score in self.scores.items()}
        decisive = results[chosen]
        with_map = results["reconstruction"] if decisive.anomaly_map is None else decisive
        return keras.Model(
            images,
            {
                "pred_score": decisive.pred_score,
                "anomaly_map": with_map.anomaly_map,
                "reconstruction": outputs["reconstruction"],
                "latent": outputs["latent"],
                "instantiation_vectors": outputs["instantiation_vectors"],
                **{f"score_{name}": result.pred_score for name, result in results.items()},
            },
            name="inspection",
        )

    def save(self, path: Path) -> None:
        """Writes the fitted statistics as `.npz`: `SCORE/FEATURE/mean`, `SCORE/FEATURE/whitening`, `combined/SCORE`."""
        arrays: dict[str, np.ndarray] = {}
        for score in self.gaussian_scores:
            for feature, (mean, whitening) in score.gaussians.items():
                arrays[f"{score.name}/{feature}/mean"] = mean
                arrays[f"{score.name}/{feature}/whitening"] = whitening
        for name, standard in self.combined.standards.items():
            arrays[f"combined/{name}"] = np.array(standard)
        with replacing(path) as temporary, open(temporary, "wb") as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)

    @classmethod
    def load(cls, path: Path, ssim_window: int) -> "Scorer":
        """Reads what `save` wrote; nothing is unpickled.

        Raises:
            InputError: the file is missing, cut short or something else.
        """
        scorer = cls(ssim_window)
        try:
            with np.load(path, allow_pickle=False) as arrays:
                for score in scorer.gaussian_scores:
                    features = {key.split("/")[1] for key in arrays if key.startswith(f"{score.name}/")}
                    if not features:
                        raise KeyError(f"{score.name} is missing")
                    score.gaussians = {
                        feature: (
                            arrays[f"{score.name}/{feature}/mean"],
                            arrays[f"{score.name}/{feature}/whitening"],
                        )
                        for feature in sorted(features)
                    }
                for part in scorer.combined.parts:
                    mean, deviation = arrays[f"combined/{part.name}"]
                    scorer.combined.standards[part.name] = (float(mean), float(deviation))
        except Exception as error:
            raise InputError(f"{path} is no scorer written by train.py ({error}); train again") from error
        return scorer
