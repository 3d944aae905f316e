/**
 * The calls a platform makes: submit, submit many, correct, read one's own writes, follow changes.
 *
 * The caller stores the id of each CRA with its own record before it sends it: a lost answer is then requested
 * again with the same id, and the CRA is recorded once.
 */

import { type Channel, Metadata, createClientFactory } from "nice-grpc";
import { type DeadlineOptions, deadlineMiddleware } from "nice-grpc-client-middleware-deadline";

import { type Cra } from "./generated/cra/v1/cra.js";
import {
  type IngestionServiceClient,
  IngestionServiceDefinition,
  type Receipt,
  type Refusal,
  type SubmitCraRequest,
} from "./generated/cra/v1/ingestion.js";
import {
  type FollowCrasResponse,
  type GetStatisticsResponse,
  Selection,
  type StatisticsServiceClient,
  StatisticsServiceDefinition,
} from "./generated/cra/v1/statistics.js";
import { PASSING_ITEM_CODES, mayPass, reason, refusals, retryDelayMs } from "./refusals.js";
import { Backoff, withRetry } from "./retry.js";

const CALL_TIMEOUT_MS = 10_000;
/** Number of CRAs sent over one stream: they may have to be sent again when it breaks. */
const BATCH_CRAS = 500;
const BATCH_TIMEOUT_MS = 120_000;
/** Reasons after which a copy must start again: the log, or its past as served, is another one. */
const BEGIN_ANEW_REASONS = ["LOG_REPLACED", "HISTORY_CHANGED", "PAST_THE_HEAD"];

export interface Answered {
  submission: SubmitCraRequest;
  /** One of the two. */
  receipt?: Receipt | undefined;
  refusal?: Refusal | undefined;
}

/** A connection to both services. A token, where the services ask for one, goes with every call. */
export class CraClient {
  readonly #ingestion: IngestionServiceClient<DeadlineOptions>;
  readonly #statistics: StatisticsServiceClient<DeadlineOptions>;

  constructor(ingestion: Channel, projection: Channel, token?: string) {
    const metadata = Metadata(token ? { authorization: `Bearer ${token}` } : {});
    const options = { "*": { metadata } };
    const factory = createClientFactory().use(refusals).use(deadlineMiddleware);
    this.#ingestion = factory.create(IngestionServiceDefinition, ingestion, options);
    this.#statistics = factory.create(StatisticsServiceDefinition, projection, options);
  }

  /** A receipt with `withdrawn`: the CRA was sent before and withdrawn since, and does not count. */
  async submit(request: SubmitCraRequest): Promise<Receipt> {
    const answer = await withRetry(() => this.#ingestion.submitCra(request, { deadline: CALL_TIMEOUT_MS }));
    return answer.receipt!;
  }

  /** Throws ABORTED with CRA_REVISION_CHANGED when another client changed the CRA: show its content now, let the person decide again. */
  async correct(craId: string, expectedRevision: number, cra: Cra, why: string): Promise<Receipt> {
    const request = { craId, expectedRevision, cra, reason: why };
    const answer = await withRetry(() => this.#ingestion.correctCra(request, { deadline: CALL_TIMEOUT_MS }));
    return answer.receipt!;
  }

  /** Withdraws a CRA from the statistics, which is final. Throws as `correct` does. */
  async withdraw(craId: string, expectedRevision: number, why: string): Promise<Receipt> {
    const request = { craId, expectedRevision, reason: why };
    const answer = await withRetry(() => this.#ingestion.withdrawCra(request, { deadline: CALL_TIMEOUT_MS }));
    return answer.receipt!;
  }

  /** Yields each submission with its receipt, or with its final refusal, in the order of the answers. */
  async *submitAll(submissions: AsyncIterable<SubmitCraRequest>): AsyncGenerator<Answered> {
    let batch: SubmitCraRequest[] = [];
    for await (const submission of submissions) {
      batch.push(submission);
      if (batch.length < BATCH_CRAS) continue;
      yield* this.#submitBatch(batch);
      batch = [];
    }
    yield* this.#submitBatch(batch);
  }

  /** Sends the submissions without an answer over a new stream, until each has one. */
  async *#submitBatch(batch: SubmitCraRequest[]): AsyncGenerator<Answered> {
    const pending = new Map(batch.entries());
    const backoff = new Backoff(60_000);
    while (pending.size > 0) {
      let serverDelayMs: number | undefined;
      // Fixed before the first answer takes something out.
      const requests = [...pending].map(([item, submission]) => ({ item, submission }));
      try {
        const answers = this.#ingestion.submitCras(each(requests), { deadline: BATCH_TIMEOUT_MS });
        for await (const { item, receipt, refusal } of answers) {
          if (refusal && PASSING_ITEM_CODES.includes(refusal.code)) continue;
          backoff.answered();
          const submission = pending.get(item)!;
          pending.delete(item);
          yield { submission, receipt, refusal };
        }
      } catch (error) {
        if (!mayPass(error)) throw error;
        serverDelayMs = retryDelayMs(error);
      }
      if (pending.size > 0 && !(await backoff.wait(serverDelayMs))) {
        throw new Error(`${pending.size} CRAs got no answer; send them again with the same ids`);
      }
    }
  }

  /** With the position of a receipt, the figures count its change. */
  statistics(selection: Selection, minPosition = 0): Promise<GetStatisticsResponse> {
    const request = { selection, consistency: { minPosition } };
    return withRetry(() => this.#statistics.getStatistics(request, { deadline: CALL_TIMEOUT_MS }));
  }

  /**
   * Every change after a position, across broken connections. The caller keeps the position of each with what it made
   * of it. `beginAnew` empties the caller's copy: all changes are then sent again.
   */
  async *follow(
    selection: Selection,
    afterPosition: number,
    beginAnew: () => Promise<void>,
    stopAtHead = false,
  ): AsyncGenerator<FollowCrasResponse> {
    const backoff = new Backoff(300_000);
    for (;;) {
      try {
        for await (const change of this.#statistics.followCras({ selection, afterPosition, stopAtHead })) {
          backoff.answered();
          yield change;
          afterPosition = change.position;
        }
        return;
      } catch (error) {
        if (BEGIN_ANEW_REASONS.includes(reason(error) ?? "")) {
          await beginAnew();
          afterPosition = 0;
        } else if (!mayPass(error)) {
          throw error;
        }
        if (!(await backoff.wait(retryDelayMs(error)))) throw error;
      }
    }
  }
}

async function* each<T>(items: T[]): AsyncGenerator<T> {
  yield* items;
}
