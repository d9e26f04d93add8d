#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Services over gRPC: a small one that nobody has heard of, and a stand-in for Qdrant's.

grpc_server.py PORT TLS_PORT CERT KEY. grpcio and Qdrant's messages are those of the packages in
tests/python/compat.lock.
"""

import collections
import concurrent.futures
import sys

import grpc
from qdrant_client import grpc as qdrant

from nearest import Collection

store = collections.defaultdict(Collection)


class Keeper(grpc.GenericRpcHandler):
    """tower.Keeper: Say gives back what it is given, Tell three times."""

    def service(self, details):
        if details.method == "/tower.Keeper/Say":
            return grpc.unary_unary_rpc_method_handler(lambda request, _: request)
        if details.method == "/tower.Keeper/Tell":
            return grpc.unary_stream_rpc_method_handler(lambda request, _: iter([request] * 3))
        return None


class Collections(qdrant.CollectionsServicer):
    def Create(self, request, context):
        store[request.collection_name] = Collection()
        return qdrant.CollectionOperationResponse(result=True, time=0.0005)


def vector_of(vector):
    return list(vector.dense.data) or list(vector.data)


class Points(qdrant.PointsServicer):
    def Upsert(self, request, context):
        for point in request.points:
            store[request.collection_name].put(point.id.num, vector_of(point.vectors.vector), dict(point.payload))
        done = qdrant.UpdateResult(operation_id=1, status=qdrant.UpdateStatus.Completed)
        return qdrant.PointsOperationResponse(result=done, time=0.0005)

    def Query(self, request, context):
        wanted = list(request.query.nearest.dense.data)
        found = store[request.collection_name].nearest(wanted, request.limit)
        points = [qdrant.ScoredPoint(id=qdrant.PointId(num=key), score=score, version=1, payload=payload)
                  for score, key, payload in found]
        return qdrant.QueryResponse(result=points, time=0.0005)


def main():
    port, tls_port, certificate, key = sys.argv[1:]
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((Keeper(),))
    qdrant.add_CollectionsServicer_to_server(Collections(), server)
    qdrant.add_PointsServicer_to_server(Points(), server)
    with open(key, "rb") as private, open(certificate, "rb") as chain:
        secured = grpc.ssl_server_credentials([(private.read(), chain.read())])
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.add_secure_port(f"127.0.0.1:{tls_port}", secured)
    server.start()
    server.wait_for_termination()


if __name__ == "__main__":
    main()
