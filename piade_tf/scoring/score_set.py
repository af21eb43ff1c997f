"""All scores of one network: fitted to normal images, saved, loaded, and put behind the network as one model."""

import contextlib
import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeGuard

import keras
import numpy as np

from piade_tf.config import ScoreName
from piade_tf.model.inference import outputs_of
from piade_tf.scoring.bank_score import MOST_PATCHES, BankScore
from piade_tf.scoring.combined_score import CombinedScore
from piade_tf.scoring.coreset import ProjectedPatches
from piade_tf.scoring.gaussian_score import EmbeddingScore, GaussianScore, LatentScore, PooledScore
from piade_tf.scoring.kept_outputs import kept_on_disk
from piade_tf.scoring.local_score import LocalScore, finest_maps
from piade_tf.scoring.normal_statistics import NormalStatistics
from piade_tf.scoring.parameters import UNUSUAL, BankParameters, ScoreParameters
from piade_tf.scoring.patch_reservoir import PatchReservoir
from piade_tf.scoring.reconstruction_score import ReconstructionScore
from piade_tf.scoring.score import Outputs, Score, ScoreFunction
from piade_tf.workers import ALONE, Workers, in_order_of

LEAST = 1e-2  # scale of distances and deviation of scores, both near 1 if images vary: equal ones divide by no zero
BATCH = 32  # kept outputs that are worked on together
ROW = "row"  # of an image among all
PATCHES = "bank/patches"  # a feature besides those of Gaussians


class ScoreSet:
    """All scores by name.

    Args:
        parameters: what they need besides statistics.
    """

    def __init__(self, parameters: ScoreParameters):
        self.parameters = parameters
        self.local = LocalScore(parameters.local)
        self.bank = BankScore(parameters.bank) if parameters.bank else None
        self.gaussian_scores: list[GaussianScore] = [LatentScore(), EmbeddingScore(), self.local]
        if parameters.pooled:
            self.gaussian_scores.append(PooledScore())
        single: list[ScoreFunction] = [ReconstructionScore(parameters.ssim_window), *self.gaussian_scores]
        if self.bank:
            single.append(self.bank)
        by_name = {score.name: score for score in single}
        weights = dict(parameters.combined)
        self.combined = CombinedScore([by_name[name] for name in weights], weights, parameters.combined_map)
        self.scores: dict[str, ScoreFunction] = {"combined": self.combined, **by_name}

    def fit(
        self,
        network: keras.Model,
        train: Iterable,
        validation: Iterable,
        workers: Workers = ALONE,
        rows: np.ndarray | None = None,
    ) -> None:
        """Fits statistics to training images and standards to validation images, each gone through once.

        Args:
            network: the trained network.
            train, validation: normal images in batches, `(batch, height, width, channels)` in [0, 1]; this worker's.
            workers: that have the others.
            rows: of this worker's training images among those of all; None: it has all.
        """
        features = keras.Model(network.input, self.features(network.output))
        self.fit_statistics(outputs_of(features, train), network.output, None, workers, rows)
        parts = keras.Model(network.input, self.part_outputs(network.input, network.output))
        self.fit_standards(outputs_of(parts, validation), workers)

    def fit_few(
        self,
        network: keras.Model,
        looks: Sequence[Iterable],
        fold: np.ndarray,
        workers: Workers = ALONE,
        rows: np.ndarray | None = None,
    ) -> dict[str, np.ndarray]:
        """As `fit_in_folds`, to images.

        What the network makes of the images is kept in a temporary file, so that it runs once and not for each fold: 5
        MB for each look at an image of 1024x1024.

        Args:
            network: the trained network.
            looks: batches of the images as they are, and of the same images in the same order as they may also look;
                this worker's.
            fold: `(images,)`, the fold of each image of all workers, from 0.
            workers: that have the other images.
            rows: of this worker's images among those of all; None: it has all.
        """
        sources = {name for names in self.sources(network.output).values() for name in names}
        wanted = keras.Model(network.input, {name: network.output[name] for name in sorted(sources)})
        with contextlib.ExitStack() as files:
            seen = [kept_on_disk(outputs_of(wanted, look), files) for look in looks]
            return self.fit_in_folds(seen, fold, network.output, workers, rows)

    def fit_in_folds(
        self,
        seen: Sequence[dict[str, np.ndarray]],
        fold: np.ndarray,
        outputs: Outputs,
        workers: Workers = ALONE,
        rows: np.ndarray | None = None,
    ) -> dict[str, np.ndarray]:
        """Fits statistics and standards to few images: each image is standardised by statistics of others.

        Args:
            seen: of each look, what the network made of this worker's images, by name.
            fold: `(images,)`, the fold of each image of all workers, from 0.
            outputs: of the network, see `fit_statistics`.
            workers, rows: see `fit_few`.

        Returns:
            For each image of all workers what `part_outputs` is by statistics of the other folds, see `out_of_fold`.
        """
        rows = np.arange(len(fold)) if rows is None else rows
        own_fold, folds = fold[rows], int(fold.max()) + 1

        def features_of(chosen: np.ndarray) -> Iterator[dict[str, np.ndarray]]:
            for look in seen:
                for places in _in_batches(np.flatnonzero(chosen)):
                    yield _in_numpy(self.features({name: values[places] for name, values in look.items()}))

        self._settle_maps(outputs)
        of_looks = np.concatenate([look * len(fold) + rows for look in range(len(seen))])
        fitted, reservoir = self._counted(features_of(own_fold >= 0), workers, of_looks)
        if self.bank:
            patches = reservoir.content()
            fold_of_look = np.tile(fold, len(seen))

            def to_choose_from(bank: int) -> np.ndarray | None:
                return None if bank == folds else reservoir.rows(fold_of_look != bank)

            banks = _coresets(patches, self.bank.parameters, folds + 1, to_choose_from, workers)
        parts = {part.name for part in self.combined.parts}  # standards are of these alone
        wanted = {name: all_images for name, all_images in fitted.items() if name.partition("/")[0] in parts}
        found: dict[str, np.ndarray] = {}
        for i in range(folds):
            of_fold = {name: all_images.empty() for name, all_images in wanted.items()}
            for batch in features_of(own_fold == i):
                for name, statistics in of_fold.items():
                    statistics.add(batch[name])
            self._fit_gaussians({name: wanted[name].without(of_fold[name].of_all(workers)) for name in wanted})
            if self.bank:
                self.bank.fit(patches, banks[i])
            for places in _in_batches(np.flatnonzero(own_fold == i)):
                others = {name: values[places] for name, values in seen[0].items()}
                for name, values in _in_numpy(self.part_outputs(None, others)).items():
                    column = found.setdefault(name, np.zeros((len(rows), *values.shape[1:]), values.dtype))
                    column[places] = values
        if workers is not ALONE:
            whole = workers.joined({**found, ROW: rows} if found else {})
            places = whole.pop(ROW)
            found = {name: in_order_of(places, values) for name, values in whole.items()}
        self.fit_standards([found])
        self._fit_gaussians(fitted)
        if self.bank:
            self.bank.fit(patches, banks[folds])
        return found

    def out_of_fold(
        self, parts: dict[str, np.ndarray], chosen: ScoreName, size: tuple[int, int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """The scores that images have by statistics of other images; the standards are those of all.

        Args:
            parts: as `fit_in_folds` gives it.
            chosen: `combined` or one of its parts, with maps of its own.
            size: of an image, height and width in pixels.

        Returns:
            `pred_score` and the largest value of each anomaly map, `(images,)`.
        """
        wanted = self.combined.parts if chosen == "combined" else [self.scores[chosen]]
        pred_score, map_max = [], []
        for places in _in_batches(np.arange(len(next(iter(parts.values()))))):
            scores = {}
            for part in wanted:
                if not self._is_scaled(part):
                    scores[part.name] = Score(parts[part.name][places])
                    continue
                prefix = f"{part.name}/"
                maps = {name.removeprefix(prefix): parts[name][places] for name in parts if name.startswith(prefix)}
                scores[part.name] = part.of_distances(maps, size)
            score = self.combined.of_parts(scores) if chosen == "combined" else scores[chosen]
            pred_score.append(keras.ops.convert_to_numpy(score.pred_score))
            map_max.append(keras.ops.convert_to_numpy(keras.ops.max(score.anomaly_map, axis=(1, 2))))
        return np.concatenate(pred_score), np.concatenate(map_max)

    def features(self, outputs: Outputs) -> dict[str, Any]:
        """What is fitted to: by `SCORE/FEATURE`, `(batch, places, dim)`; of the bank `(batch, height, width, dim)`."""
        found = {
            f"{score.name}/{name}": values
            for score in self.gaussian_scores
            for name, values in score.features(outputs).items()
        }
        return found | ({PATCHES: self.bank.patches(outputs)} if self.bank else {})

    def sources(self, outputs: Outputs) -> dict[str, list[str]]:
        """By `SCORE/FEATURE`, the names of the outputs that the feature is made of."""
        found = {
            f"{score.name}/{name}": sources
            for score in self.gaussian_scores
            for name, sources in score.sources(outputs).items()
        }
        return found | ({PATCHES: list(self.bank.parameters.maps)} if self.bank else {})

    def fit_statistics(
        self,
        batches: Iterable[dict[str, np.ndarray]],
        outputs: Outputs,
        chosen: np.ndarray | None = None,
        workers: Workers = ALONE,
        rows: np.ndarray | None = None,
    ) -> None:
        """Fits Gaussians and bank to features of normal training images.

        Memory: `places * dim**2` float64 for each feature, and the patches in half precision, at most a million.

        Args:
            batches: of what `features` returns.
            outputs: of the network; their shapes decide which maps are compared where the parameters leave that open.
            chosen: patches of the bank, of those that the batches hold; None: they are chosen here.
            workers, rows: see `fit`.
        """
        self._settle_maps(outputs)
        statistics, patches = self._counted(batches, workers, rows)
        self._fit_gaussians(statistics)
        if self.bank:
            self.bank.fit(patches.content(), chosen)

    def _settle_maps(self, outputs: Outputs) -> None:
        if not self.parameters.local.maps:
            local = dataclasses.replace(self.parameters.local, maps=finest_maps(outputs))
            self.parameters = dataclasses.replace(self.parameters, local=local)
            self.local.parameters = local

    def _counted(
        self, batches: Iterable[dict[str, np.ndarray]], workers: Workers = ALONE, rows: np.ndarray | None = None
    ) -> tuple[dict[str, NormalStatistics], PatchReservoir]:
        """Statistics of each feature but the patches, by name, and the patches; of the images of all workers."""
        batches = iter(batches)
        first = next(batches, {})
        means = {name: values.mean(axis=0, dtype="float64") for name, values in first.items() if name != PATCHES}
        statistics = {name: NormalStatistics.around(mean) for name, mean in workers.of_chief(means).items()}
        patches, seen = PatchReservoir(MOST_PATCHES), 0
        for batch in itertools.chain([first] if first else [], batches):
            numbers = np.arange(seen, seen + len(next(iter(batch.values()))))
            for name, values in batch.items():
                if name == PATCHES:
                    patches.add(values, numbers if rows is None else rows[numbers])
                else:
                    statistics[name].add(values)
            seen += len(numbers)
        return {name: own.of_all(workers) for name, own in statistics.items()}, patches.of_all(workers)

    def _fit_gaussians(self, statistics: dict[str, NormalStatistics]) -> None:
        for score in self.gaussian_scores:
            score.gaussians = {}
            for name, fitted in statistics.items():
                owner, _, feature = name.partition("/")
                if owner == score.name:
                    components = self.local.components_of(feature) if score is self.local else None
                    score.gaussians[feature] = fitted.gaussians(score.floor, components)

    def part_outputs(self, images, outputs: Outputs) -> dict[str, Any]:
        """What standards are fitted to: of each part of the combined score its maps, or its `pred_score`."""
        found: dict[str, Any] = {}
        for part in self.combined.parts:
            if self._is_scaled(part):
                found |= {f"{part.name}/{name}": values for name, values in part.distance_maps(outputs).items()}
            else:
                found[part.name] = part(images, outputs).pred_score
        return found

    def fit_standards(self, batches: Iterable[dict[str, np.ndarray]], workers: Workers = ALONE) -> None:
        """Fits what brings maps to one scale, and the standardisation and the maps' weights of the combined score.

        A map counts by how near to its limit a typical good place lies, the median of its distances over what
        `UNUSUAL` of them exceed. Where good places differ much, as with Gaussians at the places of a part that lies
        anywhere, the few that lie far out would otherwise be what the map shows.

        Args:
            batches: of what `part_outputs` returns, for normal images that statistics were not fitted to; this
                worker's.
            workers: that have the others.
        """
        columns = workers.joined(_joined(batches))
        for part in self.combined.parts:
            if self._is_scaled(part):
                prefix, least = f"{part.name}/", LEAST * (self.bank.size if part is self.bank else 1)
                maps = {
                    name.removeprefix(prefix): values for name, values in columns.items() if name.startswith(prefix)
                }
                part.scales = {
                    name: float(max(np.quantile(values, 1 - UNUSUAL), least)) for name, values in maps.items()
                }
                typical = [np.median(maps[name]) / part.scales[name] for name in part.shown or maps]
                self.combined.map_weights[part.name] = float(max(np.mean(typical), LEAST))
                columns[part.name] = keras.ops.convert_to_numpy(part.score_of(maps))
            values = columns[part.name]
            self.combined.standards[part.name] = (float(values.mean()), float(max(values.std(), LEAST)))

    def _is_scaled(self, part: ScoreFunction) -> TypeGuard[LocalScore | BankScore]:
        return part is self.bank or (part is self.local and self.parameters.local.scaled)

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

        Raises:
            InputError: there is no such score.
        """
        self.parameters.check_score(chosen)
        images, outputs = network.input, network.output
        results = {name: score(images, outputs) for name, score in self.scores.items() if score is not self.combined}
        results = {"combined": self.combined.of_parts(results), **results}
        decisive = results[chosen]
        anomaly_map = decisive.anomaly_map
        return keras.Model(
            images,
            {
                "pred_score": decisive.pred_score,
                "anomaly_map": results["reconstruction"].anomaly_map if anomaly_map is None else anomaly_map,
                "reconstruction": outputs["reconstruction"],
                "latent": outputs["latent"],
                "instantiation_vectors": outputs["instantiation_vectors"],
                **{f"score_{name}": result.pred_score for name, result in results.items()},
            },
            name="inspection",
        )


def _coresets(
    patches: np.ndarray,
    parameters: BankParameters,
    count: int,
    to_choose_from: Callable[[int], np.ndarray | None],
    workers: Workers,
) -> list[np.ndarray]:
    """The patches of each bank, by what rows it may be chosen from, None: all; the workers choose in turns."""
    projected = ProjectedPatches(patches, parameters.seed)
    own = range(workers.index, count, workers.count)
    told = workers.all_told({str(i): projected.coreset(parameters.patches, to_choose_from(i)) for i in own})
    found = {name: chosen for one in told for name, chosen in one.items()}
    return [found[str(i)] for i in range(count)]


def _joined(batches: Iterable[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    listed = list(batches)
    return {name: np.concatenate([batch[name] for batch in listed]) for name in (listed[0] if listed else ())}


def _in_batches(places: np.ndarray) -> list[np.ndarray]:
    return np.array_split(places, -(-len(places) // BATCH)) if len(places) else []


def _in_numpy(tensors: dict[str, Any]) -> dict[str, np.ndarray]:
    return {name: keras.ops.convert_to_numpy(values) for name, values in tensors.items()}
