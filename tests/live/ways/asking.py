# SPDX-License-Identifier: Apache-2.0
"""What the programs of `test_attach_ways` say on their connections; requests are numbered."""
import json


def http(number):
    return f"GET /items/exchange{number:04} HTTP/1.1\r\nHost: far\r\n\r\n".encode()


def llm(number):
    body = json.dumps({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": f"word {number}"}]}).encode()
    return (b"POST /v1/chat/completions HTTP/1.1\r\nHost: far\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n" % len(body)) + body


def redis(number):
    key = f"item:{number:04}"
    return f"*2\r\n$3\r\nGET\r\n${len(key)}\r\n{key}\r\n".encode()


def sql(number):
    text = f"SELECT price FROM item WHERE id = {number}".encode() + b"\0"
    return b"Q" + (len(text) + 4).to_bytes(4, "big") + text


# a session of PostgreSQL begins with this, before any query
HELLO = (lambda body: (len(body) + 4).to_bytes(4, "big") + body)(b"\0\3\0\0user\0far\0database\0far\0\0")
KINDS = {"http": http, "llm": llm, "redis": redis, "sql": sql}
# how each of their answers ends
ENDS = {"http": b"done", "llm": b"}}}", "redis": b"\r\nworth\r\n", "sql": b"Z\0\0\0\5I"}
