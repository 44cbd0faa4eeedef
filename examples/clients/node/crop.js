// Crops an image through the front door of a mesh.
//
//   node crop.js 127.0.0.1:50051 chart.png legend.png 420 20 620 120

import { readFile, writeFile } from "node:fs/promises";

import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { BadRequestSchema } from "thinkimg-rpc-stubs/google/rpc/error_details_pb.js";
import { CropService } from "thinkimg-rpc-stubs/thinkimg_rpc/v1/crop_pb.js";

const DEADLINE_MS = 10_000;

async function crop(address, input, output, [x0, y0, x1, y1]) {
  const transport = createGrpcTransport({ baseUrl: `http://${address}` });
  const client = createClient(CropService, transport);
  const source = { case: "data", value: await readFile(input) };
  const response = await client.crop(
    { image: { source }, box: { x0, y0, x1, y1 } },
    { timeoutMs: DEADLINE_MS },
  );
  // Above 2 MiB only the digest comes back: see ImageStoreService.GetImage.
  const { data, digest, width, height } = response.image;
  if (data === undefined) throw new Error(`too large to come along: fetch ${digest}`);
  await writeFile(output, data);
  console.log(`${width}×${height}`);
}

function explain(error) {
  if (!(error instanceof ConnectError)) return error.message;
  const violations = error.findDetails(BadRequestSchema).flatMap((bad) => bad.fieldViolations);
  const lines = violations.map(({ field, description }) => `  ${field}: ${description}`);
  const code = Code[error.code].replace(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();
  return [`${code}: ${error.rawMessage}`, ...lines].join("\n");
}

const [address, input, output, ...box] = process.argv.slice(2);
if (box.length !== 4) {
  console.error("usage: node crop.js ADDRESS INPUT OUTPUT X0 Y0 X1 Y1");
  process.exit(2);
}
try {
  await crop(address, input, output, box.map(Number));
} catch (error) {
  console.error(explain(error));
  process.exit(1);
}
