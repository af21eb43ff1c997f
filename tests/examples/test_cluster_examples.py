"""The files of examples/cluster give each worker its TF_CONFIG, and start or end all of them together.

Stand-ins take the place of `piade`, `srun` and `scontrol`: nothing is trained here.
"""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from piade_tf.cli.parsing import parse_config

yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).parents[2]
CLUSTER = ROOT / "examples" / "cluster"
SCRIPTS = ("localhost.sh", "slurm.sh")
OPTIONS = ("--dataset", "digits", "--name", "two words")
DOCUMENTS = list(yaml.safe_load_all((CLUSTER / "kubernetes.yaml").read_text(encoding="utf-8")))
(JOB,) = (document for document in DOCUMENTS if document["kind"] == "Job")
(SERVICE,) = (document for document in DOCUMENTS if document["kind"] == "Service")
POD = JOB["spec"]["template"]["spec"]
(CONTAINER,) = POD["containers"]  # command: sh, its options, the script, $0

# Writes down how it was called, then does what AS_WORKER_n says: ends with a code, after SIGTERM to the shell around it
# or without, or waits for a signal, or is killed.
PIADE = """#!{python}
import json, os, signal, sys, time
signals = []
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda number, frame: signals.append(number))
config = json.loads(os.environ["TF_CONFIG"])
index = config["task"]["index"]
path = os.path.join(os.environ["TOLD"], f"{{index}}.json")
with open(path + ".new", "w") as file:
    json.dump({{"config": config, "arguments": sys.argv[1:]}}, file)
os.rename(path + ".new", path)
print(f"worker {{index}} is here", flush=True)
behaviour = os.environ.get(f"AS_WORKER_{{index}}", "0")
if behaviour == "wait":
    while not signals:
        time.sleep(0.05)
    time.sleep(0.5)
    sys.exit(128 + signals[0] if len(signals) == 1 else "told twice")
if behaviour == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
if behaviour == "tell shell":
    os.kill(os.getppid(), signal.SIGTERM)
    behaviour = "143"
sys.exit(int(behaviour))
"""
SRUN = """#!/bin/bash
trap : TERM  # a signal to the job reaches the tasks too
while [[ $1 == --* ]]; do shift; done
for ((task = 0; task < SLURM_JOB_NUM_NODES; task++)); do SLURM_PROCID=$task "$@" & done
while [ -n "$(jobs -pr)" ]; do wait; done
exit 1
"""
SCONTROL = """#!/bin/bash
echo "$*" >>"$TOLD/scontrol"
if [ "$1" = show ]; then printf '%s\\n' "${3/\\[3-4\\]/3}" "${3/\\[3-4\\]/4}"; fi
"""


@pytest.fixture
def stand_ins(tmp_path):
    """A folder for PATH, the environment, and what the workers were told, by index."""
    for name, text in (("piade", PIADE.format(python=sys.executable)), ("srun", SRUN), ("scontrol", SCONTROL)):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(text)
        program.chmod(0o755)
    told = tmp_path / "told"
    told.mkdir()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("SLURM_", "TF_CONFIG"))},
        **{"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "TOLD": str(told), "TMPDIR": str(tmp_path)},
    }
    return SimpleNamespace(
        environment=environment,
        folder=tmp_path,
        told=lambda: {int(path.stem): json.loads(path.read_text()) for path in sorted(told.glob("*.json"))},
        of_scontrol=lambda: (told / "scontrol").read_text().splitlines(),
    )


def as_worker(index, addresses):
    return {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}


# Scripts


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_is_bash_and_may_be_started(script):
    assert os.access(CLUSTER / script, os.X_OK)
    subprocess.run(["bash", "-n", CLUSTER / script], check=True)


@pytest.mark.parametrize("script", SCRIPTS)
def test_shellcheck_finds_nothing(script):
    shellcheck = shutil.which("shellcheck", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if shellcheck is None:
        pytest.skip("needs shellcheck")
    found = subprocess.run([shellcheck, CLUSTER / script], capture_output=True, text=True)
    assert found.returncode == 0, found.stdout


# Kubernetes


@pytest.mark.parametrize("version", ["1.31", "1.37"])
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda one: f"{one['kind']}-{one['metadata']['name']}")
def test_kubernetes_knows_every_field(document, version):
    validator = pytest.importorskip("kubernetes_validate")
    assert validator.validate(document, version, strict=True) == version


def in_pod(stand_ins, index, **environment):
    given = {variable["name"]: variable["value"] for variable in CONTAINER["env"] if "value" in variable}
    return subprocess.run(
        [*CONTAINER["command"], *CONTAINER["args"]],
        env={
            **stand_ins.environment,
            **{"WORKERS": given["WORKERS"], "JOB_NAME": JOB["metadata"]["name"], "JOB_COMPLETION_INDEX": str(index)},
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("count", [1, 2, 11])
def test_each_pod_knows_all_by_the_names_that_the_service_gives_them(stand_ins, count):
    index = count - 1
    assert in_pod(stand_ins, index, WORKERS=str(count)).returncode == 0
    addresses = [f"piade-{worker}.piade-workers:2222" for worker in range(count)]
    assert stand_ins.told() == {
        index: {"config": as_worker(index, addresses), "arguments": ["train", *CONTAINER["args"]]}
    }


def test_a_pod_ends_with_the_exit_code_of_its_worker(stand_ins):
    assert in_pod(stand_ins, 1, AS_WORKER_1="75").returncode == 75


def test_what_stands_in_several_places_of_the_job_is_the_same():
    spec, env = JOB["spec"], {variable["name"]: variable for variable in CONTAINER["env"]}
    script = CONTAINER["command"][2]
    assert spec["completions"] == spec["parallelism"] == int(env["WORKERS"]["value"])
    assert POD["subdomain"] == SERVICE["metadata"]["name"]
    assert f".{POD['subdomain']}:" in script
    label = {"batch.kubernetes.io/job-name": JOB["metadata"]["name"]}
    assert SERVICE["spec"]["selector"] == label
    assert all(one["labelSelector"]["matchLabels"] == label for one in POD["topologySpreadConstraints"])
    (service_port,), (port,) = SERVICE["spec"]["ports"], CONTAINER["ports"]
    assert f":{port['containerPort']}\\" in script and service_port["port"] == port["containerPort"]
    claims = {document["metadata"]["name"] for document in DOCUMENTS if document["kind"] == "PersistentVolumeClaim"}
    volumes = {volume["name"]: volume for volume in POD["volumes"]}
    assert claims == {one["persistentVolumeClaim"]["claimName"] for one in volumes.values() if "emptyDir" not in one}
    assert {mount["name"] for mount in CONTAINER["volumeMounts"]} == set(volumes)
    rules = spec["podFailurePolicy"]["rules"]
    assert {rule["onExitCodes"]["containerName"] for rule in rules if "onExitCodes" in rule} == {CONTAINER["name"]}


def test_a_pod_that_fails_is_replaced_unless_that_would_not_help():
    spec = JOB["spec"]
    # A policy for failures wants this of the pods, and pods that are only started again stay where they are.
    assert POD["restartPolicy"] == "Never" and spec["podReplacementPolicy"] == "Failed"
    ended = [set(rule["onExitCodes"]["values"]) for rule in spec["podFailurePolicy"]["rules"] if "onExitCodes" in rule]
    assert ended == [{2, 3}]  # 75, and what a signal leaves, are tried again
    assert spec["backoffLimitPerIndex"] >= 10 and spec["maxFailedIndexes"] == 0 and "backoffLimit" not in spec


def test_the_options_in_the_job_are_understood_and_name_the_run_and_the_mounts():
    options = parse_config(CONTAINER["args"])
    mounts = {mount["mountPath"]: mount for mount in CONTAINER["volumeMounts"]}
    assert options.name
    assert mounts[str(options.data.data_dir)]["readOnly"] and "readOnly" not in mounts[str(options.runs_dir)]
    env = {variable["name"]: variable.get("value") for variable in CONTAINER["env"]}
    assert env["TMPDIR"] == env["HOME"] and "readOnly" not in mounts[env["TMPDIR"]]


def test_pods_have_no_privileges():
    assert POD["securityContext"]["runAsNonRoot"] and not POD["automountServiceAccountToken"]
    own = CONTAINER["securityContext"]
    assert own["readOnlyRootFilesystem"] and not own["allowPrivilegeEscalation"]
    assert own["capabilities"] == {"drop": ["ALL"]}


def test_the_image_has_all_files_that_an_installation_needs(tmp_path):
    lines = re.findall(r"^COPY (.+)$", (CLUSTER / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    for *sources, target in map(str.split, lines):
        for source in sources:
            place = tmp_path / (target if target != "./" else source)
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, place, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / source, place)
    assert (tmp_path / "requirements.txt").is_file()
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path / "out", tmp_path]
    subprocess.run(build, check=True, capture_output=True, timeout=120)
    (wheel,) = (tmp_path / "out").glob("piade_tf-*.whl")
    folders = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert folders >= {"layers", "piade_tf", "export"}


# Slurm


def start_on_slurm(stand_ins, **environment):
    return subprocess.Popen(
        [CLUSTER / "slurm.sh", *OPTIONS],
        env={
            **stand_ins.environment,
            **{"SLURM_JOB_ID": "1012345", "SLURM_JOB_NODELIST": "gpu[3-4]", "SLURM_JOB_NUM_NODES": "2"},
            **environment,
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def slurm(stand_ins, **environment):
    script = start_on_slurm(stand_ins, **environment)
    _, err = script.communicate(timeout=60)
    return SimpleNamespace(returncode=script.returncode, stderr=err)


def test_slurm_tells_each_node_of_all(stand_ins):
    ended = slurm(stand_ins)
    assert (ended.returncode, ended.stderr) == (0, "")
    addresses = ["gpu3:22345", "gpu4:22345"]
    assert stand_ins.told() == {
        index: {"config": as_worker(index, addresses), "arguments": ["train", *OPTIONS]} for index in range(2)
    }
    assert stand_ins.of_scontrol() == ["show hostnames gpu[3-4]"]


@pytest.mark.parametrize("code", ["0", "2", "3"])
def test_slurm_ends_with_the_code_of_the_chief_where_nothing_is_left_to_do(stand_ins, code):
    assert slurm(stand_ins, AS_WORKER_0=code, AS_WORKER_1="75").returncode == int(code)
    assert stand_ins.of_scontrol() == ["show hostnames gpu[3-4]"]


@pytest.mark.parametrize(("behaviour", "code"), [("75", 75), ("143", 143), ("tell shell", 143)])
def test_slurm_puts_a_job_that_was_cut_off_back_into_the_queue(stand_ins, behaviour, code):
    ended = slurm(stand_ins, AS_WORKER_0=behaviour, SLURM_RESTART_COUNT="9")
    assert ended.returncode == 0 and f"ended with exit code {code}: back into the queue" in ended.stderr
    assert stand_ins.of_scontrol()[1:] == ["requeue 1012345"]


def test_slurm_gives_up_after_many_restarts(stand_ins):
    ended = slurm(stand_ins, AS_WORKER_0="75", SLURM_RESTART_COUNT="10")
    assert ended.returncode == 75 and "giving up" in ended.stderr
    assert stand_ins.of_scontrol()[1:] == []


def test_slurm_does_not_put_a_job_back_that_was_cancelled(stand_ins):
    script = start_on_slurm(stand_ins, AS_WORKER_0="wait", AS_WORKER_1="wait")
    wait_for_workers(stand_ins, 2)
    os.killpg(script.pid, signal.SIGTERM)
    assert script.wait(30) == 143
    assert stand_ins.of_scontrol()[1:] == []


# This machine


def start_on_localhost(stand_ins, *arguments, **environment):
    return subprocess.Popen(
        [CLUSTER / "localhost.sh", *arguments],
        env={**stand_ins.environment, "LOGS": str(stand_ins.folder / "logs"), "PATIENCE": "1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for_workers(stand_ins, count):
    until = time.monotonic() + 30
    while len(stand_ins.told()) < count:
        assert time.monotonic() < until
        time.sleep(0.05)


def test_workers_on_this_machine_have_an_address_each_and_the_chief_the_terminal(stand_ins):
    script = start_on_localhost(stand_ins, "3", *OPTIONS)
    out, err = script.communicate(timeout=60)
    assert (script.returncode, out) == (0, "worker 0 is here\n")
    assert err == f"The other workers write to {stand_ins.folder / 'logs'}.\n"
    told = stand_ins.told()
    addresses = told[0]["config"]["cluster"]["worker"]
    assert len(set(addresses)) == 3 and all(re.fullmatch(r"localhost:\d+", address) for address in addresses)
    assert told == {
        index: {"config": as_worker(index, addresses), "arguments": ["train", *OPTIONS]} for index in range(3)
    }
    logs = {path.name: path.read_text() for path in (stand_ins.folder / "logs").iterdir()}
    assert logs == {f"worker-{index}.log": f"worker {index} is here\n" for index in (1, 2)}


def test_the_exit_code_is_that_of_the_chief(stand_ins):
    script = start_on_localhost(stand_ins, "2", AS_WORKER_0="3")
    script.communicate(timeout=60)
    assert script.returncode == 3


def test_a_worker_that_ends_badly_ends_all_and_its_last_lines_are_shown(stand_ins):
    script = start_on_localhost(stand_ins, "3", AS_WORKER_0="wait", AS_WORKER_1="7", AS_WORKER_2="wait")
    _, err = script.communicate(timeout=30)
    assert script.returncode == 128 + signal.SIGTERM
    assert "Worker 1 ended with exit code 7" in err and "worker 1 is here\n" in err


def test_of_a_worker_that_was_killed_the_script_alone_tells(stand_ins):
    script = start_on_localhost(stand_ins, "2", AS_WORKER_0="wait", AS_WORKER_1="killed")
    _, err = script.communicate(timeout=30)
    writing, ended, last = err.splitlines()
    assert writing.startswith("The other workers write to") and last == "worker 1 is here"
    assert ended.startswith(f"Worker 1 ended with exit code {128 + signal.SIGKILL}; its last lines")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_or_sigterm_reaches_all_workers_once(stand_ins, number):
    behaviour = {f"AS_WORKER_{index}": "wait" for index in range(3)}
    script = start_on_localhost(stand_ins, "3", PATIENCE="60", **behaviour)
    wait_for_workers(stand_ins, 3)
    os.killpg(script.pid, number)
    _, err = script.communicate(timeout=30)
    assert script.returncode == 128 + number
    assert all(f"Worker {index} ended with exit code {128 + number}" in err for index in (1, 2))


@pytest.mark.parametrize("arguments", [(), ("--dataset", "digits"), ("0",)])
def test_a_missing_number_of_workers_is_told_in_one_line(stand_ins, arguments):
    script = start_on_localhost(stand_ins, *arguments)
    _, err = script.communicate(timeout=30)
    assert script.returncode == 2 and err.startswith("error: expected the number of workers") and err.count("\n") == 1


# The page


def test_the_commands_of_the_page_are_understood():
    blocks = re.findall(r"```\n(.*?)```", (CLUSTER / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    scripts = re.compile(r"^(?:sbatch .*slurm\.sh|\S*localhost\.sh \d+) (.*)$", re.MULTILINE)
    found = [shlex.split(options) for block in blocks for options in scripts.findall(block)]
    assert len(found) == len(SCRIPTS)
    for options in found:
        assert parse_config(options).name
