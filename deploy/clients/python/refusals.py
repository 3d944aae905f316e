"""What a refusal says: its reason, whether the same request may be sent again and when, and what to show to whom."""

from __future__ import annotations

import grpc
from google.rpc import error_details_pb2 as details
from grpc_status import rpc_status

# Also reported by the transport, without details, if no service was reached.
PASSING_CODES = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED})
# For one item of a stream, whose refusal has a code and no details.
PASSING_ITEM_CODES = frozenset({"UNAVAILABLE", "DEADLINE_EXCEEDED", "ABORTED"})


def _detail(error: grpc.RpcError, kind):
    """The status's detail of that kind, or None."""
    status = rpc_status.from_call(error)
    for packed in status.details if status else ():
        detail = kind()
        if packed.Unpack(detail):
            return detail
    return None


def reason(error: grpc.RpcError) -> str | None:
    """The stable reason, such as CRA_REVISION_CHANGED; None if no service answered."""
    info = _detail(error, details.ErrorInfo)
    return info.reason if info and info.domain == "cra.v1" else None


def retry_delay_s(error: grpc.RpcError) -> float | None:
    """Delay after which the service accepts the request again; None if the refusal has none."""
    retry = _detail(error, details.RetryInfo)
    return retry.retry_delay.ToTimedelta().total_seconds() if retry else None


def may_pass(error: grpc.RpcError) -> bool:
    """Whether the same request may succeed later: the service allows it, or was not reached or did not answer."""
    return retry_delay_s(error) is not None or error.code() in PASSING_CODES


def messages(error: grpc.RpcError) -> list[str]:
    """Message for the person who filled in the form: in French if the refusal has it."""
    request = _detail(error, details.BadRequest)
    if request:
        return [f"{v.field} ({v.reason}): {v.localized_message.message}" for v in request.field_violations]
    french = _detail(error, details.LocalizedMessage)
    return [french.message if french else error.details()]
