# SPDX-License-Identifier: Apache-2.0
"""The true tree of a program's own calls, for tests/truth/score.py: one JSON line a call, at its end.

A call is told its parent by its caller, by hand: nothing here leans on threads, tasks or contexts.
"""
import itertools
import json
import os
import threading
import time

numbers = itertools.count(1)
path = os.environ.get("SCORE_LOG", os.devnull)


def write(entry):
    """One write a line, so that processes may share the file."""
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(file, (json.dumps(entry) + "\n").encode())
    os.close(file)


class Call:
    """with Call("embed", above): a call of the function `embed`, made by `above`.

    above: the Call around it or, from another process, its link; None for a request's first.
    beside: instead of a parent, a call of the same request that does not enclose this one.
    """

    def __init__(self, name, above=None, request=None, beside=None, kind="function"):
        kin = above or beside
        kin_id, kin_request = kin.link if isinstance(kin, Call) else kin or (None, request)
        self.link = (f"{os.getpid()}.{next(numbers)}", kin_request)
        self.entry = {"id": self.link[0], "name": name, "kind": kind, "request": kin_request,
                      "parent": kin_id if above else None, "beside": kin_id if beside else None,
                      "pid": os.getpid(), "tid": threading.get_native_id(),
                      "start": time.monotonic_ns()}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.entry["end"] = time.monotonic_ns()
        write(self.entry)

    def exchange(self):
        """The path of a request to be made to the far end: a name that no other request has."""
        path_name = f"exchange{exchange_number():04d}"
        own = Call(path_name, self, kind="exchange")
        return own, f"/far/{path_name}"


def exchange_number():
    """Of this program, in whichever of its processes: 4 digits are what a URL template keeps."""
    folder = os.environ["SCORE_EXCHANGES"]
    file = os.open(folder, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(file, b".")
    # with O_APPEND the offset after the write is the end of one's own byte
    number = os.lseek(file, 0, os.SEEK_CUR)
    os.close(file)
    return number
