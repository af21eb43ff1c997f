"""The test files that take longest, in the order in which they are begun: short ones even out the end."""

LONGEST = (
    "test_in_chromium.py",  # makes the run on digits that many files wait for; the next does not
    "test_distribution.py",
    "test_run.py",
    "test_workers.py",
    "test_workers_train.py",
    "test_rethreshold.py",
    "test_precision.py",
    "test_adapt.py",
    "test_resumption.py",
    "test_folds.py",
    "test_other_encoders.py",
    "test_cluster_examples.py",
    "test_resume.py",
    "test_train.py",
    "test_detector.py",
    "test_packaging.py",
    "test_python_page.py",
    "test_trainer.py",
    "test_every_layer.py",
    "test_tensorboard_summary.py",
)
