"""Calls a service with grpcio without a pause, over one channel, and holds a stream open that is opened again when it ends.

Arguments: the service's address and for how many seconds. Output: `{"calls", "failed", "streams"}`: the number of calls,
how each failed one ended, and how each stream ended, with its reason and its retry delay in milliseconds.
"""

import json
import sys
import threading
import time

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

address, seconds = sys.argv[1], float(sys.argv[2])
until = time.monotonic() + seconds
calls, failed, streams = 0, [], []


def described(error):
    end = {"code": error.code().name, "message": error.details()}
    status = rpc_status.from_call(error)
    for detail in status.details if status else []:
        info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
        if detail.Unpack(info):
            end["reason"] = info.reason
        if detail.Unpack(retry):
            end["retryMs"] = retry.retry_delay.ToMilliseconds()
    return end


def watch(channel):
    while time.monotonic() < until:
        try:
            left = max(0.1, until - time.monotonic())
            for _ in channel.unary_stream("/grpc.health.v1.Health/Watch")(b"", timeout=left):
                pass
            streams.append({"code": "OK"})
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.DEADLINE_EXCEEDED:
                streams.append(described(error))


with grpc.insecure_channel(address) as to:
    watching = threading.Thread(target=watch, args=[to])
    watching.start()
    vocabulary = to.unary_unary("/cra.v1.ReferenceService/GetVocabulary")
    while time.monotonic() < until:
        calls += 1
        try:
            vocabulary(b"", timeout=30)
        except grpc.RpcError as error:
            failed.append(described(error))
    watching.join()
print(json.dumps({"calls": calls, "failed": failed, "streams": streams}))
