// Finds a device by its name, recovers its passcode, prints it: node recover.mjs ANA-LT1

import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";

import { ClientSecretCredential } from "@azure/identity";
import graphClient from "@microsoft/microsoft-graph-client";
import azure from "@microsoft/microsoft-graph-client/authProviders/azureTokenCredentials/index.js";

const { Client, GraphError } = graphClient;
const { TokenCredentialAuthenticationProvider } = azure;

const OPEN = ["none", "pending", "active"];

/** A Graph client of the Chaveiro server at that address. It sends its token to this host alone. */
export function client(url, credential, scopes = [`${url}/.default`]) {
  return Client.initWithMiddleware({
    authProvider: new TokenCredentialAuthenticationProvider(credential, { scopes }),
    baseUrl: `${url}/`,
    defaultVersion: "beta",
    customHosts: new Set([new URL(url).hostname]),
  });
}

/** The application, at the issuer that the server itself is. Microsoft's is not asked about it. */
export function signIn(url, tenant, clientId, clientSecret) {
  return new ClientSecretCredential(tenant, clientId, clientSecret, {
    authorityHost: url,
    disableInstanceDiscovery: true,
  });
}

/** The one device that has this name or serial number. */
export async function find(graph, name) {
  const quoted = name.replaceAll("'", "''");
  const filter = `deviceName eq '${quoted}' or serialNumber eq '${quoted}'`;
  const { value } = await graph.api("/deviceManagement/managedDevices").filter(filter).select("id").get();
  if (value.length !== 1) throw new Error(`${value.length} devices are called ${name}`);
  return value[0];
}

/** What became of the recoveries of a device, the newest first. This reading is recorded. */
export async function results(graph, deviceId) {
  const path = `/deviceManagement/managedDevices/${encodeURIComponent(deviceId)}`;
  const device = await graph.api(path).select("id,deviceActionResults").get();
  return device.deviceActionResults
    .filter((result) => result.actionName === "recoverPasscode")
    .sort((a, b) => Date.parse(b.startDateTime) - Date.parse(a.startDateTime));
}

/** Recovers, and waits until the device has answered. */
export async function recover(graph, deviceId, every = 2000) {
  await graph.api(`/deviceManagement/managedDevices/${encodeURIComponent(deviceId)}/recoverPasscode`).post();
  for (;;) {
    const [newest] = await results(graph, deviceId);
    if (!OPEN.includes(newest.actionState)) return newest;
    await sleep(every);
  }
}

async function main(name) {
  const { CHAVEIRO_URL, CHAVEIRO_TENANT_ID, CHAVEIRO_CLIENT_ID, CHAVEIRO_CLIENT_SECRET } = process.env;
  const credential = signIn(CHAVEIRO_URL, CHAVEIRO_TENANT_ID, CHAVEIRO_CLIENT_ID, CHAVEIRO_CLIENT_SECRET);
  const graph = client(CHAVEIRO_URL, credential);
  const result = await recover(graph, (await find(graph, name)).id);
  if (result.actionState !== "done") throw new Error(`${result.actionState}: ${result.chaveiro_outcome}`);
  if (result.passcode === null) throw new Error(`not shown: ${result.chaveiro_passcodeWithheld}`);
  console.log(result.passcode);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  main(process.argv[2]).catch((error) => {
    // 429 and 503 come here only after three retries, each after the time that the server named.
    const graph = error instanceof GraphError;
    console.error(graph ? `${error.statusCode} ${error.code}: ${error.message}` : error.message);
    if (graph) console.error(`request-id ${error.requestId}`);
    process.exitCode = 1;
  });
}
