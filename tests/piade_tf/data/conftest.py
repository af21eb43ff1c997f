"""A folder in MVTec AD's layout."""

import pytest
from folders import mask, numbered, write


@pytest.fixture
def mvtec(tmp_path):
    """A category in MVTec's layout: 70 to train on; 4 good, 3 scratched and 2 dented to test on."""
    root = tmp_path / "data" / "screw"
    write(root, [*numbered("train/good", 70), *numbered("test/good", 4), *numbered("test/scratch", 3)])
    write(root, numbered("test/dent", 2, ".jpg"))
    for i in range(3):
        mask(root / f"ground_truth/scratch/{i:03d}_mask.png")
    for i in range(2):
        mask(root / f"ground_truth/dent/{i:03d}_mask.png")
    return root
