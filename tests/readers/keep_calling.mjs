/**
 * Calls a service with @grpc/grpc-js without a pause, its requests compressed with gzip, over one channel, and holds a stream open
 * that is opened again when it ends. Input and output are those of keep_calling.py, after the folder of the example client, whose
 * library and types are used.
 */

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [client, address, seconds] = process.argv.slice(2);
const grpc = createRequire(`${client}/package.json`)("@grpc/grpc-js");
const generated = (file) => import(pathToFileURL(`${client}/dist/generated/google/rpc/${file}.js`).href);
const { ErrorInfo, RetryInfo } = await generated("error_details");
const { Status } = await generated("status");

const until = Date.now() + Number(seconds) * 1_000;
const GZIP = 2;
const channel = new grpc.Client(address, grpc.credentials.createInsecure(), {
  "grpc.default_compression_algorithm": GZIP,
});
const asIs = (bytes) => bytes;

function described(error) {
  const end = { code: grpc.status[error.code], message: error.details };
  const [packed] = error.metadata?.get("grpc-status-details-bin") ?? [];
  for (const { typeUrl, value } of packed ? Status.decode(packed).details : []) {
    if (typeUrl.endsWith("ErrorInfo")) end.reason = ErrorInfo.decode(value).reason;
    if (typeUrl.endsWith("RetryInfo")) {
      const { seconds, nanos } = RetryInfo.decode(value).retryDelay;
      end.retryMs = seconds * 1_000 + Math.floor(nanos / 1_000_000);
    }
  }
  return end;
}

function one(path, request) {
  return new Promise((resolve) => {
    const options = { deadline: Date.now() + 30_000 };
    channel.makeUnaryRequest(path, asIs, asIs, request, new grpc.Metadata(), options, (error) => resolve(error));
  });
}

function watched() {
  return new Promise((resolve) => {
    const options = { deadline: Math.max(until, Date.now() + 100) };
    const path = "/grpc.health.v1.Health/Watch";
    const stream = channel.makeServerStreamRequest(path, asIs, asIs, Buffer.alloc(0), new grpc.Metadata(), options);
    stream.on("data", () => {});
    stream.on("error", resolve);
    stream.on("end", () => resolve(null));
  });
}

const [failed, streams] = [[], []];
let calls = 0;

async function call() {
  // SearchCommunesRequest.text, long enough to be compressed.
  const text = Buffer.from("e".repeat(100));
  const request = Buffer.concat([Buffer.from([0x0a, text.length]), text]);
  while (Date.now() < until) {
    calls += 1;
    const error = await one("/cra.v1.ReferenceService/SearchCommunes", request);
    if (error) failed.push(described(error));
  }
}

async function watch() {
  while (Date.now() < until) {
    const error = await watched();
    if (!error) streams.push({ code: "OK" });
    else if (error.code !== grpc.status.DEADLINE_EXCEEDED) streams.push(described(error));
  }
}

await Promise.all([call(), watch()]);
channel.close();
console.log(JSON.stringify({ calls, failed, streams }));
