#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Where processor time goes, as `ragtime attach --mode sample` sees it: native stacks of code with frame
pointers and without, the kernel's, and Python's (of all versions that are here, in the long run), mixed; their
sum against the system's account; and the same in the report and in an export."""
import glob
import json
import os
import sqlite3
import subprocess
import sys

from attached import Attached, skip_unless_allowed
from runs import FULL, RAGTIME, TMP, check, finish, trace, wait_until

NATIVE = """
#include <stdio.h>
#include <unistd.h>
#include <time.h>
#define APART __attribute__((noinline, noclone))
static volatile unsigned long sink;
APART void hot_leaf(unsigned n) { for (unsigned i = 0; i < n; i++) sink += i * sink; }
APART void hot_middle(unsigned n) { char room[200]; sink += (unsigned long)room & 1; hot_leaf(n); sink++; }
APART void hot_kernel(void) { char bytes[4096]; FILE *zero = fopen("/dev/zero", "r");
	setbuf(zero, NULL); for (int i = 0; i < 300; i++) sink += fread(bytes, 1, sizeof(bytes), zero); fclose(zero); }
int main(void)
{
	char line[8];
	struct timespec used;
	if (!fgets(line, sizeof(line), stdin)) return 1;
	do {
		hot_middle(500000);
		hot_kernel();
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	} while (used.tv_sec < 1);
	printf("%.3f\\n", used.tv_sec + used.tv_nsec / 1e9);
	return 0;
}
"""

PYTHON = """
import sys, time
def leaf(n):
    total = 0
    for i in range(n):
        total += i * i
    return total
class Worker:
    def work(self):
        return sum(map(leaf, [20000] * 20))
sys.stdin.readline()
while time.process_time() < 0.7:
    Worker().work()
print(time.process_time())
"""

STACKS = ("WITH RECURSIVE up(sample, frame, depth, path) AS (SELECT rowid, frame, 0, '' FROM sample UNION ALL"
          " SELECT u.sample, f.caller, u.depth + 1, f.name || ';' || u.path FROM up u JOIN frame f ON f.id = u.frame)"
          " SELECT path, weight_ns FROM up u JOIN sample s ON s.rowid = u.sample WHERE u.frame IS NULL")


def watch(name, command, *options):
    """The target's own account of its time, and the stacks: [(path, ns)]."""
    target = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    wait_until(lambda: open(f"/proc/{target.pid}/syscall").read().startswith("0 "))
    with Attached("--mode", "sample", "--hz", "499", *options, target.pid, name=name) as traced:
        out, _ = target.communicate("go\n", timeout=120)
        wait_until(lambda: traced.process.poll() is not None)
    database = trace(name + ".db")
    subprocess.run([RAGTIME, "decode", traced.path, "-o", database], check=True, stdout=subprocess.DEVNULL, timeout=120)
    return float(out), sqlite3.connect(database).execute(STACKS).fetchall(), traced.path


def share(stacks, *names):
    """The part of the time with these functions on the stack, from the outermost in."""
    def has(path):
        functions = iter(path.split(";"))
        return all(name in functions for name in names)
    return sum(ns for path, ns in stacks if has(path)) / max(1, sum(ns for _, ns in stacks))


def native(flags):
    source, program = os.path.join(TMP, "hot.c"), os.path.join(TMP, "hot")
    with open(source, "w") as file:
        file.write(NATIVE)
    subprocess.run(["gcc", "-O2", *flags, "-o", program, source], check=True)
    used, stacks, path = watch("native.rtrace", [program])
    total = sum(ns for _, ns in stacks) / 1e9
    print(f"native {flags}: {used:.2f} s of processor time, by samples {total:.2f}; "
          f"main;hot_middle;hot_leaf {share(stacks, 'main', 'hot_middle', 'hot_leaf'):.2f}, "
          f"hot_kernel {share(stacks, 'main', 'hot_kernel'):.2f}")
    check(abs(total - used) < 0.05 * used, f"{total} s by samples, {used} s by the system's account")
    middle, leaf = share(stacks, "main", "hot_middle"), share(stacks, "hot_leaf")
    check(leaf > 0.2 and abs(middle - leaf) < 0.05, f"hot_leaf {leaf} of the time, below hot_middle {middle}")
    check(share(stacks, "main", "hot_kernel") > 0.02, "nothing in the kernel's part")
    return path


def python(command, version):
    used, stacks, _ = watch("python.rtrace", [command, "-c", PYTHON])
    total = sum(ns for _, ns in stacks) / 1e9
    work = "Worker.work" if version >= (3, 11) else "work"
    between = f";{work};leaf;"
    mixed = share([(path, ns) for path, ns in stacks if between not in path], "<module>", work, "leaf")
    whole = share(stacks, "<module>", work, "leaf")
    print(f"Python {version}: {used:.2f} s, by samples {total:.2f}; leaf in work {whole:.2f}, native code between {mixed:.2f}")
    check(whole > 0.8, f"Python {version}: leaf below {work} in {whole} of the samples")
    return mixed


def version_of(command):
    done = subprocess.run([command, "-c", "import sys; print(*sys.version_info[:2])"], capture_output=True, text=True)
    return tuple(map(int, done.stdout.split())) if not done.returncode else (0, 0)


def views(path):
    report = json.loads(subprocess.run([RAGTIME, "report", "--json", "--section", "hot", path], capture_output=True,
                                       text=True, check=True, timeout=60).stdout)
    text = json.dumps(report)
    check("hot_leaf" in text and "hot_kernel" in text, "the report has no functions")
    folded = subprocess.run([RAGTIME, "export", "--to", "folded", path], capture_output=True, text=True, check=True,
                            timeout=60).stdout
    check(any("main;hot_middle;hot_leaf " in line for line in folded.splitlines()), folded[:400])


def main():
    skip_unless_allowed()
    native(["-fomit-frame-pointer"])
    views(native(["-fno-omit-frame-pointer"]))
    mixed = []
    root = os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv"))
    others = sorted(glob.glob(os.path.join(root, "versions/3.*/bin/python3"))) if FULL else []
    for command in ["/usr/bin/python3", *others]:
        version = version_of(command)
        if (3, 8) <= version <= (3, 13):
            mixed.append(python(command, version))
    check(min(mixed) > 0.5, "sum() does not stand between the frames of Python")


main()
finish()
