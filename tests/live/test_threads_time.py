# SPDX-License-Identifier: Apache-2.0
"""What threads had of a processor, and how long they were ready while there was none, as the threads
themselves read it from the system. The program shares one processor with another that never rests."""
import json
import os
import subprocess

from runs import RAGTIME, check, command, finish, trace

PROGRAM = """
import threading, time
SHARES = {"busy": 0.4, "lazy": 0.1}
read = {}
def spend(name, seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass
    tid = threading.get_native_id()
    with open(f"/proc/self/task/{tid}/schedstat") as file:
        read[tid] = [int(word) for word in file.read().split()[:2]]
    time.sleep(1.3)
threads = [threading.Thread(target=spend, args=item) for item in SHARES.items()]
for thread in threads: thread.start()
for thread in threads: thread.join()
import json; print(json.dumps(read))
"""
SLACK_NS = 50e6  # what a thread does after it has looked

cpu = str(min(os.sched_getaffinity(0)))
other = subprocess.Popen(["taskset", "-c", cpu, "python3", "-c", "while True: pass"])
path = trace("threads.rtrace")
try:
    done = subprocess.run(command(path, "taskset", "-c", cpu, "python3", "-c", PROGRAM), capture_output=True, text=True,
                          timeout=120)
finally:
    other.kill()
    other.wait()
check(done.returncode == 0, done.stderr)
truth = {int(tid): values for tid, values in json.loads(done.stdout).items()}
rows = json.loads(subprocess.run(
    [RAGTIME, "sql", "--json", "SELECT t.tid, MAX(u.cpu_ns) AS cpu, MAX(u.runqueue_ns) AS queue FROM thread_usage u"
     " JOIN thread t ON t.id = u.thread GROUP BY u.thread", path], capture_output=True, text=True, check=True).stdout)
seen = {row["tid"]: (row["cpu"], row["queue"]) for row in rows}
for tid, (cpu_ns, queue_ns) in truth.items():
    if check(tid in seen, f"thread {tid} is not among {seen}"):
        check(abs(seen[tid][0] - cpu_ns) < SLACK_NS, f"thread {tid}: {seen[tid][0]} ns on the processor, not {cpu_ns}")
        check(abs(seen[tid][1] - queue_ns) < SLACK_NS + queue_ns / 5,
              f"thread {tid}: {seen[tid][1]} ns without one, not {queue_ns}")
waits = json.loads(subprocess.run([RAGTIME, "report", "--json", "-s", "waits", path], capture_output=True, text=True,
                                  check=True).stdout)["runs"][0]["sections"]["waits"]
named = {row["wait"]: row["time_ns"] for row in waits}
check(named.get("runqueue", 0) > 0.1e9, f"the report has no time without a processor: {named}")
finish()
