# SPDX-License-Identifier: Apache-2.0
"""Exit status, streams, environment, descriptors and signal state of a traced program are what
they are without ragtime."""
import os
import signal
import subprocess

from runs import RAGTIME, TMP, Walk, check, command, finish, run, trace

# What the program sees of the world, as text.
VIEW = r"""
import os, signal, sys
print(sorted(os.listdir('/proc/self/fd'), key=int))
for line in open('/proc/self/status'):
    if line.startswith(('SigP', 'SigB', 'SigI', 'SigC', 'Shd', 'Seccomp', 'NoNewPrivs', 'Umask')):
        print(line.strip())
print(sorted((k, v) for k, v in os.environ.items() if k != '_'))
print(os.getpgrp() == int(sys.argv[1]), os.getcwd(), os.nice(0))
print(open('/proc/self/limits').read())
print(sys.stdin.read())
"""


def check_statuses():
    path = trace()
    table = [
        (["true"], 0), (["false"], 1), (["sh", "-c", "exit 7"], 7), (["sh", "-c", "exit 255"], 255),
        (["sh", "-c", "kill -9 $$"], 137), (["sh", "-c", "kill -TERM $$"], 143),
        (["sh", "-c", "kill -SEGV $$"], 139), (["sh", "-c", "ulimit -c 0; kill -ABRT $$"], 134),
        (["sh", "-c", "kill -INT $$"], 130), (["./no/such/file"], 127), (["no-such-program"], 127),
        (["/etc/passwd"], 126), (["/tmp"], 126),
    ]
    for args, expected in table:
        done = run(path, *args)
        check(done.returncode == expected, f"{args}: status {done.returncode}, not {expected}")
        check(done.stdout == b"", f"{args}: output {done.stdout!r}")
        if expected not in (126, 127):
            check(done.stderr == b"", f"{args}: errors {done.stderr!r}")
            check(Walk(path).finished, f"{args}: the trace is unfinished")
    for shell, told in (("kill -9 $$", "signal 9 (Killed)"), ("exit 137", "status 137")):
        run(path, "sh", "-c", shell)
        report = subprocess.run([RAGTIME, "report", path], capture_output=True, text=True).stdout
        check(f"ended {'by' if 'kill' in shell else 'with'} {told}" in report, f"{shell}: {report[:300]}")
    usage = subprocess.run([RAGTIME, "run", "--no-such-option"], capture_output=True)
    check(usage.returncode == 2, f"usage error: status {usage.returncode}")
    usage = subprocess.run([RAGTIME, "run"], capture_output=True)
    check(usage.returncode == 2, f"no program: status {usage.returncode}")
    bad = run("/no/such/folder/x.rtrace", "echo", "ran")
    check(bad.returncode == 125 and bad.stdout == b"", f"bad output: {bad}")
    script = os.path.join(TMP, "script")
    with open(script, "w") as file:
        file.write("echo shell-script $1; exit 3\n")
    os.chmod(script, 0o755)
    done = run(path, script, "arg")
    check(done.returncode == 3 and done.stdout == b"shell-script arg\n", f"script without #!: {done}")


def check_view(label, **keywords):
    """The same program with and without, under the same conditions."""
    args = ["python3", "-c", VIEW, str(os.getpgrp())]
    keywords.setdefault("stdin", subprocess.DEVNULL)
    plain = subprocess.run(args, capture_output=True, timeout=60, **keywords)
    for options in ((), ("--exec",)):
        traced = subprocess.run(command(trace(), *args, options=options), capture_output=True,
                                timeout=60, **keywords)
        if not check(traced.stdout == plain.stdout and traced.returncode == plain.returncode,
                     f"the program sees a difference: {label} {options}"):
            for left, right in zip(plain.stdout.splitlines(), traced.stdout.splitlines()):
                if left != right:
                    print(f"  plain  {left.decode()[:300]}\n  traced {right.decode()[:300]}")
            print(traced.stderr.decode())


def signals_changed():
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2, signal.SIGTERM, signal.SIGRTMIN])


def closed_standard():
    os.close(0)
    os.close(2)


def check_views():
    check_view("plain")
    check_view("its own session", start_new_session=True)
    check_view("changed signals", preexec_fn=signals_changed)
    check_view("few variables", env={"PATH": os.environ["PATH"], "A": "1"})
    reading, writing = os.pipe()
    check_view("inherited descriptors", pass_fds=(reading, writing))
    os.close(writing)
    os.close(reading)
    read, write = os.pipe()
    os.write(write, b"some input")
    os.close(write)
    done = subprocess.run(command(trace(), "cat"), stdin=read, capture_output=True, timeout=60)
    check(done.stdout == b"some input", "standard input arrives")
    os.close(read)
    check_view("closed standard input and error", stdin=None, preexec_fn=closed_standard)


def check_early_close():
    """A reader sees the end when the target closes, though the tracer lives on."""
    program = "import os, time; os.write(1, b'x'); os.close(1); os.close(2); time.sleep(3)"
    for options in ((), ("--exec",)):
        child = subprocess.Popen(command(trace(), "python3", "-c", program, options=options),
                                 stdout=subprocess.PIPE)
        check(child.stdout.read() == b"x" and child.poll() is None,
              f"standard output ends when the target closes it {options}")
        child.kill() if options else child.terminate()
        child.wait()


def check_inherited_pipe():
    """The same for a descriptor beyond the standard ones."""
    read, write = os.pipe()
    program = f"import os, time; os.close({write}); time.sleep(3)"
    child = subprocess.Popen(command(trace(), "python3", "-c", program), pass_fds=(write,))
    os.close(write)
    check(os.read(read, 1) == b"" and child.poll() is None, "an inherited pipe ends")
    child.terminate()
    child.wait()
    os.close(read)


def check_untraceable():
    source = os.path.join(TMP, "s.c")
    with open(source, "w") as file:
        file.write("#include <stdio.h>\nint main(void) { puts(\"ran\"); return 5; }\n")
    for flag, word in (("-static", "statically"), ("-fsanitize=address", "AddressSanitizer")):
        program = os.path.join(TMP, "untraceable")
        if subprocess.run(["gcc", flag, "-o", program, source], capture_output=True).returncode:
            print(f"not built: {flag}")
            continue
        done = run(trace(), program)
        check(done.returncode == 5 and done.stdout == b"ran\n" and
              b"not traceable by the shim" in done.stderr and word.encode() in done.stderr,
              f"{flag}: {done}")


check_statuses()
check_views()
check_early_close()
check_inherited_pipe()
check_untraceable()
finish()
