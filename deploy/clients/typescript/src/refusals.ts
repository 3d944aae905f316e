/** What a refusal says: its reason, whether the same request may be sent again and when, and what to show to whom. */

import { type CallOptions, ClientError, type ClientMiddleware, Metadata, Status } from "nice-grpc";

import { BadRequest, ErrorInfo, LocalizedMessage, RetryInfo } from "./generated/google/rpc/error_details.js";
import { Status as StatusDetails } from "./generated/google/rpc/status.js";

/** Also reported by the transport, without details, if no service was reached. */
const PASSING_CODES: readonly Status[] = [Status.UNAVAILABLE, Status.DEADLINE_EXCEEDED];
/** For one item of a stream, whose refusal has a code and no details. */
export const PASSING_ITEM_CODES: readonly string[] = ["UNAVAILABLE", "DEADLINE_EXCEEDED", "ABORTED"];

/** An error with the details of the service. */
export class RefusedError extends ClientError {
  readonly #attached: StatusDetails["details"];

  constructor(error: ClientError, details: Uint8Array) {
    super(error.path, error.code, error.details);
    this.#attached = StatusDetails.decode(details).details;
  }

  detail<T>(name: string, kind: { decode(bytes: Uint8Array): T }): T | undefined {
    const found = this.#attached.find(({ typeUrl }) => typeUrl === `type.googleapis.com/google.rpc.${name}`);
    return found && kind.decode(found.value);
  }
}

/** Turns errors that carry details into `RefusedError`. */
export const refusals: ClientMiddleware = async function* (call, options: CallOptions) {
  let trailer = Metadata();
  try {
    return yield* call.next(call.request, {
      ...options,
      onTrailer: (received) => {
        trailer = received;
        options.onTrailer?.(received);
      },
    });
  } catch (error) {
    const details = trailer.get("grpc-status-details-bin");
    throw error instanceof ClientError && details ? new RefusedError(error, details) : error;
  }
};

/** The stable reason, such as CRA_REVISION_CHANGED; undefined if no service answered. */
export function reason(error: unknown): string | undefined {
  const info = error instanceof RefusedError ? error.detail("ErrorInfo", ErrorInfo) : undefined;
  return info?.domain === "cra.v1" ? info.reason : undefined;
}

/** Delay in milliseconds after which the service accepts the request again; undefined if the refusal has none. */
export function retryDelayMs(error: unknown): number | undefined {
  const retry = error instanceof RefusedError ? error.detail("RetryInfo", RetryInfo) : undefined;
  return retry?.retryDelay && retry.retryDelay.seconds * 1_000 + retry.retryDelay.nanos / 1_000_000;
}

/** Whether the same request may succeed later: the service allows it, or was not reached or did not answer. */
export function mayPass(error: unknown): boolean {
  return (
    retryDelayMs(error) !== undefined || (error instanceof ClientError && PASSING_CODES.includes(error.code))
  );
}

/** Message for the person who filled in the form: in French if the refusal has it. */
export function messages(error: ClientError): string[] {
  if (!(error instanceof RefusedError)) return [error.details];
  const request = error.detail("BadRequest", BadRequest);
  if (request) {
    return request.fieldViolations.map((v) => `${v.field} (${v.reason}): ${v.localizedMessage?.message ?? ""}`);
  }
  return [error.detail("LocalizedMessage", LocalizedMessage)?.message ?? error.details];
}
