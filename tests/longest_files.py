"""The test files that take longest, in the order in which they are begun: short ones then even out the end."""

LONGEST = (
    "test_in_chromium.py",  # makes the run that other files need; the next does not wait for it
    "test_resumption.py",
    "test_run.py",
    "test_distribution.py",
    "test_workers_train.py",
    "test_precision.py",
    "test_workers.py",
    "test_detector.py",
    "test_cluster_examples.py",
    "test_train.py",
    "test_resume.py",
    "test_rethreshold.py",
    "test_trainer.py",
    "test_grid.py",
    "test_torch_weights.py",
    "test_packaging.py",
)
