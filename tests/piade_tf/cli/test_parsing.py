"""The command line: every option, and one line for each mistake."""

import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tyro import _errors as tyro_errors

import piade_tf
from piade_tf.cli.exit_codes import errors_in_one_line
from piade_tf.cli.inspect_data import InspectData, inspect_data
from piade_tf.cli.main import COMMANDS, main
from piade_tf.cli.option_help import described
from piade_tf.cli.parsing import _flags, parse, parse_config
from piade_tf.config import Config
from piade_tf.errors import InputError
from piade_tf.model.presets import PRESETS, preset_config

ROOT = Path(__file__).parents[3]
# What stands on the command line, and the value that the configuration then has.
OPTIONS = {
    "data.dataset": ("--dataset fashion_mnist", "fashion_mnist"),
    "data.normal_class": ("--normal-class Dress", "Dress"),
    "data.data_dir": ("--data-dir a/b", Path("a/b")),
    "data.image_size": ("--image-size 64 96", (64, 96)),
    "data.category": ("--category bottle", "bottle"),
    "data.label_key": ("--label-key object_id", "object_id"),
    "data.resize": ("--resize pad", "pad"),
    "data.bits": ("--bits 12", 12),
    "data.crop": ("--crop 60", (60,)),
    "data.channels": ("--channels 3", "3"),
    "data.augment": ("--augment texture", "texture"),
    "data.group_by": ("--group-by folder", "folder"),
    "data.cache": ("--cache disk", "disk"),
    "training.epochs": ("--epochs 7", 7),
    "training.batch_size": ("--batch-size 17", 17),
    "training.learning_rate": ("--learning-rate 3e-4", 3e-4),
    "training.weight_decay": ("--weight-decay 0.01", 0.01),
    "training.noise": ("--noise 0.05", 0.05),
    "training.rotation": ("--rotation 0.25", 0.25),
    "training.patience": ("--patience 9", 9),
    "training.strategy": ("--strategy mirrored", "mirrored"),
    "training.deterministic": ("--no-deterministic", False),
    "training.precision": ("--precision bfloat16", "bfloat16"),
    "training.jit": ("--jit on", "on"),
    "training.accumulate": ("--accumulate 2", 2),
    "training.seed": ("--seed 5", 5),
    "training.tensorboard": ("--no-tensorboard", False),
    "preset": ("--preset paper", "paper"),
    "score": ("--score local", "local"),
    "fpr": ("--fpr 0.05", 0.05),
    "export": ("--formats float32 int8", ("float32", "int8")),
    "threshold": ("--threshold sigma:3", "sigma:3"),
    "calibration": ("--calibration folds", "folds"),
    "runs_dir": ("--runs-dir elsewhere", Path("elsewhere")),
    "resume": ("--resume runs/bolts", Path("runs/bolts")),
    "name": ("--name mine", "mine"),
    "loss.mse": ("--loss.mse 0.25", 0.25),
    "loss.ssim": ("--loss.ssim 2", 2.0),
    "loss.ssim_window": ("--loss.ssim-window 3", 3),
    "loss.perceptual": ("--loss.perceptual 0.1", 0.1),
    "network.encoder": ("--encoder scratch", "scratch"),
    "network.encoder_weights": ("--encoder-weights file.h5", "file.h5"),
    "network.depth": ("--network.depth 50", 50),
    "network.widths": ("--network.widths 8 16", (8, 16)),
    "network.stem_kernel": ("--network.stem-kernel 5", 5),
    "network.stem_stride": ("--network.stem-stride 3", 3),
    "network.squeeze_excitation": ("--network.no-squeeze-excitation", False),
    "network.ratio": ("--network.ratio 8", 8),
    "network.magnifications": ("--network.magnifications 1 3", (1, 3)),
    "network.grid": ("--network.no-grid", False),
    "network.capsule_dim": ("--network.capsule-dim 4", 4),
    "network.num_vectors": ("--network.num-vectors 1", 1),
    "network.vector_dim": ("--network.vector-dim 16", 16),
    "network.routing": ("--network.no-routing", False),
    "network.iterations": ("--network.iterations 2", 2),
    "network.upsampling": ("--network.upsampling 32 64 96", (32, 64, 96)),
    "network.upsampling_norm": ("--network.upsampling-norm none", "none"),
    "network.decoder_widths": ("--network.decoder-widths 9 6", (9, 6)),
    "network.skip": ("--network.skip", True),
    "network.output_activation": ("--network.output-activation tanh", "tanh"),
}


def flat(value, prefix=""):
    """Every option of nested dataclasses by its dotted name."""
    options = {}
    for field in dataclasses.fields(value):
        inner = getattr(value, field.name)
        name = prefix + field.name
        options |= flat(inner, name + ".") if dataclasses.is_dataclass(inner) else {name: inner}
    return options


def parts_of(value):
    """Nested dataclasses, and what they are in."""
    inner = [getattr(value, field.name) for field in dataclasses.fields(value)]
    return [value, *(part for one in inner if dataclasses.is_dataclass(one) for part in parts_of(one))]


def run_python(code):
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)


def test_the_table_above_has_every_option():
    assert set(OPTIONS) == set(flat(Config()))


# preset changes other options, and a category or a folder belongs to data sets that the default is not.
@pytest.mark.parametrize("name", sorted(set(OPTIONS) - {"preset", "data.category", "data.data_dir"}))
def test_an_option_changes_its_value_and_no_other(name):
    arguments, value = OPTIONS[name]
    assert value != flat(Config())[name]
    assert flat(parse_config(arguments.split())) == {**flat(Config()), name: value}


def test_a_folder_for_the_embedded_digits_is_refused_with_what_was_meant():
    with pytest.raises(InputError, match="--data-dir photos .*--dataset folder"):
        parse_config(["--data-dir", "photos"])
    assert parse_config(["--data-dir", "photos", "--dataset", "folder"]).data.data_dir == Path("photos")


@pytest.mark.parametrize(
    "option, message",
    [
        ("--seed 4294967296", "--seed must be 0 to 4294967295, got 4294967296"),
        ("--loss.mse inf", "--loss.mse must be a number of at least 0, got inf"),
        ("--loss.ssim nan", "--loss.ssim must be a number of at least 0, got nan"),
        ("--loss.perceptual=-1", "--loss.perceptual must be a number of at least 0, got -1.0"),
    ],
)
def test_a_number_out_of_its_range_is_refused_before_anything_is_made(option, message):
    with pytest.raises(InputError, match=f"^{message}$"):
        parse_config(option.split())


def test_a_seed_out_of_its_range_is_refused_before_images_are_read(monkeypatch):
    monkeypatch.setattr("piade_tf.data.find_source", lambda *_: pytest.fail("read"))
    with pytest.raises(InputError, match="^--seed must be 0 to 4294967295, got -1$"):
        inspect_data(InspectData(seed=-1))


@pytest.mark.parametrize("arguments", [["--preset", "paper"], ["--preset=paper"]])
def test_a_preset_changes_the_defaults(arguments):
    assert parse_config(arguments) == preset_config("paper") != preset_config("compact")
    changed = parse_config([*arguments, "--network.no-skip", "--image-size", "64"])
    assert not changed.network.skip and changed.data.image_size == (64,)
    assert changed.network.widths == preset_config("paper").network.widths


def test_no_arguments_are_the_default_preset():
    assert parse_config([]) == preset_config("compact") == Config()


def test_every_preset_can_be_asked_for():
    for name in PRESETS:
        assert parse_config(["--preset", name]).preset == name


@pytest.mark.parametrize(
    "arguments, named",
    [
        ("--no-such-option 3", "no-such-option"),
        ("--preset huge", "huge"),
        ("--score best", "best"),
        ("--strategy many", "many"),
        ("--epochs many", "many"),
        ("--epochs 1.5", "1.5"),
        ("--batch-size", "batch-size"),
        ("--learning-rate 1e-", "1e-"),
        ("--image-size 3x3", "3x3"),
        ("--network.widths 8 wide", "wide"),
        ("--network.depth 34", "34"),
        ("stray", "stray"),
        ("--epochs 2 --epochs many --seed x", "many"),
    ],
)
def test_a_mistake_is_one_line_that_names_it_and_exit_code_2(arguments, named, capsys):
    with pytest.raises(SystemExit) as stop, errors_in_one_line():
        parse_config(arguments.split())
    assert stop.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ") and err.count("\n") == 1 and err.endswith("(see --help)\n")
    assert named in err


@pytest.mark.parametrize(
    "arguments, named",
    [
        ("", "inspect-data"),
        ("inspect", "'inspect'"),
        ("--no-such-option", "--no-such-option"),
        ("predict", "RUN"),
        ("predict --csv", "--csv"),
        ("predict RUN --no-such-option", "--no-such-option"),
        ("evaluate RUN --batch-size=many", "many"),
        ("export RUN --formats float32 int4", "int4"),
        ("show", "FILE"),
        ("train --network.widths 8 wide --seed 3", "8 wide"),
        ("train --preset huge", "huge"),
    ],
)
def test_a_mistake_in_any_command_is_one_line_that_names_it_and_exit_code_2(arguments, named, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments.split())
    out, err = capsys.readouterr()
    assert (stop.value.code, out) == (2, "")
    assert err.startswith("error: ") and err.count("\n") == 1 and named in err


@pytest.mark.parametrize(
    "arguments, meant",
    [
        ("trian", "train"),
        ("inspect", "inspect-data"),
        ("predict RUN photos --heatmap maps", "--heatmaps"),
        ("train --learning_rat=3", "--learning-rate"),
        ("train --widths 8 16", "--network.widths"),
        ("export RUN --format int8", "--formats"),
    ],
)
def test_a_mistyped_word_is_answered_with_the_nearest_one(arguments, meant, capsys):
    with pytest.raises(SystemExit):
        main(arguments.split())
    assert f"did you mean {meant}?" in capsys.readouterr().err


def test_what_is_like_nothing_is_answered_with_no_guess(capsys):
    for arguments in (["zzz"], ["train", "--zzz"]):
        with pytest.raises(SystemExit):
            main(arguments)
        assert "zzz" in (err := capsys.readouterr().err) and "did you mean" not in err


def test_what_has_one_name_here_and_had_another_before_takes_both():
    assert parse_config(["--export", "int8"]) == parse_config(["--formats", "int8"])
    options = {name: options for name, (options, _) in COMMANDS.items()}
    before, now = (parse(["export", "RUN", name, "4"], options) for name in ("--batch", "--batch-size"))
    assert before == now and now.batch == 4


def test_the_version_is_printed(capsys):
    assert (main(["--version"]), capsys.readouterr().out) == (0, f"piade {piade_tf.__version__}\n")


def test_every_kind_of_mistake_that_tyro_knows_is_told_in_words():
    """tyro's module of errors is private: a version with other kinds shows here."""
    kinds = {kind.__name__ for kind in tyro_errors.ParseErrorEvent.__subclasses__()}
    in_words = {"UnrecognizedArgs", "MissingArgs", "MissingSubcommand", "InvalidChoice", "BadValue"}
    cannot_happen = {"MissingMutexGroup", "MutexConflict", "SubcommandConflict"}  # no option here is exclusive
    assert kinds == in_words | cannot_happen | {"InstantiationFailure"}


@pytest.fixture
def help_of(capsys, monkeypatch):
    """What a command prints with --help."""
    monkeypatch.setenv("COLUMNS", "250")  # no word is broken

    def text(*arguments):
        with pytest.raises(SystemExit) as stop:
            main([*arguments, "--help"])
        assert stop.value.code == 0
        return capsys.readouterr().out

    return text


def test_a_file_whose_name_begins_with_a_dash_is_told_from_an_option(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "-v.png").touch()
    with pytest.raises(SystemExit):
        main(["predict", "run", "-v.png"])
    assert "./-v.png" in capsys.readouterr().err
    commands = {name: options for name, (options, _) in COMMANDS.items()}
    assert parse(["predict", "--csv", "t", "--", "run", "-v.png", "-"], commands).images == ("./-v.png", "-")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_that_names_it_as_it_is_typed(command, help_of):
    assert f"piade {command}" in help_of(command)


@pytest.mark.parametrize("arguments", [[command] for command in COMMANDS] + [["train", "--preset", "paper"]])
def test_help_has_no_words_of_python_and_names_no_option_that_the_command_lacks(arguments, help_of):
    text = help_of(*arguments)
    assert not re.search(r"None|True|False|STR|tuple|\(default: \)|[\[(]'", text)
    ours = "\n".join(line for line in text.splitlines() if not line.startswith("curl "))
    own = set(_flags(COMMANDS[arguments[0]][0]))
    assert set(re.findall(r"(?<![\w-])--[a-z][\w.-]*[a-z]", ours)) <= own


def test_help_says_in_words_what_an_option_of_a_training_is_where_it_is_left_out():
    open_ones = [(type(part), field.name) for part in parts_of(Config()) for field in dataclasses.fields(part)
                 if getattr(part, field.name) in (None, ())]  # fmt: skip
    assert len(open_ones) > 10
    for options, name in open_ones:
        assert "Left out:" in (described(options, name) or ""), name


def test_the_help_of_all_is_short_and_imports_nothing_heavy():
    process = run_python(
        "import sys\nfrom piade_tf.cli.main import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "print('imported', sorted({'tensorflow', 'keras', 'numpy', 'matplotlib', 'sklearn'} & set(sys.modules)))"
    )
    assert process.stdout.endswith("imported []\n")
    assert len(process.stdout.splitlines()) < 36 and all(command in process.stdout for command in COMMANDS)


def test_a_backend_of_matplotlib_that_is_not_known_ends_nothing():
    process = run_python(
        "import os; os.environ['MPLBACKEND'] = 'of another project'\n"
        "from piade_tf.cli.main import main\ntry: main(['--help'])\nexcept SystemExit: import matplotlib"
    )
    assert process.returncode == 0, process.stderr


@pytest.mark.parametrize("door", [["train.py"], ["-m", "piade_tf", "train"]])
def test_every_door_to_training_is_the_same(door):
    process = subprocess.run([sys.executable, *door, "--epochs", "0"], cwd=ROOT, capture_output=True, text=True)
    assert (process.returncode, process.stderr.count("\n")) == (2, 1) and "--epochs" in process.stderr


def test_an_input_error_is_printed_as_it_is(capsys):
    with pytest.raises(SystemExit) as stop, errors_in_one_line():
        raise InputError("expected this, got that")
    assert (stop.value.code, capsys.readouterr().err) == (2, "error: expected this, got that\n")


@pytest.mark.parametrize("name", ["zeile\n2.png", "\x1b[2J.png", "caf\udce9\r.png"])
def test_an_error_is_one_line_whatever_name_is_in_it(capsys, name):
    with pytest.raises(SystemExit), errors_in_one_line():
        raise InputError(f"{name} does not exist")
    line = capsys.readouterr().err
    assert line.removesuffix("\n").isprintable() and ".png does not exist" in line


def test_help_teaches_every_option_without_importing_tensorflow():
    code = (
        "import runpy, sys; sys.argv = ['train.py', '--help']\n"
        "try: runpy.run_path('train.py', run_name='__main__')\n"
        "except SystemExit as stop: print('exit code', stop.code)\n"
        "print('imported', sorted({'tensorflow', 'keras', 'jax', 'torch'} & set(sys.modules)))"
    )
    process = run_python(code)
    assert process.stdout.endswith("exit code 0\nimported []\n")
    assert process.stderr == ""
    for arguments, _ in OPTIONS.values():
        assert arguments.split()[0].replace("--network.no-", "--network.") in process.stdout


@pytest.mark.parametrize(
    "command, usage",
    [("predict", "[PREDICT OPTIONS] RUN IMAGE [IMAGE ...]"), ("evaluate", "[EVALUATE OPTIONS] RUN")],
)
def test_the_usage_of_a_command_names_what_it_wants(command, usage):
    process = run_python(f"import sys\nfrom piade_tf.cli.main import main\nmain(['{command}', '--help'])")
    assert process.stdout.splitlines()[0].endswith(f"{command} [-h] {usage}")
    assert not any(odd in process.stdout for odd in ("STR [STR", "(default: )", "{None}"))


def test_a_mistyped_option_ends_the_program_before_tensorflow_is_imported():
    process = subprocess.run(
        [sys.executable, "-X", "importtime", "train.py", "--epoch", "3"], cwd=ROOT, capture_output=True, text=True
    )
    assert process.returncode == 2
    lines = [line for line in process.stderr.splitlines() if not line.startswith("import time:")]
    assert len(lines) == 1 and lines[0].startswith("error: ")
    assert "| tensorflow" not in process.stderr and "| keras" not in process.stderr


@pytest.mark.parametrize(
    "arguments, title",
    [
        ("", "digits"),
        ("--dataset mvtec --category bottle", "mvtec bottle"),
        ("--data-dir a/b --dataset folder", "folder b"),
    ],
)
def test_a_data_set_is_called_by_what_tells_it_apart(arguments, title):
    assert parse_config(arguments.split()).data.title == title
