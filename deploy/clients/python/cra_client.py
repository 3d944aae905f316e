"""The calls a platform makes: submit, submit many, correct, read one's own writes, follow changes.

The caller stores the id of each CRA with its own record before it sends it: a lost answer is then requested
again with the same id, and the CRA is recorded once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

import grpc
from cra.v1 import cra_pb2, ingestion_pb2, ingestion_pb2_grpc, statistics_pb2, statistics_pb2_grpc

import refusals
from retry import Backoff, with_retry

CALL_TIMEOUT_S = 10.0
# Number of CRAs sent over one stream: they may have to be sent again when it breaks.
BATCH_CRAS = 500
BATCH_TIMEOUT_S = 120.0
# Reasons after which a copy must start again: the log, or its past as served, is another one.
BEGIN_ANEW_REASONS = frozenset({"LOG_REPLACED", "HISTORY_CHANGED", "PAST_THE_HEAD"})

Outcome = ingestion_pb2.Receipt | ingestion_pb2.Refusal


class CraClient:
    """A connection to both services. A token, where the services ask for one, goes with every call."""

    def __init__(self, ingestion: grpc.Channel, projection: grpc.Channel, token: str | None = None) -> None:
        self._ingestion = ingestion_pb2_grpc.IngestionServiceStub(ingestion)
        self._statistics = statistics_pb2_grpc.StatisticsServiceStub(projection)
        self._metadata = [("authorization", f"Bearer {token}")] if token else []

    def submit(self, request: ingestion_pb2.SubmitCraRequest) -> ingestion_pb2.Receipt:
        """A receipt with `withdrawn`: the CRA was sent before and withdrawn since, and does not count."""
        return self._with_retry(self._ingestion.SubmitCra, request).receipt

    def correct(
        self, cra_id: str, expected_revision: int, cra: cra_pb2.Cra, reason: str
    ) -> ingestion_pb2.Receipt:
        """Raises ABORTED with CRA_REVISION_CHANGED when another client changed the CRA: show its content now, let the person decide again."""
        request = ingestion_pb2.CorrectCraRequest(
            cra_id=cra_id, expected_revision=expected_revision, cra=cra, reason=reason
        )
        return self._with_retry(self._ingestion.CorrectCra, request).receipt

    def withdraw(self, cra_id: str, expected_revision: int, reason: str) -> ingestion_pb2.Receipt:
        """Takes a CRA out of the statistics, for good. Raises as `correct` does."""
        request = ingestion_pb2.WithdrawCraRequest(
            cra_id=cra_id, expected_revision=expected_revision, reason=reason
        )
        return self._with_retry(self._ingestion.WithdrawCra, request).receipt

    def submit_all(
        self, submissions: Iterable[ingestion_pb2.SubmitCraRequest]
    ) -> Iterator[tuple[ingestion_pb2.SubmitCraRequest, Outcome]]:
        """Each submission with its receipt, or its final refusal; in the order in which they are answered."""
        submissions = iter(submissions)
        while batch := list(islice(submissions, BATCH_CRAS)):
            yield from self._submit_batch(dict(enumerate(batch)))

    def _submit_batch(self, pending: dict[int, ingestion_pb2.SubmitCraRequest]):
        """Sends the submissions without an answer over a new stream, until each has one."""
        backoff = Backoff(give_up_after_s=60.0)
        while pending:
            server_delay_s = None
            requests = [ingestion_pb2.SubmitCrasRequest(item=i, submission=s) for i, s in pending.items()]
            try:
                answers = self._ingestion.SubmitCras(
                    iter(requests), timeout=BATCH_TIMEOUT_S, metadata=self._metadata
                )
                for answer in answers:
                    outcome = getattr(answer, answer.WhichOneof("outcome"))
                    if getattr(outcome, "code", None) in refusals.PASSING_ITEM_CODES:
                        continue
                    backoff.answered()
                    yield pending.pop(answer.item), outcome
            except grpc.RpcError as error:
                if not refusals.may_pass(error):
                    raise
                server_delay_s = refusals.retry_delay_s(error)
            if pending and not backoff.wait(server_delay_s):
                raise TimeoutError(f"{len(pending)} CRAs got no answer; send them again with the same ids")

    def statistics(
        self, selection: statistics_pb2.Selection, min_position: int = 0
    ) -> statistics_pb2.GetStatisticsResponse:
        """With the position of a receipt, the figures count its event."""
        consistency = statistics_pb2.Consistency(min_position=min_position)
        request = statistics_pb2.GetStatisticsRequest(selection=selection, consistency=consistency)
        return self._with_retry(self._statistics.GetStatistics, request)

    def follow(
        self, selection: statistics_pb2.Selection, after_position: int, begin_anew: Callable[[], None],
        stop_at_head: bool = False,
    ) -> Iterator[statistics_pb2.FollowCrasResponse]:
        """Every change after a position, across broken connections. The caller keeps the position of each with what
        it made of it. `begin_anew` empties the caller's copy: all changes are then sent again."""
        backoff = Backoff(give_up_after_s=300.0)
        while True:
            request = statistics_pb2.FollowCrasRequest(
                selection=selection, after_position=after_position, stop_at_head=stop_at_head
            )
            try:
                for change in self._statistics.FollowCras(request, metadata=self._metadata):
                    backoff.answered()
                    yield change
                    after_position = change.position
                return
            except grpc.RpcError as error:
                if refusals.reason(error) in BEGIN_ANEW_REASONS:
                    begin_anew()
                    after_position = 0
                elif not refusals.may_pass(error):
                    raise
                if not backoff.wait(refusals.retry_delay_s(error)):
                    raise

    def _with_retry(self, method, request):
        return with_retry(lambda: method(request, timeout=CALL_TIMEOUT_S, metadata=self._metadata))
