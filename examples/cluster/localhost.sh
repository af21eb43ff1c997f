#!/usr/bin/env bash
# A training with several workers on this machine, to try it out:
#   examples/cluster/localhost.sh 2 --dataset digits --name digits
# The number of workers, then what goes to `piade train`. The chief writes to the terminal, the others to files in LOGS
# (default: a new folder). The exit code is the chief's.
set -euo pipefail

if ! [[ ${1:-} =~ ^[1-9][0-9]*$ ]]; then
  echo "error: expected the number of workers, then the options of the training; got '${1:-}'" >&2
  exit 2
fi
count=$1
shift
patience=${PATIENCE:-75} # seconds for the others to end after the first; a lost worker is noticed within a minute
logs=${LOGS:-$(mktemp -d "${TMPDIR:-/tmp}/piade-workers.XXXXXX")}
mkdir -p "$logs"
python=${PYTHON:-python3}
piade=(piade train)
if ! command -v piade >/dev/null; then piade=("$python" "$(dirname "$0")/../../train.py"); fi
export CUDA_VISIBLE_DEVICES=${CUDA_VISIBLE_DEVICES--1} # each worker would take the whole memory of every GPU

workers=$("$python" - "$count" <<'PYTHON'
import json, socket, sys
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(int(sys.argv[1]))]
print(json.dumps([f"localhost:{one.getsockname()[1]}" for one in sockets]))
PYTHON
)

pids=()
tell() { # signal: to all workers that are left; a worker that has just gone is no error
  local pid
  for pid in ${pids[@]+"${pids[@]}"}; do kill -s "$1" "$pid" 2>/dev/null || true; done
}
trap 'tell INT' INT
trap 'tell TERM' TERM
trap 'tell KILL' EXIT

set -m # a process group each: Ctrl-C then comes to this script alone, which passes it on once
for ((index = 0; index < count; index++)); do
  export TF_CONFIG="{\"cluster\": {\"worker\": $workers}, \"task\": {\"type\": \"worker\", \"index\": $index}}"
  if [ "$index" = 0 ]; then
    "${piade[@]}" "$@" </dev/null &
  else
    "${piade[@]}" "$@" </dev/null >"$logs/worker-$index.log" 2>&1 &
  fi
  pids+=($!)
done
set +m
[ "$count" = 1 ] || echo "The other workers write to $logs." >&2

# Of a process that was killed bash itself would tell as well, wherever it waits.
code_of() { # pid: the exit code of a process that has ended, in $code
  code=0
  wait "$1" 2>/dev/null || code=$?
}

left=("${!pids[@]}") told='' ended_at=''
while [ ${#left[@]} -gt 0 ]; do
  still=()
  for index in "${left[@]}"; do
    if kill -0 "${pids[index]}" 2>/dev/null; then
      still+=("$index")
      continue
    fi
    code_of "${pids[index]}"
    ended_at=${ended_at:-$SECONDS}
    if [ "$index" = 0 ]; then
      code_of_chief=$code
    elif [ "$code" != 0 ]; then
      echo "Worker $index ended with exit code $code; its last lines, of $logs/worker-$index.log:" >&2
      tail -n 3 "$logs/worker-$index.log" >&2
    fi
  done
  left=(${still[@]+"${still[@]}"})
  if [ ${#left[@]} -gt 0 ] && [ -n "$ended_at" ]; then
    waited=$((SECONDS - ended_at))
    if [ "$waited" -ge $((patience + 15)) ]; then
      tell KILL
    elif [ "$waited" -ge "$patience" ] && [ -z "$told" ]; then
      told=yes
      tell TERM
    fi
  fi
  if [ ${#left[@]} -gt 0 ]; then
    sleep 0.2 &
    wait $! 2>/dev/null || true # a trap runs at once in `wait`
  fi
done
trap - EXIT
exit "$code_of_chief"
