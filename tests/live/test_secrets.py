# SPDX-License-Identifier: Apache-2.0
"""Secrets planted wherever a program has them are in nothing that ragtime writes: not in the trace
once unpacked, the database, what the reading commands print, nor what `run` says.

Content (prompts, statements, values, bodies) is planted as plain words, since it must stay away for
where it stands and not for how it looks. Names that a trace keeps (paths, hosts, threads, models,
command lines) are planted as what secrets look like: keys, tokens, URLs with a password.
"""
import base64
import ctypes
import ctypes.util
import gzip
import json
import os
import random
import re
import string
import subprocess
import urllib.parse

from far_ends import TESTS, python_of
from runs import BLOCK, RAGTIME, TMP, check, command, finish, trace

PYTHON = python_of("clients")
PROGRAM = str(TESTS / "programs/t_secrets.py")
SERVERS = str(TESTS / "demo/servers.py")
dice = random.Random(4711)
WORDS = ("amber basalt cedar dusk ember fjord gravel harbor island juniper kelp lantern meadow nettle orchard "
         "pebble quarry river saffron thistle umber valley willow yarrow").split()
EXPORTS = "json chrome folded otlp perfetto pprof speedscope openmetrics timing-records".split()
CHECKS = "text json markdown sarif junit".split()
WINDOW, WORDS_WINDOW = 10, 16  # plain words meet by chance where less of them is compared


def letters(size):
    """Letters and digits as in a random key."""
    text = "".join(dice.choice(string.ascii_letters + string.digits) for _ in range(size))
    return text[:2] + "7" + text[3:5] + "4" + text[6:]


def words(count=4):
    """What nothing about it tells to be a secret."""
    return " ".join(dice.choice(WORDS) + dice.choice(WORDS) for _ in range(count))


def key():
    shapes = ["sk-{}", "sk-proj-{}", "sk-ant-api03-{}", "ghp_{}", "AKIA{}", "hf_{}", "gsk_{}", "xoxb-{}", "glpat-{}",
              "pcsk_{}", "eyJhbGciOiJIUzI1NiJ9.{}", "{}", "AIza{}", "nvapi-{}", "tvly-{}"]
    core = letters(36)
    return {"text": dice.choice(shapes).format(core), "core": core}


def plain():
    text = words()
    return {"text": text, "core": text}


def bare_key():
    """That SQL takes for a name."""
    core = letters(36)
    return {"text": core, "core": core}


def labels():
    """As tenants are named in DNS."""
    core = letters(36)
    return {"text": f"{core}.api.invalid", "core": core}


def password(shape):
    core = dice.choice(WORDS) + dice.choice(WORDS) + dice.choice(WORDS)
    return {"text": shape.format(core), "core": core}


def one_word():
    """As a program's own words look, and not longer."""
    while len(core := "".join(dice.choice(WORDS) for _ in range(3))) > 20:
        pass
    return {"text": core, "core": core}


def short_key():
    core = letters(12)
    return {"text": "sk-" + core, "core": core}


def bearer():
    core = letters(40)
    return {"text": "Bearer " + core, "core": core}


def make_plants():
    return {
        "header": [bearer() if i % 11 in (0, 4) else key() for i in range(22)],
        "answer header": [key() for _ in range(20)],
        "prompt": [plain() for _ in range(16)] + [key() for _ in range(8)],
        "completion": [plain() for _ in range(12)],
        "label": [key() for _ in range(12)],
        "error": [plain() for _ in range(16)],
        "url": [key() for _ in range(15)],
        "sql": [plain() for _ in range(28)],
        "sql parameter": [plain() for _ in range(8)],
        "redis": [plain() for _ in range(30)],
        "redis key": [one_word() for _ in range(4)],
        "path": [key() for _ in range(8)] + [password("password={}") for _ in range(4)],
        "host": [key() for _ in range(4)] + [labels() for _ in range(4)] + [password("https://keeper:{}@localhost/x") for _ in range(2)]
        + [password("localhost?token={}") for _ in range(2)],
        "thread": [short_key() for _ in range(4)],
        "program": [key() for _ in range(3)] + [password("{}") for _ in range(3)],
        "argument": [key() for _ in range(3)] + [password("--password={}"), password("postgresql://keeper:{}@db/x"),
            password("--api-key {}"), password("PGPASSWORD={}"), password("--token '{}'"), password("-H 'Cookie: id={}'"),
            password("https://db.example/x?signature={}")],
        "http2": [key() for _ in range(28)],
        "tools": [plain() for _ in range(16)],
        "sqlite": [plain() for _ in range(4)],
        "sqlite name": [bare_key() for _ in range(3)],
        "exception": [plain() for _ in range(6)],
        "function": [key() for _ in range(4)],
        "span": [key() for _ in range(4)],
        "environment": [key() for _ in range(2)] + [password("{}") for _ in range(2)],
    }


def arguments_of(plants):
    """Each argument as a shell would have parted it."""
    made = []
    for plant in plants["argument"]:
        name, space, value = plant["text"].partition(" ")
        made += [name, value.strip("'")] if space else [name]
    return made


def unpack(path):
    """The bytes of the file, then those of every block, decompressed."""
    library = ctypes.CDLL(ctypes.util.find_library("zstd") or "libzstd.so.1")
    library.ZSTD_decompress.restype = ctypes.c_size_t
    with open(path, "rb") as file:
        data = file.read()
    at, parts = int.from_bytes(data[12:16], "little"), [data]
    while at < len(data):
        _, _, _, packed, raw, *_ = BLOCK.unpack_from(data, at)
        at += BLOCK.size
        room = ctypes.create_string_buffer(raw + 1)
        size = library.ZSTD_decompress(room, ctypes.c_size_t(raw + 1), data[at:at + packed], ctypes.c_size_t(packed))
        check(size == raw, f"block of {packed} bytes: {size} bytes come out, not {raw}")
        parts.append(room.raw[:raw])
        at += packed
    return b"\0".join(parts)


def unpacked(data):
    """With what is compressed in it: the whole, or in base64."""
    if data[:2] == b"\x1f\x8b":
        data += gzip.decompress(data)
    for blob in re.findall(rb"H4sI[A-Za-z0-9+/=]+", data):
        data += gzip.decompress(base64.b64decode(blob))
    return data


def outputs(path):
    """What the reading commands print and write, by name."""
    database = os.path.join(TMP, "secrets.db")
    commands = {
        "decode": ["decode", "-o", database, path], "info": ["info", path], "info --json": ["info", "--json", path],
        "tree": ["tree", "--io", "--top", "0", path], "tree --json": ["tree", "--io", "--top", "0", "--json", path],
        "tree --requests": ["tree", "--requests", "--top", "0", path],
        "report": ["report", "--top", "0", path], "report --json": ["report", "--json", path],
        "report markdown": ["report", "--top", "0", "--format", "markdown", path],
        "report html": ["report", "--format", "html", path], "classify": ["classify", path],
        **{f"export {form}": ["export", "--to", form, path] for form in EXPORTS},
        **{f"check {form}": ["check", "--fail-on", "never", "--format", form, path] for form in CHECKS},
    }
    found = {}
    for name, words_of in commands.items():
        done = subprocess.run([RAGTIME, *words_of], capture_output=True, timeout=120)
        check(done.returncode == 0, f"{name}: status {done.returncode} {done.stderr[:300]}")
        found[name] = unpacked(done.stdout) + done.stderr
    with open(database, "rb") as file:
        found["database"] = file.read()
    return found


def forms(core):
    """The whole, as others would write it, and windows of it: half a secret is one too."""
    raw = core.encode()
    whole = {raw, urllib.parse.quote(core).encode(), urllib.parse.quote_plus(core).encode(), raw.hex().encode()}
    whole |= {base64.b64encode(raw)[:-4], raw[::-1], raw.upper(), raw.lower()}
    size = WORDS_WINDOW if core.isalpha() or " " in core else WINDOW
    middle = max(len(raw) - size, 0) // 2
    return whole | {raw[:size], raw[middle:middle + size], raw[-size:]}


def main():
    plants = make_plants()
    count = sum(map(len, plants.values()))
    check(count >= 200, f"{count} secrets are planted")
    file = os.path.join(TMP, "plants.json")
    with open(file, "w") as out:
        json.dump(plants, out)
    path = trace("secrets.rtrace")
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    for place, plant in enumerate(plants["environment"]):
        environment[f"APP_SECRET_{place}"] = plant["text"]
    traced = command(path, PYTHON, PROGRAM, file, *arguments_of(plants), options=("--func", "libz.so*:gz*"))
    demo = python_of("requirements")
    done = subprocess.run([demo, SERVERS, "--", *traced], capture_output=True, timeout=240, env=environment)
    if not check(done.returncode == 0, f"status {done.returncode}: {done.stderr.decode()[-2000:]}"):
        return
    found = {"trace": unpack(path), "standard error of run": done.stderr, **outputs(path)}
    exchanges = [line for line in found["export json"].splitlines() if b'"kind":"request"' in line]
    for system in (b"postgresql", b"redis", b"/v1/chat/completions", b"embeddings"):
        check(sum(system in line for line in exchanges) >= 3, f"requests of {system.decode()} are not there")
    for name in ("shop.Orders/List", "tools/call look_up", "fail_later", "gzputs", "sqlite3_prepare"):
        check(name.encode() in found["export json"], f"{name} is not there")
    check(b"SELECT * FROM keeper WHERE body = ?" in found["trace"], "statements are not there")
    # most of what is written stands in it many times; no secret has a quote in it
    once = b"\0".join({part for data in found.values() for part in re.split(rb'["\n]', data)})
    for place, planted in plants.items():
        for number, plant in enumerate(planted):
            seen = [form for form in forms(plant["core"]) if form in once]
            where = [name for name, data in found.items() if any(form in data for form in seen)]
            check(not where, f"{place} {number}, {plant['text']!r}, is in: {', '.join(where)}")
    print(f"{count} secrets, {len(exchanges)} requests, {sum(map(len, found.values()))} bytes searched")


main()
finish()
