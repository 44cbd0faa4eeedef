// Calls Echo over and over through stock gRPC; prints each answer's worker, or "failed" and why.
//
//   node calls.cjs PROTOS GOOGLE COUNT IN_FLIGHT
//
// PROTOS and GOOGLE are the folders of our .proto files and of Google's. It ends after COUNT
// calls, and not before its input has ended.

"use strict";

const grpc = require("@grpc/grpc-js");
const { register } = require("@grpc/grpc-js-xds");
const { loadSync } = require("@grpc/proto-loader");

const DEADLINE_MS = 60_000;
const [protos, google, count, inFlight] = process.argv.slice(2);
register();
const definition = loadSync("thinkimg_rpc/testing/v1/echo.proto", {
  includeDirs: [protos, google],
  keepCase: true,
});
const { EchoService } = grpc.loadPackageDefinition(definition).thinkimg_rpc.testing.v1;
const client = new EchoService("xds:///Echo", grpc.credentials.createInsecure());

let made = 0;
let toldToEnd = false;
let running = Number(inFlight);
process.stdin.on("end", () => (toldToEnd = true)).resume();

function callAgain() {
  if (made >= Number(count) && toldToEnd) {
    running -= 1;
    if (running === 0) client.close();
    return;
  }
  const text = String(made++);
  client.Echo({ text }, { deadline: Date.now() + DEADLINE_MS }, (error, response) => {
    if (error) console.log(`failed ${error.code} ${error.details}`);
    else console.log(response.text === text ? response.worker_id : "failed: mixed up");
    callAgain();
  });
}

for (let i = 0; i < inFlight; i++) callAgain();
