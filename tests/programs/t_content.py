# SPDX-License-Identifier: Apache-2.0
"""Says things to a model, to PostgreSQL, to Redis and to a plain service, some of them credentials: the
openai client, psycopg, redis and urllib. Where the plain service is, the first argument says."""
import json
import os
import sys
import urllib.request

import openai
import psycopg
import redis

TOOL = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}
client = openai.OpenAI()
for stream in (False, True):
    answer = client.chat.completions.create(
        model="gpt-4o-mini", max_tokens=12, stream=stream, tools=[TOOL],
        messages=[{"role": "system", "content": "PLANTED-SYSTEM"},
                  {"role": "user", "content": "PLANTED-PROMPT \n my api_key=PLANTED-WORD and sk-4711planted4711planted"}])
    said = "".join(chunk.choices[0].delta.content or "" for chunk in answer if chunk.choices) if stream \
        else answer.choices[0].message.content
    print(json.dumps(said))
client.chat.completions.create(model="gpt-4o-mini", max_tokens=4, messages=[
    {"role": "user", "content": "PLANTED-LONG " + "word " * 20000 + "PLANTED-END"}])
with psycopg.connect(os.environ["RAG_POSTGRES"], autocommit=True) as database:
    database.execute("SELECT 'PLANTED-LITERAL' AS said")
    database.execute("CREATE ROLE planted PASSWORD 'PLANTED-WORD'")
    database.execute("SELECT %s::text, %s::text, %s::text", ("PLANTED-BOUND", "it's", None))
    database.execute("SELECT %s::text AS password", ("PLANTED-WORD",))
with redis.Redis.from_url(os.environ["RAG_REDIS"]) as cache:
    cache.setex("planted:4711", 60, "PLANTED-VALUE")
    cache.mget("planted:4711", "planted:none")
    cache.setex("user:password", 60, "PLANTED-WORD")
    cache.get("user:password")
    cache.execute_command("ACL", "SETUSER", "planted", ">PLANTED-WORD")
body = json.dumps({"note": "PLANTED-NOTE", "password": "PLANTED-WORD", "messages": []}).encode()
headers = {"content-type": "application/json", "authorization": "Bearer PLANTED-WORD", "cookie": "id=PLANTED-WORD"}
try:
    with urllib.request.urlopen(urllib.request.Request(sys.argv[1] + "/v1/notes", body, headers)) as answer:
        answer.read()
except urllib.error.HTTPError as error:
    error.read()
