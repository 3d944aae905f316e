"""A minimal platform. Each line of FILE is {"craId": …, "cra": {…}}; each line of the output is JSON.

    python3 -m pip install -r requirements.txt
    python3 -m grpc_tools.protoc -I ../../../proto --python_out=. --grpc_python_out=. --pyi_out=. \\
        cra/v1/cra.proto cra/v1/event.proto cra/v1/ingestion.proto cra/v1/statistics.proto
    python3 example.py submit FILE
    python3 example.py bulk FILE
    python3 example.py correct FILE REVISION REASON
    python3 example.py withdraw ID REVISION REASON
    python3 example.py stats ADVISOR MIN_POSITION
    python3 example.py follow CHECKPOINT

Addresses come from CRA_INGESTION_URL and CRA_PROJECTION_URL, a token from CRA_TOKEN. Exit code 1: something was refused.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import grpc
from cra.v1 import ingestion_pb2, statistics_pb2
from google.protobuf import json_format

import refusals
from cra_client import CraClient


def channel(variable: str, default: str) -> grpc.Channel:
    url = urlsplit(os.environ.get(variable, default))
    # A connection that died silently, behind a proxy or a firewall, is noticed.
    options = [("grpc.keepalive_time_ms", 30_000), ("grpc.keepalive_timeout_ms", 20_000)]
    if url.scheme == "https":
        return grpc.secure_channel(url.netloc, grpc.ssl_channel_credentials(), options)
    return grpc.insecure_channel(url.netloc, options)


def submissions(file: str) -> Iterator[ingestion_pb2.SubmitCraRequest]:
    with open(file, encoding="utf-8") as lines:
        for line in lines:
            yield json_format.Parse(line, ingestion_pb2.SubmitCraRequest())


def show(**facts) -> None:
    print(json.dumps(facts, ensure_ascii=False), flush=True)


def show_receipt(receipt: ingestion_pb2.Receipt) -> None:
    show(
        craId=receipt.cra_id,
        revision=receipt.revision,
        position=receipt.position,
        duplicate=receipt.duplicate,
        # Withdrawn since it was first sent: it does not count.
        **({"withdrawn": True} if receipt.withdrawn else {}),
    )


def submit(client: CraClient, file: str) -> None:
    for submission in submissions(file):
        show_receipt(client.submit(submission))


def bulk(client: CraClient, file: str) -> int:
    refused = 0
    for submission, outcome in client.submit_all(submissions(file)):
        if isinstance(outcome, ingestion_pb2.Receipt):
            show_receipt(outcome)
            continue
        refused += 1
        reasons = [f"{v.field} ({v.reason}): {v.localized_message}" for v in outcome.violations]
        show(craId=submission.cra_id, code=outcome.code, refused=reasons or [outcome.message])
    return 1 if refused else 0


def correct(client: CraClient, file: str, revision: int, reason: str) -> None:
    submission = next(submissions(file))
    show_receipt(client.correct(submission.cra_id, revision, submission.cra, reason))


def withdraw(client: CraClient, cra_id: str, revision: int, reason: str) -> None:
    show_receipt(client.withdraw(cra_id, revision, reason))


def stats(client: CraClient, advisor_id: str, min_position: int) -> None:
    selection = statistics_pb2.Selection(advisor_ids=[advisor_id])
    answer = client.statistics(selection, min_position)
    figures = answer.statistics
    show(cras=figures.cras, acts=figures.acts, people=figures.people, position=answer.snapshot.position)


def follow(client: CraClient, checkpoint: str) -> None:
    """Up to the head of the log. The copy is the output; its position is in the file."""
    kept = Path(checkpoint)
    position = int(kept.read_text()) if kept.exists() else 0

    def begin_anew() -> None:
        kept.unlink(missing_ok=True)
        show(beginAnew=True)

    for change in client.follow(statistics_pb2.Selection(), position, begin_anew, stop_at_head=True):
        what = change.WhichOneof("change")
        if what == "upsert":
            show(position=change.position, craId=change.upsert.cra_id, revision=change.upsert.revision)
        elif what == "removal":
            show(position=change.position, removed=change.removal)
        # Replaced atomically: a process that is killed here has the former position, and receives the change again.
        written = kept.with_suffix(".new")
        written.write_text(str(change.position))
        written.replace(kept)


def main() -> int:
    match sys.argv[1:]:
        case ["submit", file]:
            run = partial(submit, file=file)
        case ["bulk", file]:
            run = partial(bulk, file=file)
        case ["correct", file, revision, reason]:
            run = partial(correct, file=file, revision=int(revision), reason=reason)
        case ["withdraw", cra_id, revision, reason]:
            run = partial(withdraw, cra_id=cra_id, revision=int(revision), reason=reason)
        case ["stats", advisor_id, min_position]:
            run = partial(stats, advisor_id=advisor_id, min_position=int(min_position))
        case ["follow", checkpoint]:
            run = partial(follow, checkpoint=checkpoint)
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    with (
        channel("CRA_INGESTION_URL", "http://127.0.0.1:50051") as ingestion,
        channel("CRA_PROJECTION_URL", "http://127.0.0.1:50052") as projection,
    ):
        try:
            return run(CraClient(ingestion, projection, os.environ.get("CRA_TOKEN"))) or 0
        except grpc.RpcError as error:
            for message in refusals.messages(error):
                print(message, file=sys.stderr)
            return 1


if __name__ == "__main__":
    sys.exit(main())
