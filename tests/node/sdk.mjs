// Cloudflare's TypeScript client, call by call: sdk.mjs URL TOKEN. A JSON object a line says the call, as the Python client
// names it; a JSON object a line, its result.

import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(`${process.env.FLEETGATE_NODE_MODULES}/`);
const { Cloudflare } = require("cloudflare");

let requests = 0;
const count = (...call) => {
  requests += 1;
  return fetch(...call);
};

const [url, token] = process.argv.slice(2);
const client = new Cloudflare({ apiToken: token, baseURL: url, fetch: count });

const camel = (name) => name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());

async function run({ path, arguments: positional, named }) {
  const names = path.split(".").map(camel);
  const method = names.pop();
  let found = client;
  for (const name of names) found = found[name];
  // Its promise is also a list of pages, where there are pages.
  const promise = found[method](...positional, ...(Object.keys(named).length ? [named] : []));
  if (typeof promise[Symbol.asyncIterator] === "function") {
    const all = [];
    for await (const item of promise) all.push(item);
    return all;
  }
  return (await promise) ?? null;
}

for await (const line of createInterface({ input: process.stdin })) {
  requests = 0;
  let answer;
  try {
    answer = { result: await run(JSON.parse(line)) };
  } catch (error) {
    answer = { status: error.status, code: error.errors?.[0]?.code, error: String(error) };
  }
  console.log(JSON.stringify({ ...answer, requests }));
}
