#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""rag.py: answers questions about the documents in docs/, as many a RAG service does.

An ordinary program: it knows nothing of being traced. Files are read and cut into chunks, embedded
through the OpenAI client in threads, stored in PostgreSQL with pgvector; each question is looked up
in a Redis cache, embedded, searched, and answered by a streaming chat completion.
"""

import hashlib
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import openai
import pgvector.psycopg
import psycopg
import redis

EMBEDDING_MODEL, EMBEDDING_SIZE = "stand-in-384", 384
CHAT_MODEL = "gpt-4o-mini"
BATCH = 4
TOP_K = 3
QUESTIONS = [
    "How is the lens of the great refractor cleaned?",
    "What must I do when the power fails at night?",
    "When do I have to close the shutter of the dome?",
    "How is the lens of the great refractor cleaned?",
]


def read_chunks(folder):
    """Paragraphs of every document, with the title of theirs before them."""
    for path in sorted(folder.glob("*.txt")):
        title, *paragraphs = path.read_text().split("\n\n")
        for paragraph in paragraphs:
            yield path.name, title.lstrip("# ") + ": " + " ".join(paragraph.split())


def embed(client, texts):
    answer = client.embeddings.create(model=EMBEDDING_MODEL, input=texts)
    return [item.embedding for item in answer.data]


def ingest(client, database, folder):
    chunks = list(read_chunks(folder))
    batches = [chunks[i : i + BATCH] for i in range(0, len(chunks), BATCH)]
    with ThreadPoolExecutor(3, thread_name_prefix="embed") as pool:
        embedded = list(pool.map(lambda batch: embed(client, [text for _, text in batch]), batches))
    database.execute("CREATE EXTENSION IF NOT EXISTS vector")
    pgvector.psycopg.register_vector(database)
    database.execute(f"CREATE TABLE chunk (id serial, file text, body text, embedding vector({EMBEDDING_SIZE}))")
    with database.cursor().copy("COPY chunk (file, body, embedding) FROM STDIN WITH (FORMAT BINARY)") as copy:
        copy.set_types(["text", "text", "vector"])
        for batch, vectors in zip(batches, embedded):
            for (file, body), vector in zip(batch, vectors):
                copy.write_row((file, body, pgvector.Vector(vector)))
    database.execute("CREATE INDEX ON chunk USING hnsw (embedding vector_cosine_ops)")
    return len(chunks)


def search(client, database, question):
    vector = pgvector.Vector(embed(client, [question])[0])
    query = "SELECT file, body, embedding <=> %s AS distance FROM chunk ORDER BY distance LIMIT %s"
    return database.execute(query, (vector, TOP_K)).fetchall()


def generate(client, question, found):
    context = "\n".join(body for _, body, _ in found)
    messages = [
        {"role": "system", "content": f"Answer from these documents alone:\n{context}"},
        {"role": "user", "content": question},
    ]
    stream = client.chat.completions.create(
        model=CHAT_MODEL, messages=messages, stream=True, stream_options={"include_usage": True}
    )
    text, first = [], None
    begin = time.perf_counter()
    for event in stream:
        if event.choices and event.choices[0].delta.content:
            first = first or time.perf_counter() - begin
            text.append(event.choices[0].delta.content)
    return "".join(text), first


def answer(client, database, cache, question):
    key = "answer:" + hashlib.sha256(question.encode()).hexdigest()[:16]
    cached = cache.get(key)
    if cached:
        return cached.decode(), "from the cache"
    found = search(client, database, question)
    text, first = generate(client, question, found)
    cache.set(key, text, ex=600)
    return text, f"from {found[0][0]}, first token after {first * 1000:.0f} ms"


def main():
    questions = sys.argv[1:] or QUESTIONS
    client = openai.OpenAI()
    cache = redis.Redis.from_url(os.environ["RAG_REDIS"])
    with psycopg.connect(os.environ["RAG_POSTGRES"], autocommit=True) as database:
        count = ingest(client, database, Path(__file__).parent / "docs")
        print(f"{count} chunks embedded and stored")
        for question in questions:
            begin = time.perf_counter()
            text, how = answer(client, database, cache, question)
            print(f"\nQ: {question}\nA: {text}\n   ({how}; {(time.perf_counter() - begin) * 1000:.0f} ms)", flush=True)


if __name__ == "__main__":
    main()
