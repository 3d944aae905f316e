/** Retries while a service is unavailable or busy: exponential backoff with jitter, never sooner than the delay in the refusal. */

import { setTimeout as sleep } from "node:timers/promises";

import { mayPass, retryDelayMs } from "./refusals.js";

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;

/** Retry pauses of one task. An answer resets them. */
export class Backoff {
  #tries = 0;
  #givesUpAtMs: number;

  constructor(private readonly giveUpAfterMs: number) {
    this.#givesUpAtMs = performance.now() + giveUpAfterMs;
  }

  answered(): void {
    this.#tries = 0;
    this.#givesUpAtMs = performance.now() + this.giveUpAfterMs;
  }

  /** Pauses before the next try; false when it has lasted too long. */
  async wait(serverDelayMs = 0): Promise<boolean> {
    const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#tries);
    // Clients that lost the same server must not return at the same time.
    const pauseMs = Math.max(serverDelayMs, (longest * (1 + Math.random())) / 2);
    this.#tries += 1;
    if (performance.now() + pauseMs > this.#givesUpAtMs) return false;
    await sleep(pauseMs);
    return true;
  }
}

/** Calls until there is an answer, or a final refusal. The call must send the same ids each time. */
export async function withRetry<T>(call: () => Promise<T>, giveUpAfterMs = 60_000): Promise<T> {
  const backoff = new Backoff(giveUpAfterMs);
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!mayPass(error) || !(await backoff.wait(retryDelayMs(error)))) throw error;
    }
  }
}
