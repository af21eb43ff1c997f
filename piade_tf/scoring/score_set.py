"""The scores of one network: fitted to normal images, saved, loaded, and put behind the network as one model."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from piade_tf.config import ScoreName
from piade_tf.errors import InputError
from piade_tf.files import replacing
from piade_tf.scoring.inference import outputs_of
from piade_tf.scoring.normal_statistics import NormalStatistics
from piade_tf.scoring.score_functions import (
    CombinedScore,
    EmbeddingScore,
    GaussianScore,
    LatentScore,
    LocalScore,
    Outputs,
    ReconstructionScore,
    Score,
    ScoreFunction,
)


class ScoreSet:
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
        features_model = keras.Model(network.input, self.features(network.output))
        self.fit_gaussians(lambda: outputs_of(features_model, train))
        parts = {part.name: part(network.input, network.output).pred_score for part in self.combined.parts}
        self.fit_standards(outputs_of(keras.Model(network.input, parts), validation))

    def features(self, outputs: Outputs) -> dict[str, Any]:
        """What the Gaussians are fitted to: by `SCORE/FEATURE`, `(batch, places, dim)`."""
        return {
            f"{score.name}/{name}": values
            for score in self.gaussian_scores
            for name, values in score.features(outputs).items()
        }

    def sources(self, outputs: Outputs) -> dict[str, list[str]]:
        """By `SCORE/FEATURE`, the names of the outputs that the feature is made of."""
        return {
            f"{score.name}/{name}": found
            for score in self.gaussian_scores
            for name, found in score.sources(outputs).items()
        }

    def fit_gaussians(self, features: Callable[[], Iterable[dict[str, np.ndarray]]]) -> None:
        """Fits the Gaussians to features of normal training images.

        Args:
            features: gives batches of what `features` returns; called twice, for the same images.
        """
        statistics: dict[str, NormalStatistics] = {}
        for batch in features():
            for name, values in batch.items():
                statistics.setdefault(name, NormalStatistics(*values.shape[1:])).add_to_mean(values)
        for batch in features():
            for name, values in batch.items():
                statistics[name].add_to_covariance(values)
        for score in self.gaussian_scores:
            score.gaussians = {
                name.split("/")[1]: fitted.mean_and_whitening()
                for name, fitted in statistics.items()
                if name.startswith(f"{score.name}/")
            }

    def fit_standards(self, scores: Iterable[dict[str, np.ndarray]]) -> None:
        """Fits the standardisation of the combined score to `pred_score` of its parts, by name, on normal images."""
        batches = list(scores)
        for part in self.combined.parts:
            values = np.concatenate([batch[part.name] for batch in batches])
            self.combined.standards[part.name] = (float(values.mean()), float(max(values.std(), 1e-12)))

    def decide(self, images, outputs: Outputs, chosen: ScoreName) -> Score:
        """The score of that name; its map is that of the reconstruction where it has none of its own."""
        decisive = self.scores[chosen](images, outputs)
        if decisive.anomaly_map is not None:
            return decisive
        return Score(decisive.pred_score, self.scores["reconstruction"](images, outputs).anomaly_map)

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
        decisive = self.decide(images, outputs, chosen)
        return keras.Model(
            images,
            {
                "pred_score": decisive.pred_score,
                "anomaly_map": decisive.anomaly_map,
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
    def load(cls, path: Path, ssim_window: int) -> "ScoreSet":
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
