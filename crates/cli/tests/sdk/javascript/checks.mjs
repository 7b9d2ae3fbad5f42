// Checks of the JavaScript client against a running server; each prints `ok NAME` or `FAILED NAME: why`.
//
// The recipe is in `recover.mjs`. `CHECKS` in the environment says what there is to find; what its `served` says to be
// missing is checked to be refused by name.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";

import { DeviceCodeCredential } from "@azure/identity";
import graphClient from "@microsoft/microsoft-graph-client";

import { client, devices, find, recover, results, signIn } from "./recover.mjs";

const { BatchRequestContent, BatchResponseContent, Client, GraphError, PageIterator, RetryHandlerOptions } = graphClient;

const { CHAVEIRO_URL: URL_, CHAVEIRO_TENANT_ID, CHAVEIRO_CLIENT_ID, CHAVEIRO_CLIENT_SECRET } = process.env;
const FACTS = JSON.parse(process.env.CHECKS);
const KNOWN = FACTS.known;
const DEVICES = "/deviceManagement/managedDevices";

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

/** What the call gives where the server does that; otherwise undefined, and it was refused like that. */
async function served(name, call, ...refusal) {
  if (FACTS.served[name]) return call;
  await refused(call, ...refusal);
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

  async page_through_all_devices() {
    const seen = new Map();
    await devices(helpdesk, (device) => Boolean(seen.set(device.id, device.deviceName)), "id", "deviceName");
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

  async retry_after_is_obeyed_before_503_is_told() {
    const begun = performance.now();
    const call = fixed(FACTS.keysUnavailable).api(DEVICES).get();
    const error = await refused(call, 503, "serviceNotAvailable", "Retry-After");
    const after = Number(error.headers.get("retry-after"));
    // Three retries, none of them earlier than told; timers of Node may be a millisecond early.
    assert.ok(performance.now() - begun >= 3 * (1000 * after - 1) && after >= 1, "it waits as long as the server says");
  },

  async after_429_the_client_waits_and_succeeds() {
    const graph = of(FACTS.robot);
    const path = `${DEVICES}/${KNOWN.id}/recoverPasscode`;
    const flood = async () => {
      const impatient = [new RetryHandlerOptions(undefined, 0)];
      for (let sent = 0; sent < 100; sent += 1) await graph.api(path).middlewareOptions(impatient).post();
    };
    const error = await refused(flood(), 429, "TooManyRequests", "Retry-After");
    assert.ok(Number(error.headers.get("retry-after")) >= 1);
    await graph.api(path).post();
  },

  async filter_devices() {
    const filter = (name) => helpdesk.api(DEVICES).filter(`deviceName eq '${name}'`).get();
    const answer = await served("filter", filter(FACTS.name), 400, "BadRequest", "$filter");
    if (!answer) return;
    assert.deepEqual(answer.value.map(({ deviceName }) => deviceName), [FACTS.name]);
    assert.deepEqual((await filter("none such")).value, []);
  },

  async order_devices() {
    const call = helpdesk.api(DEVICES).orderby("deviceName desc").top(3).get();
    const answer = await served("orderby", call, 400, "BadRequest", "$orderby");
    if (!answer) return;
    const names = [2, 3, 4].map((back) => `DESKTOP-${String(FACTS.devices - back).padStart(7, "0")}`);
    assert.deepEqual(answer.value.map(({ deviceName }) => deviceName), names);
  },

  async count_devices() {
    const answer = await served("count", helpdesk.api(`${DEVICES}/$count`).get(), 400, "BadRequest", "$count");
    if (answer !== undefined) assert.equal(Number(answer), FACTS.devices);
  },

  async search_devices() {
    const call = helpdesk.api(DEVICES).search(`"${FACTS.name}"`).get();
    const answer = await served("search", call, 400, "BadRequest", "$search");
    if (answer) assert.deepEqual(answer.value.map(({ deviceName }) => deviceName), [FACTS.name]);
  },

  async expand_the_users_of_a_device() {
    const { id } = await find(helpdesk, FACTS.name);
    const call = helpdesk.api(`${DEVICES}/${id}`).select("id").expand("users").get();
    const answer = await served("expand", call, 400, "BadRequest", "$expand");
    if (answer) assert.deepEqual(answer.users.map((user) => user.userPrincipalName), ["ana@example.org"]);
  },

  async batch_twenty_requests() {
    const items = Array.from({ length: 19 }, (_, number) => ({
      id: String(number),
      request: new Request(`${URL_}${DEVICES}/${KNOWN.id}`),
    }));
    items.push({ id: "unknown", request: new Request(`${URL_}${DEVICES}/${randomUUID()}`) });
    const content = await new BatchRequestContent(items).getContent();
    const answer = await served("batch", helpdesk.api("/$batch").post(content), 405, "Request_BadRequest", "not allowed");
    if (!answer) return;
    const responses = new BatchResponseContent(answer);
    assert.equal(responses.getResponseById("unknown").status, 404);
    for (const { id } of items.slice(0, 19)) {
      assert.equal((await responses.getResponseById(id).json()).id, KNOWN.id);
    }
  },

  async read_what_was_audited() {
    const request = helpdesk.api("/deviceManagement/auditEvents").filter("category eq 'Device'");
    const call = request.orderby("activityDateTime desc").get();
    const answer = await served("auditEvents", call, 400, "BadRequest", "segment 'auditEvents'");
    if (answer) assert.ok(answer.value.some((event) => event.activityType === "recoverPasscode ManagedDevice"));
  },

  async sign_in_with_a_device_code() {
    const person = new DeviceCodeCredential({
      tenantId: CHAVEIRO_TENANT_ID,
      clientId: FACTS.reader.clientId,
      authorityHost: URL_,
      disableInstanceDiscovery: true,
      userPromptCallback: ({ userCode }) => console.log("approve", userCode),
    });
    const scopes = [`${URL_}/DeviceManagementManagedDevices.Read.All`];
    const call = client(URL_, person, scopes).api(`${DEVICES}/${KNOWN.id}`).get();
    if (FACTS.served.deviceCode) assert.equal((await call).id, KNOWN.id);
    else await assert.rejects(call);
  },
};

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
