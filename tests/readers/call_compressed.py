"""Asks for communes with grpcio, the request compressed, and reports how each call ended.

Arguments: the service's address and the lengths of the texts to look for. Output: a list of
`{"compression", "length", "code", "message", "reasons"}`.
"""

import json
import sys

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from cra.v1 import reference_pb2

METHOD = "/cra.v1.ReferenceService/SearchCommunes"


def reasons(error):
    status = rpc_status.from_call(error)
    for detail in status.details if status else []:
        for kind in (error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()):
            if detail.Unpack(kind):
                yield from [kind.reason] if hasattr(kind, "reason") else [v.reason for v in kind.field_violations]


def ask(channel, compression, length):
    request = reference_pb2.SearchCommunesRequest(text="e" * length).SerializeToString()
    try:
        channel.unary_unary(METHOD)(request, compression=compression, timeout=30)
    except grpc.RpcError as error:
        return {"code": error.code().name, "message": error.details(), "reasons": list(reasons(error))}
    return {"code": "OK", "message": "", "reasons": []}


address, *lengths = sys.argv[1:]
with grpc.insecure_channel(address) as to:
    print(json.dumps([
        {"compression": compression.name, "length": int(length), **ask(to, compression, int(length))}
        for compression in (grpc.Compression.NoCompression, grpc.Compression.Deflate, grpc.Compression.Gzip)
        for length in lengths
    ]))
