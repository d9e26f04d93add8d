# SPDX-License-Identifier: Apache-2.0
"""t_compat_stores.py CLIENT: a few lines of work on a store through its real client. The servers'
addresses are in FAR_*."""
import asyncio
import os
import sys

DOCUMENTS = [("lamp", [1.0, 0.0, 0.0]), ("ship", [0.0, 1.0, 0.0]), ("tide", [0.0, 0.0, 1.0])]
NEAR = [0.9, 0.1, 0.0]
SEARCH = "SELECT body FROM note_{0} ORDER BY embedding <-> {1} LIMIT 2"


def port(name):
    return int(os.environ["FAR_" + name.upper()])


def postgres_port():
    return port("postgres_tls" if sys.argv[2] == "require" else "postgres")


def psycopg_sync():
    import pgvector.psycopg
    import psycopg
    address = f"host=localhost port={postgres_port()} user=postgres dbname=postgres sslmode={sys.argv[2]}"
    with psycopg.connect(address, autocommit=True) as database:
        database.execute("CREATE EXTENSION IF NOT EXISTS vector")
        pgvector.psycopg.register_vector(database)
        database.execute("CREATE TABLE note_p (body text, embedding vector(3))")
        with database.cursor() as cursor:
            cursor.executemany("INSERT INTO note_p VALUES (%s, %s)", [(body, str(at)) for body, at in DOCUMENTS])
            rows = cursor.execute(SEARCH.format("p", "%s::vector"), (str(NEAR),)).fetchall()
        assert [row[0] for row in rows] == ["lamp", "ship"]
        database.execute("DROP TABLE note_p")


async def asyncpg_async():
    import asyncpg
    import pgvector.asyncpg
    import ssl
    trust = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"]) if sys.argv[2] == "require" else False
    database = await asyncpg.connect(host="localhost", port=postgres_port(), user="postgres", database="postgres",
                                     ssl=trust)
    await database.execute("CREATE EXTENSION IF NOT EXISTS vector")
    await pgvector.asyncpg.register_vector(database)
    await database.execute("CREATE TABLE note_a (body text, embedding vector(3))")
    await database.executemany("INSERT INTO note_a VALUES ($1, $2)", DOCUMENTS)
    rows = await database.fetch(SEARCH.format("a", "$1"), NEAR)
    assert [row[0] for row in rows] == ["lamp", "ship"]
    await database.execute("DROP TABLE note_a")
    await database.close()


def redis_sync():
    import redis
    secured = {"ssl": True, "ssl_ca_certs": os.environ["SSL_CERT_FILE"]} if sys.argv[2] == "tls" else {}
    with redis.Redis(host="localhost", port=port("redis_tls" if secured else "redis"), **secured) as store:
        assert store.get("answer:1") is None
        store.set("answer:1", "the lamp is lit", ex=60)
        assert store.get("answer:1")
        with store.pipeline(transaction=False) as batch:
            batch.mget("answer:1", "answer:2").delete("answer:1").execute()


async def redis_async():
    import redis.asyncio
    async with redis.asyncio.Redis(host="localhost", port=port("redis_tls"), ssl=True,
                                   ssl_ca_certs=os.environ["SSL_CERT_FILE"]) as store:
        assert await store.get("answer:3") is None
        await store.set("answer:3", "the lamp is lit")
        assert await store.getdel("answer:3")


def pymysql_sync():
    import pymysql
    with pymysql.connect(unix_socket=os.environ["FAR_MARIADB"], user="root") as database, database.cursor() as cursor:
        cursor.execute("CREATE DATABASE tower")
        cursor.execute("CREATE TABLE tower.note (id int, body text)")
        cursor.executemany("INSERT INTO tower.note VALUES (%s, %s)", enumerate(body for body, _ in DOCUMENTS))
        database.commit()
        cursor.execute("SELECT body FROM tower.note WHERE id < %s", (2,))
        assert len(cursor.fetchall()) == 2


def pymemcache_sync():
    from pymemcache.client.base import Client
    store = Client(("localhost", port("memcached")))
    assert store.get("answer-1") is None
    store.set("answer-1", b"the lamp is lit")
    assert store.get("answer-1")
    store.close()


def pymongo_sync():
    import pymongo
    with pymongo.MongoClient(f"mongodb://localhost:{port('mongo')}/?directConnection=true") as client:
        notes = client.tower.notes
        notes.insert_many([{"body": body, "embedding": at} for body, at in DOCUMENTS])
        assert len(list(notes.find({"body": "lamp"}))) == 1
        search = {"index": "notes", "path": "embedding", "queryVector": NEAR, "numCandidates": 9, "limit": 2}
        assert len(list(notes.aggregate([{"$vectorSearch": search}]))) == 2


def elasticsearch_sync():
    from elasticsearch import Elasticsearch
    with Elasticsearch(f"http://localhost:{port('elasticsearch')}") as client:
        operations = [part for body, at in DOCUMENTS for part in ({"index": {"_index": "notes"}}, {"body": body, "at": at})]
        client.bulk(operations=operations)
        found = client.search(index="notes", knn={"field": "at", "query_vector": NEAR, "k": 2, "num_candidates": 9})
        assert len(found["hits"]["hits"]) == 2


def qdrant_talk(**options):
    from qdrant_client import QdrantClient, models
    client = QdrantClient(host="localhost", check_compatibility=False, **options)
    client.create_collection("notes", vectors_config=models.VectorParams(size=3, distance=models.Distance.COSINE))
    client.upsert("notes", points=[models.PointStruct(id=number, vector=at, payload={"body": body})
                                   for number, (body, at) in enumerate(DOCUMENTS)])
    only = models.Filter(must=[models.FieldCondition(key="body", match=models.MatchAny(any=["lamp", "ship"]))])
    assert len(client.query_points("notes", query=NEAR, limit=2, query_filter=only).points) == 2
    client.close()


def qdrant_http():
    qdrant_talk(port=port("qdrant"), https=False)


def qdrant_grpc():
    qdrant_talk(port=port("qdrant"), grpc_port=port("qdrant_grpc"), prefer_grpc=True, https=False)


def chromadb_http():
    import chromadb
    client = chromadb.HttpClient(host="localhost", port=port("chroma"))
    notes = client.get_or_create_collection("notes")
    notes.upsert(ids=[body for body, _ in DOCUMENTS], embeddings=[at for _, at in DOCUMENTS],
                 documents=[body for body, _ in DOCUMENTS])
    assert len(notes.query(query_embeddings=[NEAR], n_results=2)["ids"][0]) == 2


def pymilvus_grpc():
    from pymilvus import MilvusClient
    client = MilvusClient(os.environ["FAR_MILVUS"])
    client.create_collection("notes", dimension=3)
    client.insert("notes", [{"id": number, "vector": at, "body": body} for number, (body, at) in enumerate(DOCUMENTS)])
    assert len(client.search("notes", data=[NEAR], limit=2)[0]) == 2
    client.close()


def grpc_call():
    """A call of a service that nobody has told ragtime of; over TLS with `tls`."""
    import grpc
    target = f"localhost:{port('grpc_tls' if sys.argv[2] == 'tls' else 'grpc')}"
    if sys.argv[2] == "tls":
        with open(os.environ["SSL_CERT_FILE"], "rb") as file:
            channel = grpc.secure_channel(target, grpc.ssl_channel_credentials(file.read()))
    else:
        channel = grpc.insecure_channel(target)
    with channel:
        say = channel.unary_unary("/tower.Keeper/Say")
        assert say(b"\x0a\x04lamp") == b"\x0a\x04lamp"
        tell = channel.unary_stream("/tower.Keeper/Tell")
        assert len(list(tell(b"\x0a\x04lamp"))) == 3


if __name__ == "__main__":
    run = globals()[sys.argv[1]]
    if asyncio.iscoroutinefunction(run):
        asyncio.run(run())
    else:
        run()
