"""How `piade serve` holds under load: requests a second beside the bare network, waiting times, memory, nothing lost.

    python benchmarks/serve_load.py RUN --images DIR --csv benchmarks/results/serve_load.csv

Some clients send an image each, again and again, and wait for the answer; every tenth request is malformed in one of
four ways. Each verdict is compared with that of the same image alone. Clients run on the same machine, in a process of
their own. Needs requirements-serve.txt. Under six minutes: on a slow machine a format ends before all requests are
sent. Exit code 1 if an answer is lost or wrong.
"""

import argparse
import contextlib
import http.client
import json
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

MALFORMED_EVERY = 10
MALFORMED = [  # body, content type
    (b"this is no image", "application/octet-stream"),
    (b"", "application/octet-stream"),
    (b"--x\r\nnot a form", "multipart/form-data; boundary=y"),
    (b"\x89PNG\r\n\x1a\n" + bytes(200), "image/png"),
]
BARE_SECONDS = 5.0
MOST_SECONDS = 150.0  # of the load on a format


@contextlib.contextmanager
def server(run: Path, format_name: str) -> Iterator[tuple[int, psutil.Process]]:
    """`piade serve` on a free port."""
    words = ["-m", "piade_tf", "serve", str(run.resolve()), "--port", "0", "--format", format_name]
    with subprocess.Popen([sys.executable, *words], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            found = re.search(r":(\d+)/", process.stdout.readline())
            assert found is not None
            yield int(found[1]), psutil.Process(process.pid)
        finally:
            process.send_signal(signal.SIGINT)


def ask(connection: http.client.HTTPConnection, body: bytes, content_type: str) -> tuple[int, dict]:
    connection.request("POST", "/v1/inspect", body, {"Content-Type": content_type})
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def load(port: int, images: list[bytes], requests: int, clients: int, process: psutil.Process) -> dict:
    """Sends all requests; returns what was measured."""
    alone = http.client.HTTPConnection("127.0.0.1", port)
    scores = [ask(alone, image, "image/png")[1]["score"] for image in images]
    numbers: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in range(requests):
        numbers.put(number)
    seconds, wrong = [0.0] * requests, []
    memory: dict[int, int] = {}

    def client() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while time.perf_counter() < begun + MOST_SECONDS:
            try:
                number = numbers.get_nowait()
            except queue.Empty:
                return
            malformed = number % MALFORMED_EVERY == MALFORMED_EVERY - 1
            which = number // MALFORMED_EVERY % len(MALFORMED) if malformed else number % len(images)
            body, kind = MALFORMED[which] if malformed else (images[which], "image/png")
            sent = time.perf_counter()
            try:
                status, content = ask(connection, body, kind)
            except (OSError, http.client.HTTPException, ValueError) as error:
                wrong.append((number, repr(error)))
                connection.close()
                continue
            seconds[number] = time.perf_counter() - sent
            right = 400 <= status < 500 if malformed else status == 200 and content["score"] == scores[which]
            if not right:
                wrong.append((number, f"{status} {content}"))
            if (number + 1) % (requests // 10) == 0:
                memory[number + 1] = process.memory_info().rss

    threads = [threading.Thread(target=client) for _ in range(clients)]
    begun, busy = time.perf_counter(), sum(process.cpu_times()[:2])
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wall, busy = time.perf_counter() - begun, sum(process.cpu_times()[:2]) - busy
    for number, problem in wrong[:5]:
        print("wrong:", number, problem)
    sent = requests - numbers.qsize()
    memory[sent] = process.memory_info().rss
    marks = sorted(memory)
    good = 1000 * np.array(
        [took for i, took in enumerate(seconds[:sent]) if i % MALFORMED_EVERY != MALFORMED_EVERY - 1]
    )
    return {
        "clients": clients,
        "requests": sent,
        "malformed": sent // MALFORMED_EVERY,
        "wrong_or_lost": len(wrong),
        "images_per_second": f"{len(good) / wall:.1f}",
        "processor_ms": f"{1000 * busy / len(good):.1f}",
        "median_ms": f"{np.median(good):.0f}",
        "p95_ms": f"{np.quantile(good, 0.95):.0f}",
        "longest_ms": f"{good.max():.0f}",
        "mib_after_a_tenth": f"{memory[marks[0]] / 2**20:.0f}",
        "mib_at_the_end": f"{memory[marks[-1]] / 2**20:.0f}",
    }


def bare(run: Path, format_name: str, images: list[bytes]) -> tuple[float, float]:
    """The network by itself on prepared images, on as many threads as the server has: images a second, and the
    milliseconds of a processor that one takes, which other programs on the machine do not change much."""
    from export.verification.verify import load_litert
    from piade_tf.data.decode import decode_bytes
    from piade_tf.serving.served_file import ServedFile

    file = ServedFile.of_run(run, format_name)
    prepared = [file.preparation(decode_bytes(image))[None] for image in images]
    counts: list[int] = []

    def work() -> None:
        runner, count = load_litert(file.path, 1), 0
        runner(prepared[0])
        until = time.perf_counter() + BARE_SECONDS
        while time.perf_counter() < until:
            runner(prepared[count % len(prepared)])
            count += 1
        counts.append(count)

    threads = [threading.Thread(target=work) for _ in range(psutil.cpu_count() or 1)]
    begun = time.process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / BARE_SECONDS, 1000 * (time.process_time() - begun) / sum(counts)


def summary(row: dict) -> str:
    alone, busy = float(row["bare_network_per_second"]), float(row["bare_processor_ms"])
    served, spent = float(row["images_per_second"]), float(row["processor_ms"])
    return "\n".join(
        [
            f"{row['run']}, {row['format']}: {row['requests']} requests of {row['clients']} clients",
            f"  lost or wrong     {row['wrong_or_lost']} ({row['malformed']} were malformed)",
            f"  images a second   {served:.1f}, the bare network {alone:.1f}: {served / alone:.0%}",
            f"  processor, ms     {spent:.1f} an image, the bare network {busy:.1f}: {spent / busy:.0%}",
            f"  waiting, ms       median {row['median_ms']}, 95 % {row['p95_ms']}, longest {row['longest_ms']}",
            f"  memory, MiB       {row['mib_after_a_tenth']} after a tenth, {row['mib_at_the_end']} at the end",
        ]
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--images", type=Path, required=True, help="a folder of PNG")
    parser.add_argument("--formats", nargs="+", default=["float32", "int8"])
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--csv", type=Path)
    options = parser.parse_args()
    from export.publish.manifest import processor
    from piade_tf.files import write_csv

    images = [path.read_bytes() for path in sorted(options.images.glob("*.png"))[:32]]
    rows = []
    for format_name in options.formats:
        before = bare(options.run, format_name, images)
        with server(options.run, format_name) as (port, process):
            found = load(port, images, options.requests, options.clients, process)
        after = bare(options.run, format_name, images)
        alone, busy = ((a + b) / 2 for a, b in zip(before, after, strict=True))
        about = {"run": options.run.resolve().name, "format": format_name}
        about |= {"bare_network_per_second": f"{alone:.1f}", "bare_processor_ms": f"{busy:.1f}"}
        rows.append(about | found | {"cores": psutil.cpu_count(), "processor": processor()})
        print(summary(rows[-1]), flush=True)
    if options.csv:
        write_csv(options.csv, list(rows[0]), [list(row.values()) for row in rows])
    return int(any(row["wrong_or_lost"] for row in rows))


if __name__ == "__main__":
    sys.exit(main())
