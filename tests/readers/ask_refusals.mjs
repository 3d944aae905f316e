/**
 * Makes calls with @grpc/grpc-js and reports how each ended. Input and output are those of ask_refusals.py. The library, and
 * the types that decode the details, are those of the example client in the folder that is given.
 */

import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const client = process.argv[2];
const grpc = createRequire(`${client}/package.json`)("@grpc/grpc-js");
const generated = (file) => import(pathToFileURL(`${client}/dist/generated/google/rpc/${file}.js`).href);
const kinds = await generated("error_details");
const { Status } = await generated("status");

const clients = new Map();
const asIs = (bytes) => bytes;
let resume;
let resumed;

function report(line) {
  console.log(JSON.stringify(line));
}

function clientOf(address) {
  if (!clients.has(address)) clients.set(address, new grpc.Client(address, grpc.credentials.createInsecure()));
  return clients.get(address);
}

function* messages({ requests, repeat }) {
  for (let i = 0; i < repeat; i += 1) {
    for (const { bytes, zeros } of requests) yield zeros ? Buffer.alloc(zeros) : Buffer.from(bytes ?? "", "base64");
  }
}

function detail({ typeUrl, value }) {
  const type = typeUrl.replace("type.googleapis.com/", "");
  const kind = kinds[type.replace("google.rpc.", "")];
  const read = kind.decode(value);
  if (type !== "google.rpc.RetryInfo") return { type, value: kind.toJSON(read) };
  const { seconds, nanos } = read.retryDelay;
  return { type, value: { retryDelayMs: seconds * 1_000 + Math.floor(nanos / 1_000_000) } };
}

function end(error, answers) {
  if (!error) return { code: "OK", message: "", answers, details: [] };
  const [packed] = error.metadata.get("grpc-status-details-bin");
  const details = packed ? Status.decode(packed).details.map(detail) : [];
  return { code: grpc.status[error.code], message: error.details, answers, details };
}

/** Writes as the connection takes it; stops once the call has ended. */
async function write(call, testCase) {
  let ended = false;
  const over = new Promise((resolve) => {
    for (const event of ["error", "end", "status"]) call.on(event, () => resolve((ended = true)));
  });
  for (const message of messages(testCase)) {
    if (ended) return;
    if (!call.write(message)) await Promise.race([over, new Promise((resolve) => call.once("drain", resolve))]);
  }
  if (!testCase.keeps_open) call.end();
}

function call(testCase) {
  const { path, shape, address, name, pauses } = testCase;
  const metadata = new grpc.Metadata();
  for (const [key, value] of Object.entries(testCase.metadata)) metadata.set(key, value);
  const options = testCase.timeout_s ? { deadline: Date.now() + testCase.timeout_s * 1_000 } : {};
  const to = clientOf(address);
  return new Promise((resolve) => {
    if (shape === "single") {
      const [message] = messages(testCase);
      to.makeUnaryRequest(path, asIs, asIs, message, metadata, options, (error) => resolve(end(error, 0)));
      return;
    }
    const [first] = messages(testCase);
    const stream =
      shape === "answers"
        ? to.makeServerStreamRequest(path, asIs, asIs, first, metadata, options)
        : to.makeBidiStreamRequest(path, asIs, asIs, metadata, options);
    let answers = 0;
    stream.on("data", () => {
      answers += 1;
      if (answers > 1) return;
      report({ began: name });
      if (!pauses) return;
      stream.pause();
      resumed.then(() => stream.resume());
    });
    stream.on("error", (error) => resolve(end(error, answers)));
    stream.on("status", ({ code }) => code === grpc.status.OK && resolve(end(undefined, answers)));
    if (shape === "both") write(stream, testCase);
  });
}

async function ask(testCase) {
  let ended;
  for (let i = 0; i < testCase.tries; i += 1) {
    ended = await call(testCase);
    if (ended.code === testCase.code) break;
  }
  report({ ended: testCase.name, ...ended });
}

async function run({ cases, together }) {
  if (together) await Promise.all(cases.map(ask));
  else for (const testCase of cases) await ask(testCase);
}

for await (const line of createInterface({ input: process.stdin })) {
  const read = JSON.parse(line);
  if (read.resume) {
    resume();
  } else {
    resumed = new Promise((resolve) => (resume = resolve));
    run(read);
  }
}
process.exit();
