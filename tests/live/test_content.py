# SPDX-License-Identifier: Apache-2.0
"""`run --with-content` stores what is said, without credentials, and says so; without it nothing is."""
import json
import os
import subprocess

from far_ends import TESTS, StandIn, python_of
from runs import RAGTIME, check, command, finish, trace

PYTHON = python_of("requirements")
SAID = ["PLANTED-SYSTEM", "PLANTED-PROMPT", "PLANTED-LONG", "PLANTED-LITERAL", "PLANTED-NOTE", "PLANTED-BOUND",
        "PLANTED-VALUE"]
NEVER = ["PLANTED-WORD", "sk-4711planted", "PLANTED-END"]
LOUD = "recorded with content"


def ragtime(*args):
    done = subprocess.run([RAGTIME, *args], capture_output=True, text=True, timeout=120)
    check(done.returncode == 0, f"{args}: {done.stderr}")
    return done.stdout


def record(name, *options):
    """The answers that the program got, the database as bytes, the trace's path."""
    path = trace(name + ".rtrace")
    with StandIn(name, plain=True) as plain:
        traced = command(path, PYTHON, str(TESTS / "programs/t_content.py"), f"http://127.0.0.1:{plain.port()}",
                         options=options)
        done = subprocess.run([PYTHON, str(TESTS / "demo/servers.py"), "--", *traced], capture_output=True, text=True,
                              timeout=180, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    check(done.returncode == 0, f"{name}: status {done.returncode}\n{done.stderr[-3000:]}")
    ragtime("decode", "-o", path + ".db", path)
    with open(path + ".db", "rb") as file:
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith('"')], file.read(), path


def without():
    answers, data, path = record("without")
    check(len(answers) == 2, f"{len(answers)} answers")
    for text in SAID + NEVER + [answer[:40] for answer in answers]:
        check(text.encode() not in data, f"'{text}' is stored, and nobody asked for it")
    for name in ("info", "tree", "report"):
        check(LOUD not in ragtime(name, path).lower(), f"{name} speaks of content")


def with_content():
    answers, data, path = record("with", "--with-content")
    for text in SAID:
        check(text.encode() in data, f"'{text}' is not stored")
    for text in NEVER:
        check(text.encode() not in data, f"'{text}' is stored")
    lines = [json.loads(line) for line in ragtime("export", "--to", "json", path).splitlines()]
    spans = [line["attrs"] for line in lines if line["type"] == "span"]
    chats = [attrs for attrs in spans if attrs.get("gen_ai.operation.name") == "chat"]
    check(len(chats) == 3, f"{len(chats)} chats")
    for attrs, answer in zip(chats, answers):
        check("PLANTED-PROMPT" in attrs["gen_ai.input.messages"], str(attrs))
        check(answer in attrs["gen_ai.output.messages"].replace("\\n", "\n").replace('\\"', '"'), f"{answer!r}: {attrs}")
        check("ragtime.request.body" not in attrs, str(attrs))
    check(chats[1]["gen_ai.output.messages"] == answers[1], f"streamed: {chats[1]}")
    check(len(chats[2]["gen_ai.input.messages"]) < 32 << 10, "a long prompt is not cut")
    texts = [attrs["db.query.text"] for attrs in spans if "db.query.text" in attrs]
    check("SELECT 'PLANTED-LITERAL' AS said" in texts, f"statements: {texts}")
    check("CREATE ROLE planted PASSWORD '***'" in texts, f"statements: {texts}")
    bound = {attrs["db.query.text"]: attrs["ragtime.query.values"] for attrs in spans if "ragtime.query.values" in attrs}
    check(bound == {"SELECT $1::text, $2::text, $3::text": "('PLANTED-BOUND', 'it''s', NULL)",
                    "SELECT $1::text AS password": "***"}, f"values: {bound}")
    said = {attrs["db.query.text"]: attrs.get("ragtime.response.body") for attrs in spans
            if attrs.get("db.system.name") == "redis"}
    for statement, answer in {"SETEX 'planted:4711' '60' 'PLANTED-VALUE'": "'OK'", "SETEX": None, "GET": None,
                              "MGET 'planted:4711' 'planted:none'": "'PLANTED-VALUE' NULL", "ACL": "'OK'"}.items():
        check(statement in said and said[statement] == answer, f"{statement}: {said}")
    notes = [attrs for attrs in spans if "PLANTED-NOTE" in attrs.get("ragtime.request.body", "")]
    check(len(notes) == 1 and '"password": "***"' in notes[0]["ragtime.request.body"], f"bodies: {notes}")
    check("ragtime.response.body" in notes[0], f"bodies: {notes}")
    check(next(line for line in lines if line["type"] == "header")["content"] is True, "the export's header")
    check("PLANTED-PROMPT" in ragtime("export", "--to", "otlp", path), "otlp has no content")
    for name in ("info", "tree", "report"):
        check(LOUD in ragtime(name, path).lower(), f"{name} does not say that content is stored")
    check("beyond the 64 KiB" in ragtime("info", path), "info does not say that content was cut")
    check("CONTENT IS STORED" in ragtime("report", "--format", "html", path), "html")


without()
with_content()
finish()
