"""Which epochs of a training the page shows."""

from collections.abc import Mapping, Sequence

import numpy as np


def notable_epochs(history: Mapping[str, Sequence[float]]) -> dict[str, int]:
    """The places of the first, the best and the last epoch by their names; the best has the least `val_loss`."""
    last = max(map(len, history.values()), default=1) - 1
    val_loss = np.asarray(history.get("val_loss", []), dtype=float)
    places = {"epoch 1": 0}
    if np.isfinite(val_loss).any():
        best = int(np.nanargmin(val_loss))
        places[f"epoch {best + 1} (best)"] = best
    return places | ({f"epoch {last + 1} (last)": last} if last else {})
