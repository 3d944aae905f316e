/**
 * The shortest client with generated types: Connect, over HTTP/1.1 and through any proxy. In a browser the transport comes from
 * `@connectrpc/connect-web`, the rest is the same. Each line of FILE is {"craId": …, "cra": {…}}; each line of the output is
 * JSON.
 *
 *     npm ci && npm run build
 *     node dist/connect.js FILE
 *
 * Submits the CRAs, counts up to the last receipt, and follows every change up to the head of the log. Addresses come from
 * CRA_INGESTION_URL and CRA_PROJECTION_URL, a token from CRA_TOKEN. Exit code 1: something was refused.
 */

import { readFile } from "node:fs/promises";

import { fromJson } from "@bufbuild/protobuf";
import { Code, ConnectError, type Interceptor, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";

import { IngestionService, SubmitCraRequestSchema } from "./generated/connect/cra/v1/ingestion_pb.js";
import { StatisticsService } from "./generated/connect/cra/v1/statistics_pb.js";
import { BadRequestSchema } from "./generated/connect/google/rpc/error_details_pb.js";

const carryingToken: Interceptor = (next) => (request) => {
  const token = process.env["CRA_TOKEN"];
  if (token) request.header.set("Authorization", `Bearer ${token}`);
  return next(request);
};

function transport(variable: string, whenUnset: string) {
  return createConnectTransport({
    baseUrl: process.env[variable] ?? whenUnset,
    httpVersion: "1.1",
    useHttpGet: true, // methods without side effects
    defaultTimeoutMs: 10_000,
    interceptors: [carryingToken],
  });
}

function show(facts: object): void {
  console.log(JSON.stringify(facts));
}

const ingestion = createClient(IngestionService, transport("CRA_INGESTION_URL", "http://127.0.0.1:50051"));
const projection = createClient(StatisticsService, transport("CRA_PROJECTION_URL", "http://127.0.0.1:50052"));

try {
  let minPosition = 0n;
  for (const line of (await readFile(process.argv[2] ?? "one.json", "utf8")).split("\n").filter(Boolean)) {
    const { receipt } = await ingestion.submitCra(fromJson(SubmitCraRequestSchema, JSON.parse(line)));
    if (receipt) minPosition = receipt.position;
    show({ craId: receipt?.craId, position: Number(minPosition) });
  }
  // Reads its own writes.
  const { statistics } = await projection.getStatistics({ consistency: { minPosition } });
  show({ cras: Number(statistics?.cras), acts: Number(statistics?.acts) });
  for await (const { position, change } of projection.followCras({ stopAtHead: true })) {
    if (change.case === "upsert") show({ position: Number(position), craId: change.value.craId });
  }
} catch (error) {
  const refused = ConnectError.from(error);
  const violations = refused.findDetails(BadRequestSchema).flatMap((detail) => detail.fieldViolations);
  for (const { field, reason, localizedMessage } of violations) {
    console.error(`${field} (${reason}): ${localizedMessage?.message}`);
  }
  if (!violations.length) console.error(`${Code[refused.code]}: ${refused.rawMessage}`);
  process.exitCode = 1;
}
