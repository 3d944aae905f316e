"""Makes calls with grpcio and reports how each ended, its details decoded by grpcio-status.

Each line of the input is one batch, `{"cases": […], "together": bool}`, or `{"resume": true}`, which lets the calls go on
that stopped after their first answer. Each line of the output is `{"began": NAME}`, at a call's first answer, or
`{"ended": NAME, "code": …, "message": …, "answers": …, "details": […]}`.
"""

import base64
import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc
from google.protobuf import json_format
from google.rpc import error_details_pb2
from grpc_status import rpc_status

KINDS = {kind.DESCRIPTOR.full_name: kind for kind in (
    error_details_pb2.BadRequest,
    error_details_pb2.ErrorInfo,
    error_details_pb2.LocalizedMessage,
    error_details_pb2.ResourceInfo,
    error_details_pb2.RetryInfo,
)}
channels = {}
output = threading.Lock()
resumed = threading.Event()


def report(**line):
    with output:
        print(json.dumps(line), flush=True)


def channel(case):
    # A call that stops reading gets a connection that does not grow its window.
    options = [("grpc.http2.bdp_probe", 0)] if case["pauses"] else []
    return channels.setdefault((case["address"], case["pauses"]), grpc.insecure_channel(case["address"], options))


def messages(case, ended):
    for _ in range(case["repeat"]):
        for message in case["requests"]:
            yield bytes(message["zeros"]) if "zeros" in message else base64.b64decode(message["bytes"])
    if case["keeps_open"]:
        ended.wait()


def detail(packed):
    kind = packed.TypeName()
    read = KINDS[kind]()
    packed.Unpack(read)
    value = json_format.MessageToDict(read)
    if kind == "google.rpc.RetryInfo":
        value = {"retryDelayMs": read.retry_delay.ToMilliseconds()}
    return {"type": kind, "value": value}


def call(case):
    """How one call ended: code, message, number of answers, details."""
    ended = threading.Event()
    answers = 0
    options = {"metadata": list(case["metadata"].items()), "timeout": case["timeout_s"]}
    try:
        if case["shape"] == "single":
            channel(case).unary_unary(case["path"])(next(messages(case, ended)), **options)
            stream = []
        elif case["shape"] == "answers":
            stream = channel(case).unary_stream(case["path"])(next(messages(case, ended)), **options)
        else:
            stream = channel(case).stream_stream(case["path"])(messages(case, ended), **options)
        for _ in stream:
            answers += 1
            if answers == 1:
                report(began=case["name"])
                if case["pauses"]:
                    resumed.wait()
    except grpc.RpcError as error:
        status = rpc_status.from_call(error)
        details = [detail(packed) for packed in status.details] if status else []
        return {"code": error.code().name, "message": error.details(), "answers": answers, "details": details}
    finally:
        ended.set()
    return {"code": "OK", "message": "", "answers": answers, "details": []}


def ask(case):
    for _ in range(case["tries"]):
        end = call(case)
        if end["code"] == case["code"]:
            break
    report(ended=case["name"], **end)


def run(batch):
    with ThreadPoolExecutor(len(batch["cases"]) if batch["together"] else 1) as pool:
        for done in [pool.submit(ask, case) for case in batch["cases"]]:
            done.result()


running = []
for line in sys.stdin:
    read = json.loads(line)
    if "resume" in read:
        resumed.set()
    else:
        resumed.clear()
        running.append(threading.Thread(target=run, args=[read], daemon=True))
        running[-1].start()
