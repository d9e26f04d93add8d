#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""fixture.py SQL DB: makes a database from SQL text, with the tables and indexes of wire/.

The text may call hist('100*3,250'): a histogram blob of these values, packed as lib/hist.h says.
"""
import pathlib
import sqlite3
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SUB_BITS = 5


def bucket_of(value):
    sub = 1 << SUB_BITS
    if value < sub:
        return value
    top = value.bit_length() - 1
    return (top - SUB_BITS + 1) * sub + (value >> (top - SUB_BITS) & (sub - 1))


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def hist(text):
    counts = {}
    for item in text.split(","):
        value, _, times = item.partition("*")
        bucket = bucket_of(int(value))
        counts[bucket] = counts.get(bucket, 0) + int(times or 1)
    at = min(counts)
    out = varint(at)
    for bucket in sorted(counts):
        if bucket > at:
            out += b"\0" + varint(bucket - at)
        out += varint(counts[bucket])
        at = bucket + 1
    return out


def main():
    text, place = sys.argv[1:]
    pathlib.Path(place).unlink(missing_ok=True)
    database = sqlite3.connect(place)
    database.create_function("hist", 1, hist, deterministic=True)
    for name in (ROOT / "wire/schema.sql", text, ROOT / "wire/schema_index.sql"):
        database.executescript(pathlib.Path(name).read_text())
    database.commit()
    database.close()


main()
