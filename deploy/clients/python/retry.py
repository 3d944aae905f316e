"""Retries while a service is unavailable or busy: exponential backoff with jitter, never sooner than the delay in the refusal."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

import grpc

import refusals

T = TypeVar("T")

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 10.0


class Backoff:
    """Retry pauses of one task. An answer resets them."""

    def __init__(self, give_up_after_s: float) -> None:
        self._give_up_after_s = give_up_after_s
        self.answered()

    def answered(self) -> None:
        self._tries = 0
        self._gives_up_at = time.monotonic() + self._give_up_after_s

    def wait(self, server_delay_s: float | None = None) -> bool:
        """Pauses before the next try; False when it has lasted too long."""
        pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2**self._tries)
        # Clients that lost the same server must not return at the same time.
        pause_s = max(server_delay_s or 0.0, random.uniform(pause_s / 2, pause_s))
        self._tries += 1
        if time.monotonic() + pause_s > self._gives_up_at:
            return False
        time.sleep(pause_s)
        return True


def with_retry(call: Callable[[], T], give_up_after_s: float = 60.0) -> T:
    """Calls until there is an answer, or a final refusal. The call must send the same ids each time."""
    backoff = Backoff(give_up_after_s)
    while True:
        try:
            return call()
        except grpc.RpcError as error:
            if not refusals.may_pass(error) or not backoff.wait(refusals.retry_delay_s(error)):
                raise
