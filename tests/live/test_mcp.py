# SPDX-License-Identifier: Apache-2.0
"""Tool calls of the mcp package, client and servers under trace: two servers over pipes at once with
the same ids under way, an event stream that answers POSTs, streamable HTTP; and Node without a library."""
import collections
import re
import shutil
import subprocess

from far_ends import TESTS, python_of, requests_of
from runs import check, command, finish, trace


def calls(label, *args):
    """Of each side: which tool, how much argument and result, how it went. Of each transport."""
    path = trace(label + ".rtrace")
    done = subprocess.run(command(path, *args), capture_output=True, text=True, timeout=120)
    check(done.returncode == 0, f"{label}: status {done.returncode}\n{done.stderr}")
    with open(path, "rb") as file:
        check(b"PLANTED" not in file.read(), f"{label}: what was said is in the trace")
    told, hashes, spans = collections.Counter(), set(), requests_of(path)
    for span in spans:
        attrs = span["attrs"]
        if span["class"] != "tool_call":
            continue
        told[attrs["ragtime.side"], attrs["network.protocol.name"], attrs["gen_ai.tool.name"],
             attrs["ragtime.tool_argument_bytes"], attrs["ragtime.tool_result_bytes"], span["status"],
             attrs.get("error.type")] += 1
        hashes.add((attrs["ragtime.tool_argument_hash"], attrs["ragtime.tool_argument_bytes"]))
        check(re.fullmatch("[0-9a-f]{16}", attrs["ragtime.tool_argument_hash"]), str(attrs))
        if attrs["gen_ai.tool.name"] == "look_up":
            check(span["end_ns"] - span["start_ns"] >= 19_000_000, f"{label}: the tool takes 20 ms: {span}")
    return told, len(hashes), spans


told, hashes, spans = calls("mcp", python_of("talkers"), str(TESTS / "programs/t_mcp.py"))
wanted = collections.Counter()
for side in ("client", "server"):
    for protocol, sizes, sessions in (("jsonrpc", (1, 2, 20000, 3, 4, 15000), 2), ("http1", (1, 2, 20000) * 2, 2)):
        for k in sizes:  # the text stands there twice, structured and not
            wanted[side, protocol, "look_up", 12 + len(str(k)), 21 * k * 2 + 5, "ok", None] += 1
        wanted[side, protocol, "break_down", 7, 36, "error", "tool_error"] += sessions
check(told == wanted, f"python: {told - wanted} not {wanted - told}")
check(hashes == 7, f"python: {hashes} different arguments")
opened = [s for s in spans if s["name"] == "initialize" and s["status"] == "ok"]
check(len(opened) == 8, f"python: {len(opened)} sessions begun")
if shutil.which("node"):
    told, hashes, _ = calls("node", "node", str(TESTS / "programs/t_mcp.mjs"))
    wanted = collections.Counter((side, "jsonrpc", "repeat", 1, 7 * k + 4, "ok", None)
                                 for side in ("client", "server") for k in (1, 2, 3))
    check(told == wanted, f"node: {told}")
    check(hashes == 3, f"node: {hashes} different arguments")
finish()
