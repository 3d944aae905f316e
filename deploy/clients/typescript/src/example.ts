/**
 * A minimal platform. Each line of FILE is {"craId": …, "cra": {…}}; each line of the output is JSON.
 *
 *     npm ci && npm run build
 *     node dist/example.js submit FILE
 *     node dist/example.js bulk FILE
 *     node dist/example.js correct FILE REVISION REASON
 *     node dist/example.js withdraw ID REVISION REASON
 *     node dist/example.js stats ADVISOR MIN_POSITION
 *     node dist/example.js follow CHECKPOINT
 *
 * Addresses come from CRA_INGESTION_URL and CRA_PROJECTION_URL, a token from CRA_TOKEN. Exit code 1: something was
 * refused; 2: not understood.
 */

import { readFile, open, rename, rm, writeFile } from "node:fs/promises";

import { type Channel, ClientError, createChannel } from "nice-grpc";

import { CraClient } from "./client.js";
import { Receipt, SubmitCraRequest } from "./generated/cra/v1/ingestion.js";
import { Selection } from "./generated/cra/v1/statistics.js";
import { messages } from "./refusals.js";

function channel(variable: string, whenUnset: string): Channel {
  // A connection that died silently, behind a proxy or a firewall, is noticed.
  return createChannel(process.env[variable] ?? whenUnset, undefined, {
    "grpc.keepalive_time_ms": 30_000,
    "grpc.keepalive_timeout_ms": 20_000,
  });
}

async function* submissions(file: string): AsyncGenerator<SubmitCraRequest> {
  await using lines = await open(file);
  for await (const line of lines.readLines()) yield SubmitCraRequest.fromJSON(JSON.parse(line));
}

function show(facts: object): void {
  console.log(JSON.stringify(facts));
}

function showReceipt({ craId, revision, position, duplicate, withdrawn }: Receipt): void {
  // Withdrawn since it was first sent: it does not count.
  show({ craId, revision, position, duplicate, ...(withdrawn ? { withdrawn } : {}) });
}

async function submit(client: CraClient, file: string): Promise<void> {
  for await (const submission of submissions(file)) showReceipt(await client.submit(submission));
}

async function bulk(client: CraClient, file: string): Promise<void> {
  for await (const { submission, receipt, refusal } of client.submitAll(submissions(file))) {
    if (receipt) showReceipt(receipt);
    if (!refusal) continue;
    process.exitCode = 1;
    const refused = refusal.violations.map((v) => `${v.field} (${v.reason}): ${v.localizedMessage}`);
    show({ craId: submission.craId, code: refusal.code, refused: refused.length ? refused : [refusal.message] });
  }
}

async function correct(client: CraClient, file: string, revision: number, reason: string): Promise<void> {
  for await (const { craId, cra } of submissions(file)) {
    if (!cra) throw new Error(`${file}: the CRA is missing`);
    showReceipt(await client.correct(craId, revision, cra, reason));
  }
}

async function withdraw(client: CraClient, craId: string, revision: number, reason: string): Promise<void> {
  showReceipt(await client.withdraw(craId, revision, reason));
}

async function stats(client: CraClient, advisorId: string, minPosition: number): Promise<void> {
  const selection = Selection.fromPartial({ advisorIds: [advisorId] });
  const { statistics, snapshot } = await client.statistics(selection, minPosition);
  show({ cras: statistics?.cras, acts: statistics?.acts, people: statistics?.people, position: snapshot?.position });
}

/** Up to the head of the log. The copy is the output; its position is in the file. */
async function follow(client: CraClient, checkpoint: string): Promise<void> {
  const position = Number(await readFile(checkpoint, "utf8").catch(() => "0"));
  const beginAnew = async () => {
    await rm(checkpoint, { force: true });
    show({ beginAnew: true });
  };
  for await (const change of client.follow(Selection.fromPartial({}), position, beginAnew, true)) {
    const { position, upsert, removal } = change;
    if (upsert) show({ position, craId: upsert.craId, revision: upsert.revision });
    if (removal) show({ position, removed: removal });
    // Replaced atomically: a process that is killed here has the former position, and receives the change again.
    await writeFile(`${checkpoint}.new`, String(position));
    await rename(`${checkpoint}.new`, checkpoint);
  }
}

async function run(client: CraClient, [command, ...rest]: string[]): Promise<void> {
  const [first, second, third] = rest;
  if (command === "submit" && first) await submit(client, first);
  else if (command === "bulk" && first) await bulk(client, first);
  else if (command === "correct" && first && third) await correct(client, first, Number(second), third);
  else if (command === "withdraw" && first && third) await withdraw(client, first, Number(second), third);
  else if (command === "stats" && first) await stats(client, first, Number(second ?? 0));
  else if (command === "follow" && first) await follow(client, first);
  else {
    console.error(
      "expected submit FILE, bulk FILE, correct FILE REVISION REASON, withdraw ID REVISION REASON, " +
        "stats ADVISOR POSITION, follow FILE",
    );
    process.exitCode = 2;
  }
}

const ingestion = channel("CRA_INGESTION_URL", "http://127.0.0.1:50051");
const projection = channel("CRA_PROJECTION_URL", "http://127.0.0.1:50052");
try {
  await run(new CraClient(ingestion, projection, process.env["CRA_TOKEN"]), process.argv.slice(2));
} catch (error) {
  if (!(error instanceof ClientError)) throw error;
  for (const message of messages(error)) console.error(message);
  process.exitCode = 1;
} finally {
  ingestion.close();
  projection.close();
}
