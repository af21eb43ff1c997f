#!/usr/bin/env bash
# A training on the nodes of a Slurm job, a worker to each:
#   sbatch --nodes 4 examples/cluster/slurm.sh --dataset folder --data-dir /shared/photos --runs-dir /shared/runs --name bolts
# All that stands after the script goes to `piade train`. --name is needed, to go on after a restart.
#SBATCH --job-name=piade
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=8
#SBATCH --time=08:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=TERM@180
# --requeue: Slurm starts the job again after a node has failed. --signal: three minutes before the time is over the
# workers, not this script, get SIGTERM and save the last whole epoch.
set -euo pipefail

most_restarts=${MOST_RESTARTS:-10}
port=$((20000 + SLURM_JOB_ID % 10000)) # another for each job, since jobs may share a node
hosts=$(scontrol show hostnames "$SLURM_JOB_NODELIST")
workers=''
for host in $hosts; do workers="$workers${workers:+, }\"$host:$port\""; done
code_of_chief=${TMPDIR:-/tmp}/piade-$SLURM_JOB_ID.exit-code # of worker 0, which runs on the first node as this script does
rm -f "$code_of_chief"

# Without the trap, a job that scancel ends would be put back into the queue.
trap 'echo "Told to end." >&2; exit 143' TERM

# --wait: when one worker dies the others end by themselves in a minute, with a line that says why. Those that do not
# are ended.
# shellcheck disable=SC2016 # expanded by each worker
srun --ntasks-per-node=1 --distribution=block --cpus-per-task="${SLURM_CPUS_PER_TASK:-1}" \
  --kill-on-bad-exit=0 --wait=120 --label \
  bash -c '
    workers=$1 code_of_chief=$2
    shift 2
    trap : TERM # Slurm tells this shell and piade, which has yet to save
    export TF_CONFIG="{\"cluster\": {\"worker\": [$workers]}, \"task\": {\"type\": \"worker\", \"index\": $SLURM_PROCID}}"
    code=0
    piade train "$@" || code=$?
    if [ "$SLURM_PROCID" = 0 ]; then echo "$code" >"$code_of_chief"; fi
    exit "$code"
  ' worker "$workers" "$code_of_chief" "$@" || true

# What the chief ended with counts: it writes the run. It has left nothing if it was killed.
code=$(cat "$code_of_chief" 2>/dev/null || echo 137)
rm -f "$code_of_chief"
case $code in
  0 | 2 | 3) exit "$code" ;; # done; wrong options or images; done, but an exported file was rejected
esac
restarts=${SLURM_RESTART_COUNT:-0}
if [ "$restarts" -ge "$most_restarts" ]; then
  echo "The chief ended with exit code $code, after $restarts restarts: giving up." >&2
  exit "$code"
fi
echo "The chief ended with exit code $code: back into the queue, to go on from the last checkpoint." >&2
scontrol requeue "$SLURM_JOB_ID"
