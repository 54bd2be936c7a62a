// Runs one API workflow through @stable-canvas/comfyui-client and stores the picture it returns.
//
//   node colorize.mjs HOST:PORT WORKFLOW.json PHOTO.png PICTURE.png
//
// The photo is uploaded and put into the workflow's LoadImage node; the client itself submits and
// waits (WebSocket) and says where the picture is.
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { Client } from "@stable-canvas/comfyui-client";
import WebSocket from "ws";

const [host, workflowFile, photoFile, pictureFile] = process.argv.slice(2);
if (!pictureFile) {
  console.error("usage: node colorize.mjs HOST:PORT WORKFLOW.json PHOTO.png PICTURE.png");
  process.exit(2);
}

// Node.js before 22 has no WebSocket of its own.
const client = new Client({ api_host: host, WebSocket, fetch });

async function upload(file) {
  const form = new FormData();
  form.append("image", new Blob([await readFile(file)]), path.basename(file));
  const answer = await client.fetchApi("/upload/image", { method: "POST", body: form });
  return (await answer.json()).name;
}

async function colorize() {
  const workflow = JSON.parse(await readFile(workflowFile, "utf8"));
  const load = Object.values(workflow).find((node) => node.class_type === "LoadImage");
  load.inputs.image = await upload(photoFile);
  const { images } = await client.enqueue(workflow);
  if (images.length !== 1 || images[0].type !== "url") {
    throw new Error(`expected one picture by its address, got ${JSON.stringify(images)}`);
  }
  const answer = await fetch(images[0].data);
  await writeFile(pictureFile, Buffer.from(await answer.arrayBuffer()));
}

client.connect();
try {
  await colorize();
} finally {
  client.close();
}
