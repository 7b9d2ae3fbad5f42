// Checks of the JavaScript client against a running server; each prints `ok NAME` or `FAILED NAME: why`.
//
// The recipe is in `recover.mjs`. `CHECKS` in the environment says what there is to find. `approve CODE` asks whoever reads
// this to vouch for a person, `passcode VALUE` tells what was read.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";

import { ClientCertificateCredential, ClientSecretCredential, DeviceCodeCredential } from "@azure/identity";
import { ConfidentialClientApplication } from "@azure/msal-node";
import graphClient from "@microsoft/microsoft-graph-client";

import { client, find, recover, results, signIn } from "./recover.mjs";

const { BatchRequestContent, BatchResponseContent, Client, GraphError, PageIterator, RetryHandlerOptions } = graphClient;

const { CHAVEIRO_URL: URL_, CHAVEIRO_TENANT_ID, CHAVEIRO_CLIENT_ID, CHAVEIRO_CLIENT_SECRET } = process.env;
const FACTS = JSON.parse(process.env.CHECKS);
const KNOWN = FACTS.known;
const DEVICES = "/deviceManagement/managedDevices";
const LIMIT_MS = 180_000;
const IMPATIENT = [new RetryHandlerOptions(undefined, 0)];

const of = ({ tenantId, clientId, clientSecret }) => client(URL_, signIn(URL_, tenantId, clientId, clientSecret));
const helpdesk = client(URL_, signIn(URL_, CHAVEIRO_TENANT_ID, CHAVEIRO_CLIENT_ID, CHAVEIRO_CLIENT_SECRET));
const reader = of(FACTS.reader);

/** A client whose token is always that. */
const fixed = (token) => client(URL_, { getToken: async () => ({ token, expiresOnTimestamp: Date.now() + 3_600_000 }) });

/** The call fails with a GraphError of that status and code, and that text in its message. */
async function refused(call, status, code, text) {
  const error = await call.then(
    (answer) => assert.fail(`answered ${JSON.stringify(answer)}`),
    (error) => error,
  );
  assert.ok(error instanceof GraphError, `${error}`);
  assert.deepEqual([error.statusCode, error.code], [status, code]);
  assert.ok(error.message.includes(text), `${text} is not in ${error.message}`);
  assert.ok(error.requestId && !Number.isNaN(error.date.getTime()), "the error names its request");
  return error;
}

const checks = {
  async sign_in_with_a_wrong_secret() {
    const wrong = client(URL_, signIn(URL_, CHAVEIRO_TENANT_ID, CHAVEIRO_CLIENT_ID, "wrong"));
    await assert.rejects(wrong.api(DEVICES).get(), /AADSTS7000215/);
  },

  async sign_in_for_either_name_of_the_resource() {
    const { tenantId, clientId, clientSecret } = FACTS.reader;
    for (const scope of ["https://graph.microsoft.com/.default", `${URL_}/.default`]) {
      const graph = client(URL_, signIn(URL_, tenantId, clientId, clientSecret), [scope]);
      assert.equal((await graph.api(DEVICES).top(1).get()).value.length, 1);
    }
  },

  async sign_in_with_a_certificate() {
    const options = { authorityHost: URL_, disableInstanceDiscovery: true };
    const { certificate } = FACTS;
    const credential = new ClientCertificateCredential(CHAVEIRO_TENANT_ID, CHAVEIRO_CLIENT_ID, certificate, options);
    assert.equal((await client(URL_, credential).api(`${DEVICES}/${KNOWN.id}`).get()).id, KNOWN.id);
  },

  async sign_in_with_msal_alone() {
    const application = new ConfidentialClientApplication({
      auth: {
        clientId: CHAVEIRO_CLIENT_ID,
        clientSecret: CHAVEIRO_CLIENT_SECRET,
        authority: `${URL_}/${CHAVEIRO_TENANT_ID}`,
        knownAuthorities: [new URL(URL_).host],
      },
    });
    const { accessToken } = await application.acquireTokenByClientCredential({ scopes: [`${URL_}/.default`] });
    assert.equal((await fixed(accessToken).api(`${DEVICES}/${KNOWN.id}`).get()).id, KNOWN.id);
  },

  async sign_in_where_the_environment_says() {
    process.env.AZURE_AUTHORITY_HOST = URL_;
    const options = { disableInstanceDiscovery: true };
    const credential = new ClientSecretCredential(CHAVEIRO_TENANT_ID, CHAVEIRO_CLIENT_ID, CHAVEIRO_CLIENT_SECRET, options);
    const { id } = await client(URL_, credential).api(`${DEVICES}/${KNOWN.id}`).get();
    // Not sooner: every token asks it anew.
    delete process.env.AZURE_AUTHORITY_HOST;
    assert.equal(id, KNOWN.id);
  },

  async page_through_all_devices() {
    const seen = new Map();
    const first = await helpdesk.api(DEVICES).select("id,deviceName").get();
    const see = (device) => Boolean(seen.set(device.id, device.deviceName));
    await new PageIterator(helpdesk, first, see).iterate();
    assert.deepEqual([seen.size, new Set(seen.values()).size], [FACTS.devices, FACTS.devices]);
    assert.equal(seen.get(KNOWN.id), KNOWN.deviceName);
  },

  async page_with_the_iterator_of_the_sdk() {
    const seen = [];
    const first = await helpdesk.api(DEVICES).top(40).get();
    const pages = new PageIterator(helpdesk, first, (device) => seen.push(device) < 100);
    await pages.iterate();
    assert.equal(new Set(seen.map(({ id }) => id)).size, 100);
    for (const device of seen) {
      assert.ok(device.serialNumber && device.enrolledDateTime && device.model);
      assert.deepEqual(device.deviceActionResults, [], "results are not in lists");
    }
  },

  async take_the_first_few() {
    const answer = await helpdesk.api(DEVICES).top(5).get();
    assert.equal(answer.value.length, 5);
    assert.ok(answer["@odata.nextLink"].startsWith(`${URL_}/beta/`), answer["@odata.nextLink"]);
  },

  async select_properties() {
    const answer = await helpdesk.api(DEVICES).top(1).select("id,model").get();
    assert.deepEqual(Object.keys(answer.value[0]).sort(), ["id", "model"]);
  },

  async get_one() {
    const device = await helpdesk.api(`${DEVICES}/${KNOWN.id}`).get();
    assert.deepEqual([device.id, device.deviceName], [KNOWN.id, KNOWN.deviceName]);
    assert.deepEqual([device.operatingSystem, device.isSupervised, device.managementState], ["Windows", false, "managed"]);
  },

  async find_by_name_and_by_serial_number() {
    for (const name of [KNOWN.deviceName.toLowerCase(), KNOWN.serialNumber]) {
      assert.equal((await find(helpdesk, name)).id, KNOWN.id);
    }
    await assert.rejects(find(helpdesk, "Ana's laptop"), /0 devices are called Ana's laptop/);
  },

  async recover_poll_and_read_the_passcode() {
    const { id } = await find(helpdesk, FACTS.name);
    const result = await recover(helpdesk, id, 200);
    assert.equal(result["@odata.type"], "#microsoft.graph.resetPasscodeActionResult");
    assert.deepEqual([result.actionState, result.errorCode, result.chaveiro_outcome], ["done", 0, "replaced"]);
    console.log("passcode", result.passcode);
    assert.equal((await results(helpdesk, id))[0].passcode, result.passcode);
  },

  async a_reader_sees_the_result_without_the_passcode() {
    const [result] = await results(reader, (await find(reader, FACTS.name)).id);
    assert.deepEqual([result.actionState, result.passcode], ["done", null]);
    assert.equal(result.chaveiro_passcodeWithheld, "missingPermission");
  },

  async without_a_token() {
    const authProvider = { getAccessToken: async () => "" };
    const { hostname } = new URL(URL_);
    const options = { authProvider, baseUrl: `${URL_}/`, defaultVersion: "beta" };
    const empty = Client.initWithMiddleware({ ...options, customHosts: new Set([hostname]) });
    await refused(empty.api(DEVICES).get(), 401, "InvalidAuthenticationToken", "Access token is empty.");
    // Without `customHosts` the client keeps its token to itself.
    const foreign = Client.initWithMiddleware({ ...options, authProvider: { getAccessToken: async () => "unsent" } });
    await refused(foreign.api(DEVICES).get(), 401, "InvalidAuthenticationToken", "Access token is empty.");
  },

  async with_a_token_that_is_none() {
    await refused(fixed("garbled").api(DEVICES).get(), 401, "InvalidAuthenticationToken", "IDX14100");
  },

  async with_an_expired_token() {
    await refused(fixed(FACTS.expired).api(DEVICES).get(), 401, "InvalidAuthenticationToken", "the token is expired");
  },

  async without_the_permission() {
    const text = "DeviceManagementManagedDevices.PrivilegedOperations.All";
    const call = reader.api(`${DEVICES}/${KNOWN.id}/recoverPasscode`).post();
    const error = await refused(call, 403, "Forbidden", text);
    assert.ok(JSON.parse(error.message).Message.includes(`scopes: ${text}`), "the message is a document itself");
  },

  async an_unknown_device() {
    const unknown = `${DEVICES}/${randomUUID()}`;
    await refused(helpdesk.api(unknown).get(), 404, "ResourceNotFound", "no managed device");
    await refused(helpdesk.api(`${unknown}/recoverPasscode`).post(), 404, "ResourceNotFound", "no managed device");
  },

  async an_id_that_is_no_guid() {
    const call = helpdesk.api(`${DEVICES}/${encodeURIComponent("Ana's laptop")}/recoverPasscode`).post(null);
    await refused(call, 400, "InternalError", "must be a GUID");
  },

  async an_unknown_property_in_select() {
    await refused(helpdesk.api(DEVICES).select("nope").get(), 400, "BadRequest", "property named 'nope'");
  },

  async a_tenant_without_licence() {
    const call = of(FACTS.unlicensed).api(DEVICES).get();
    await refused(call, 400, "BadRequest", "Request not applicable to target tenant.");
  },

  async a_verb_that_is_not_for_it() {
    const call = helpdesk.api(DEVICES).post({ deviceName: "made up" });
    await refused(call, 400, "No method match route template", "No OData route exists that match template");
  },

  async an_action_that_there_is_not() {
    const call = helpdesk.api(`${DEVICES}/${KNOWN.id}/locateDevice`).post({});
    await refused(call, 400, "BadRequest", "segment 'locateDevice'");
  },

  async keys_that_cannot_be_had_are_503() {
    const call = fixed(FACTS.keysUnavailable).api(DEVICES).middlewareOptions(IMPATIENT).get();
    const error = await refused(call, 503, "serviceNotAvailable", "Retry-After");
    const after = Number(error.headers.get("retry-after"));
    assert.ok(1 <= after && after <= 30, "that long until they are asked for again");
  },

  async after_429_the_client_waits_and_succeeds() {
    const graph = of(FACTS.robot);
    const path = `${DEVICES}/${KNOWN.id}/recoverPasscode`;
    const flood = async () => {
      for (let sent = 0; sent < 100; sent += 1) await graph.api(path).middlewareOptions(IMPATIENT).post();
    };
    const error = await refused(flood(), 429, "TooManyRequests", "Retry-After");
    const after = Number(error.headers.get("retry-after"));
    const begun = performance.now();
    await graph.api(path).post();
    const waited = (performance.now() - begun) / 1000;
    assert.ok(after >= 1 && waited >= after - 1, "it waits as long as the server says");
  },

  async filter_devices() {
    const names = async (filter) =>
      (await helpdesk.api(DEVICES).filter(filter).orderby("deviceName").get()).value.map((device) => device.deviceName);
    const begin = KNOWN.deviceName.slice(0, -1);
    assert.deepEqual(
      await names(`startswith(deviceName,'${begin}') and operatingSystem eq 'Linux'`),
      [0, 4, 8].map((number) => `${begin}${number}`),
    );
    assert.deepEqual(await names("deviceName eq 'none such'"), []);
  },

  async a_filter_that_is_none() {
    await refused(helpdesk.api(DEVICES).filter("deviceName equals 'x'").get(), 400, "BadRequest", "$filter");
  },

  async order_devices() {
    const { value } = await helpdesk.api(DEVICES).orderby("deviceName desc").top(3).get();
    const names = [2, 3, 4].map((back) => `DESKTOP-${String(FACTS.devices - back).padStart(7, "0")}`);
    assert.deepEqual(value.map(({ deviceName }) => deviceName), names);
  },

  async count_devices() {
    assert.equal(Number(await helpdesk.api(`${DEVICES}/$count`).get()), FACTS.devices);
    const answer = await helpdesk.api(DEVICES).count(true).top(1).get();
    assert.deepEqual([answer["@odata.count"], answer.value.length], [FACTS.devices, 1]);
  },

  async search_devices() {
    const { value } = await helpdesk.api(DEVICES).search(`"${FACTS.name}"`).get();
    assert.deepEqual(value.map(({ deviceName }) => deviceName), [FACTS.name]);
  },

  async expand_the_users_of_a_device() {
    const { id } = await find(helpdesk, FACTS.name);
    const { users } = await helpdesk.api(`${DEVICES}/${id}`).select("id").expand("users").get();
    assert.deepEqual(users.map((user) => user.userPrincipalName), [FACTS.person]);
  },

  async batch_twenty_requests() {
    const items = Array.from({ length: 19 }, (_, number) => ({
      id: String(number),
      request: new Request(`${URL_}${DEVICES}/${KNOWN.id}`),
    }));
    items.push({ id: "unknown", request: new Request(`${URL_}${DEVICES}/${randomUUID()}`) });
    const content = await new BatchRequestContent(items).getContent();
    const responses = new BatchResponseContent(await helpdesk.api("/$batch").post(content));
    assert.equal(responses.getResponseById("unknown").status, 404);
    for (const { id } of items.slice(0, 19)) {
      assert.equal((await responses.getResponseById(id).json()).id, KNOWN.id);
    }
  },

  async read_what_was_audited() {
    const request = helpdesk.api("/deviceManagement/auditEvents").filter("category eq 'Device'");
    const events = await request.orderby("activityDateTime desc").get();
    assert.ok(events.value.some((event) => event.activityType === "recoverPasscode ManagedDevice"));
    const audits = await helpdesk.api("/deviceManagement/remoteActionAudits").get();
    assert.deepEqual([...new Set(audits.value.map(({ action }) => action))], ["recoverPasscode"]);
  },

  async a_person_recovers_after_signing_in_with_a_device_code() {
    const person = new DeviceCodeCredential({
      tenantId: CHAVEIRO_TENANT_ID,
      clientId: FACTS.public.clientId,
      authorityHost: URL_,
      disableInstanceDiscovery: true,
      userPromptCallback: ({ userCode }) => console.log("approve", userCode),
    });
    const graph = client(URL_, person);
    assert.equal((await graph.api("/me").get()).userPrincipalName, FACTS.person);
    const { id } = await find(graph, FACTS.name);
    console.log("passcode", (await recover(graph, id, 200)).passcode);
    // The application may, but her role does not allow it.
    await refused(graph.api(`${DEVICES}/${id}`).patch({ notes: "x" }), 403, "Forbidden", "role");
  },
};

// Nothing may wait for ever, such as for somebody who does not approve.
setTimeout(() => process.exit(2), LIMIT_MS).unref();

let failed = 0;
for (const [name, check] of Object.entries(checks)) {
  const begun = performance.now();
  try {
    await check();
    console.log(`ok ${name}`);
    console.error(`${name}: ${((performance.now() - begun) / 1000).toFixed(1)} s`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED ${name}: ${error}`);
    console.error(error);
  }
}
process.exitCode = failed ? 1 : 0;
