/**
 * Makes calls with the clients of connectrpc.com and reports how each ended. Input and output are those of ask_refusals.py; a
 * line that ends a call has its answers in JSON, too, where its case asks for them (`wants_answers`).
 *
 * Arguments: the folder of the packages, the protocol (one of WAYS), and files of encoded descriptor sets.
 */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [packages, way, ...sets] = process.argv.slice(2);
const require = createRequire(`${packages}/package.json`);
const load = (name) => import(pathToFileURL(require.resolve(name)).href);
const { createFileRegistry, fromBinary, toJson } = await load("@bufbuild/protobuf");
const { FileDescriptorSetSchema } = await load("@bufbuild/protobuf/wkt");
const { Code, ConnectError } = await load("@connectrpc/connect");
const node = await load("@connectrpc/connect-node");
const web = await load("@connectrpc/connect-web");

const WAYS = {
  "connect-json": (baseUrl) => node.createConnectTransport({ baseUrl, httpVersion: "2" }),
  "connect-json-http-1": (baseUrl) => node.createConnectTransport({ baseUrl, httpVersion: "1.1" }),
  "connect-proto": (baseUrl) => node.createConnectTransport({ baseUrl, httpVersion: "2", useBinaryFormat: true }),
  "connect-proto-http-1": (baseUrl) => node.createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat: true }),
  "connect-get": (baseUrl) => node.createConnectTransport({ baseUrl, httpVersion: "1.1", useHttpGet: true }),
  "connect-fetch": (baseUrl) => web.createConnectTransport({ baseUrl }),
  "grpc-web": (baseUrl) => node.createGrpcWebTransport({ baseUrl, httpVersion: "2" }),
  "grpc-web-fetch": (baseUrl) => web.createGrpcWebTransport({ baseUrl }),
  grpc: (baseUrl) => node.createGrpcTransport({ baseUrl }),
};

const registries = sets.map((file) => createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(file))));
const transports = new Map();
let resume;
let resumed;

function report(line) {
  console.log(JSON.stringify(line));
}

function transportOf(address) {
  if (!transports.has(address)) transports.set(address, WAYS[way](`http://${address}`));
  return transports.get(address);
}

const KINDS = { single: "unary", answers: "server_streaming", both: "bidi_streaming" };

/** The method of a path; of a path that nothing describes, one with the messages of another. */
function methodOf(path, shape) {
  const [, typeName, name] = path.split("/");
  for (const registry of registries) {
    const found = registry.getService(typeName)?.methods.find((method) => method.name === name);
    if (found) return found;
  }
  const like = registries[0].getService("cra.v1.OperationsService").methods[0];
  return { ...like, name, methodKind: KINDS[shape], parent: { ...like.parent, typeName } };
}

function* messages(method, { requests, repeat }) {
  for (let i = 0; i < repeat; i += 1) {
    for (const { bytes } of requests) yield fromBinary(method.input, Buffer.from(bytes ?? "", "base64"));
  }
}

function detail({ type, value }) {
  const schema = registries.map((registry) => registry.getMessage(type)).find(Boolean);
  const read = fromBinary(schema, value);
  if (type !== "google.rpc.RetryInfo") return { type, value: toJson(schema, read) };
  const { seconds, nanos } = read.retryDelay;
  return { type, value: { retryDelayMs: Number(seconds) * 1_000 + Math.floor(nanos / 1_000_000) } };
}

/** As gRPC writes it. */
function codeName(code) {
  const name = Code[code].replaceAll(/(?<=[a-z])[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
  return name === "CANCELED" ? "CANCELLED" : name;
}

function end(error) {
  if (!error) return { code: "OK", message: "", details: [] };
  const { code, rawMessage, details } = ConnectError.from(error);
  return { code: codeName(code), message: rawMessage, details: details.map(detail) };
}

async function* sent(method, testCase, over) {
  yield* messages(method, testCase);
  if (testCase.keeps_open) await over;
}

async function call(testCase) {
  const { path, shape, address, name, pauses, wants_answers } = testCase;
  const method = methodOf(path, shape);
  const header = new Headers(testCase.metadata);
  const timeout = testCase.timeout_s ? testCase.timeout_s * 1_000 : undefined;
  const to = transportOf(address);
  const answers = [];
  let count = 0;
  let finish;
  const over = new Promise((resolve) => (finish = resolve));
  try {
    if (shape === "single") {
      const [message] = messages(method, testCase);
      const answer = await to.unary(method, undefined, timeout, header, message);
      answers.push(toJson(method.output, answer.message));
      return { ...end(), count: 0, answers };
    }
    const stream = await to.stream(method, undefined, timeout, header, sent(method, testCase, over));
    for await (const answer of stream.message) {
      count += 1;
      if (wants_answers) answers.push(toJson(method.output, answer));
      if (count > 1) continue;
      report({ began: name });
      if (pauses) await resumed;
    }
    return { ...end(), count, answers };
  } catch (error) {
    return { ...end(error), count, answers };
  } finally {
    finish();
  }
}

async function ask(testCase) {
  let ended;
  for (let i = 0; i < testCase.tries; i += 1) {
    ended = await call(testCase);
    if (ended.code === testCase.code) break;
  }
  const { count, answers, ...rest } = ended;
  report({ ended: testCase.name, ...rest, answers: count, ...(testCase.wants_answers ? { in_json: answers } : {}) });
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
