# SPDX-License-Identifier: Apache-2.0
"""The HTML report without a browser: it holds what the database holds, asks nothing of the network, is
held to that by its policy, and is the same at every time."""
import base64
import gzip
import hashlib
import json
import os
import pathlib
import re
import sqlite3
import subprocess
import sys

BUILD, TMP = pathlib.Path(os.environ["BUILD"]), pathlib.Path(os.environ["TMP"])
HERE = pathlib.Path(__file__).resolve().parent
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


def page_of(database):
    command = [BUILD / "ragtime", "report", "--format", "html", database]
    first, second = (subprocess.run(command, capture_output=True, check=True).stdout for _ in range(2))
    assert first == second, f"the page of {database} differs from one time to the next"
    return first.decode()


def between(page, start, end):
    return page.split(start, 1)[1].split(end, 1)[0]


def check_policy(page):
    policy = between(page, 'Content-Security-Policy" content="', '"')
    assert policy.startswith("default-src 'none'; "), policy
    for kind, text in (("script", page.rsplit("<script>", 1)[1].split("</script>", 1)[0]),
                       ("style", between(page, "<style>", "</style>"))):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy, f"{kind}: {digest} is not in {policy}"
    assert not re.search(r"""(src|href)=["'](?!#)""", page), "it refers to something outside"
    assert "style=" not in page and "onclick=" not in page, "inline style or script"
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", page)


def check_data(page, database):
    data = json.loads(gzip.decompress(base64.b64decode(between(page, 'id="data">', "<"))))
    connection = sqlite3.connect(database)
    run = connection.execute("SELECT MIN(id) FROM run").fetchone()[0]
    wanted = dict(connection.execute(
        "SELECT s.id, s.parent FROM span s LEFT JOIN thread t ON t.id = s.thread"
        " LEFT JOIN process p ON p.id = t.process OR p.span = s.id WHERE p.run = ?", (run,)).fetchall())
    spans = data["spans"]
    assert set(spans["id"]) == set(wanted), "spans missing or astray"
    columns = {key: len(value) for key, value in spans.items()}
    assert set(columns.values()) == {len(spans["id"])}, columns
    for unit in data["units"]["list"]:
        assert unit["end"] >= unit["start"] and sum(unit["leaves"].values()) == unit["end"] - unit["start"], unit
    shown = set(spans["id"])
    assert all(set(finding["evidence"]) <= shown for finding in data["findings"]), "evidence that is not there"
    connection.close()
    return data


def check_hostile(database):
    path = TMP / "hostile.db"
    path.write_bytes(pathlib.Path(database).read_bytes())
    connection = sqlite3.connect(path)
    connection.execute("UPDATE run SET command = ?, host = ?", (HOSTILE, HOSTILE))
    connection.execute("UPDATE operation SET name = ? WHERE id >= 32", (HOSTILE,))
    connection.execute("UPDATE object SET name = ?", (HOSTILE,))
    connection.commit()
    connection.close()
    page = page_of(path)
    check_policy(page)
    assert HOSTILE not in page and "<img" not in page
    data = check_data(page, path)
    assert data["run"]["command"] == HOSTILE


def main():
    databases = []
    for fixture in sorted(HERE.glob("fixtures/*.sql")):
        database = TMP / (fixture.stem + ".db")
        subprocess.run([sys.executable, HERE / "fixture.py", fixture, database], check=True)
        databases.append(database)
        page = page_of(database)
        check_policy(page)
        check_data(page, database)
        assert len(page) < 400_000, f"{len(page)} bytes for a small run"
    check_hostile(databases[0])
    two = subprocess.run([BUILD / "ragtime", "report", "--format", "html", *databases[:2]], capture_output=True, text=True)
    assert "a page holds one run" in two.stderr and two.stdout.count("<!DOCTYPE") == 1, two.stderr


main()
