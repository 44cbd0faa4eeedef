// Crops an image on one of a mesh's workers, found through xDS, on a stock gRPC channel.
//
//   thinkimg xds-bootstrap 127.0.0.1:50052 > bootstrap.json
//   GRPC_XDS_BOOTSTRAP=bootstrap.json node crop.js chart.png legend.png 420 20 620 120

import { readFile, writeFile } from "node:fs/promises";
import { promisify } from "node:util";

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { credentials, makeGenericClientConstructor, status } from "@grpc/grpc-js";
import { register } from "@grpc/grpc-js-xds";
import { CropRequestSchema, CropService } from "thinkimg-rpc-stubs/thinkimg_rpc/v1/crop_pb.js";

const DEADLINE_MS = 10_000;
const MIB = 1 << 20;

// What grpc-js makes a client from, out of the stubs' descriptors.
function definitionOf(service) {
  const methods = service.methods.map(({ localName, name, input, output, methodKind }) => [
    localName,
    {
      path: `/${service.typeName}/${name}`,
      requestStream: methodKind === "bidi_streaming",
      responseStream: methodKind === "bidi_streaming",
      requestSerialize: (message) => Buffer.from(toBinary(input, message)),
      requestDeserialize: (bytes) => fromBinary(input, bytes),
      responseSerialize: (message) => Buffer.from(toBinary(output, message)),
      responseDeserialize: (bytes) => fromBinary(output, bytes),
    },
  ]);
  return Object.fromEntries(methods);
}

async function crop(input, output, [x0, y0, x1, y1]) {
  register();
  const Client = makeGenericClientConstructor(definitionOf(CropService), "CropService");
  const client = new Client("xds:///Crop", credentials.createInsecure(), {
    // Requests above this size are not sent again when a worker is lost.
    "grpc.per_rpc_retry_buffer_size": 32 * MIB,
    "grpc.max_receive_message_length": 32 * MIB,
  });
  const source = { case: "data", value: await readFile(input) };
  const request = create(CropRequestSchema, { image: { source }, box: { x0, y0, x1, y1 } });
  try {
    const call = promisify(client.crop.bind(client));
    const response = await call(request, { deadline: Date.now() + DEADLINE_MS });
    // Above 2 MiB only the digest comes back: see ImageStoreService.GetImage.
    const { data, digest, width, height } = response.image;
    if (data === undefined) throw new Error(`too large to come along: fetch ${digest}`);
    await writeFile(output, data);
    console.log(`${width}×${height}`);
  } finally {
    client.close();
  }
}

const [input, output, ...box] = process.argv.slice(2);
if (box.length !== 4) {
  console.error("usage: node crop.js INPUT OUTPUT X0 Y0 X1 Y1");
  process.exit(2);
}
try {
  await crop(input, output, box.map(Number));
} catch (error) {
  console.error(error.code ? `${status[error.code]}: ${error.details}` : error.message);
  process.exit(1);
}
