// Checks of the Java SDK against a running server; each prints `ok NAME` or `FAILED NAME: why`.
//
// The recipe is in `Recover.java`. `CHECKS` in the environment says what there is to find. `approve CODE` asks whoever reads
// this to vouch for a person, `passcode VALUE` tells what was read.

import com.azure.core.credential.AccessToken;
import com.azure.core.credential.TokenCredential;
import com.azure.core.util.Configuration;
import com.azure.core.util.ConfigurationBuilder;
import com.azure.identity.ClientCertificateCredentialBuilder;
import com.azure.identity.ClientSecretCredentialBuilder;
import com.azure.identity.DeviceCodeCredentialBuilder;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.microsoft.aad.msal4j.ClientCredentialFactory;
import com.microsoft.aad.msal4j.ClientCredentialParameters;
import com.microsoft.aad.msal4j.ConfidentialClientApplication;
import com.microsoft.aad.msal4j.MsalServiceException;
import com.microsoft.graph.beta.devicemanagement.manageddevices.ManagedDevicesRequestBuilder;
import com.microsoft.graph.beta.devicemanagement.manageddevices.item.ManagedDeviceItemRequestBuilder;
import com.microsoft.graph.beta.models.ActionState;
import com.microsoft.graph.beta.models.ManagedDevice;
import com.microsoft.graph.beta.models.ManagedDeviceCollectionResponse;
import com.microsoft.graph.beta.models.ManagementState;
import com.microsoft.graph.beta.models.RemoteAction;
import com.microsoft.graph.beta.models.odataerrors.ODataError;
import com.microsoft.graph.beta.serviceclient.GraphServiceClient;
import com.microsoft.graph.core.authentication.AzureIdentityAuthenticationProvider;
import com.microsoft.graph.core.content.BatchRequestContent;
import com.microsoft.graph.core.requests.BatchRequestBuilder;
import com.microsoft.graph.core.tasks.PageIterator;
import com.microsoft.kiota.RequestOption;
import com.microsoft.kiota.authentication.AnonymousAuthenticationProvider;
import com.microsoft.kiota.http.middleware.options.RetryHandlerOption;
import java.time.Duration;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import reactor.core.publisher.Mono;

public class Checks {
    interface Check {
        void run() throws Exception;
    }

    static final String URL = System.getenv("CHAVEIRO_URL");
    static final String TENANT = System.getenv("CHAVEIRO_TENANT_ID");
    static final String CLIENT = System.getenv("CHAVEIRO_CLIENT_ID");
    static final String SECRET = System.getenv("CHAVEIRO_CLIENT_SECRET");
    static final JsonObject FACTS = JsonParser.parseString(System.getenv("CHECKS")).getAsJsonObject();
    static final int DEVICES = FACTS.get("devices").getAsInt();
    static final String NAME = text(FACTS, "name");
    static final String PERSON = text(FACTS, "person");
    static final String KNOWN = text(FACTS.getAsJsonObject("known"), "id");
    static final String KNOWN_NAME = text(FACTS.getAsJsonObject("known"), "deviceName");
    static final String KNOWN_SERIAL = text(FACTS.getAsJsonObject("known"), "serialNumber");
    static final RequestOption IMPATIENT = new RetryHandlerOption((delay, tries, request, response) -> false, 0, 0);
    static final Duration OFTEN = Duration.ofMillis(200);
    static final Duration LIMIT = Duration.ofMinutes(3);

    static final GraphServiceClient HELPDESK = Recover.client(URL, Recover.signIn(URL, TENANT, CLIENT, SECRET));
    static final GraphServiceClient READER = of("reader");
    static final Map<String, Check> CHECKS = new LinkedHashMap<>();

    static String text(JsonObject of, String name) {
        return of.get(name).getAsString();
    }

    static GraphServiceClient of(String application, String... scopes) {
        var facts = FACTS.getAsJsonObject(application);
        var credential = Recover.signIn(
            URL, text(facts, "tenantId"), text(facts, "clientId"), text(facts, "clientSecret"));
        return Recover.client(URL, credential, scopes);
    }

    /** A client whose token is always that. */
    static GraphServiceClient fixed(String token) {
        TokenCredential credential = context -> Mono.just(new AccessToken(token, OffsetDateTime.now().plusHours(1)));
        return Recover.client(URL, credential);
    }

    static ManagedDevicesRequestBuilder all(GraphServiceClient graph) {
        return graph.deviceManagement().managedDevices();
    }

    static ManagedDeviceItemRequestBuilder one(GraphServiceClient graph, String id) {
        return all(graph).byManagedDeviceId(id);
    }

    static ManagedDeviceCollectionResponse first(int top) {
        return all(HELPDESK).get(request -> request.queryParameters.top = top);
    }

    static ManagedDeviceCollectionResponse filtered(String filter) {
        return all(HELPDESK).get(request -> {
            request.queryParameters.filter = filter;
            request.queryParameters.orderby = new String[] {"deviceName"};
        });
    }

    static List<String> names(ManagedDeviceCollectionResponse page) {
        return page.getValue().stream().map(ManagedDevice::getDeviceName).toList();
    }

    static void that(boolean holds, Object told) {
        if (!holds) throw new AssertionError(told);
    }

    static void same(Object got, Object wanted) {
        that(got == null ? wanted == null : got.equals(wanted), got + " instead of " + wanted);
    }

    /** The call fails with an exception of that kind, and that text in its message. */
    static <E extends Exception> E fails(Class<E> kind, String text, Check call) throws Exception {
        try {
            call.run();
        } catch (Exception error) {
            if (!kind.isInstance(error)) throw error;
            that(error.getMessage().contains(text), text + " is not in " + error.getMessage());
            return kind.cast(error);
        }
        throw new AssertionError("it was answered");
    }

    /** The call fails with an ODataError of that status and code, and that text in its message. */
    static ODataError refused(int status, String code, String text, Check call) throws Exception {
        var error = fails(ODataError.class, text, call);
        same(List.of(error.getResponseStatusCode(), error.getError().getCode()), List.of(status, code));
        same(error.getError().getMessage(), error.getMessage());
        var inner = error.getError().getInnerError();
        that(inner.getRequestId() != null && inner.getClientRequestId() != null && inner.getDate() != null,
            "innerError is whole");
        return error;
    }

    static int retryAfter(ODataError error) {
        return Integer.parseInt(error.getResponseHeaders().get("retry-after").iterator().next());
    }

    /** Every device from that page on, until the callback says no. */
    static void iterate(ManagedDeviceCollectionResponse from, Function<ManagedDevice, Boolean> see) throws Exception {
        new PageIterator.Builder<ManagedDevice, ManagedDeviceCollectionResponse>()
            .client(HELPDESK)
            .collectionPage(from)
            .collectionPageFactory(ManagedDeviceCollectionResponse::createFromDiscriminatorValue)
            .processPageItemCallback(see)
            .build()
            .iterate();
    }

    static {
        CHECKS.put("sign_in_with_a_wrong_secret", () -> {
            var wrong = Recover.client(URL, Recover.signIn(URL, TENANT, CLIENT, "wrong"));
            Throwable error = fails(RuntimeException.class, "AADSTS7000215", () -> all(wrong).get());
            while (error.getCause() != null) error = error.getCause();
            same(((MsalServiceException) error).errorCode(), "invalid_client");
        });

        CHECKS.put("sign_in_for_either_name_of_the_resource", () -> {
            for (var scope : List.of("https://graph.microsoft.com/.default", URL + "/.default")) {
                var page = all(of("reader", scope)).get(request -> request.queryParameters.top = 1);
                same(page.getValue().size(), 1);
            }
        });

        CHECKS.put("sign_in_with_a_certificate", () -> {
            var credential = new ClientCertificateCredentialBuilder()
                .tenantId(TENANT)
                .clientId(CLIENT)
                .pemCertificate(text(FACTS, "certificate"))
                .authorityHost(URL)
                .disableInstanceDiscovery()
                .build();
            same(one(Recover.client(URL, credential), KNOWN).get().getId(), KNOWN);
        });

        CHECKS.put("sign_in_with_msal_alone", () -> {
            var application = ConfidentialClientApplication.builder(CLIENT, ClientCredentialFactory.createFromSecret(SECRET))
                .authority(URL + "/" + TENANT)
                .instanceDiscovery(false)
                .build();
            var wanted = ClientCredentialParameters.builder(Set.of(URL + "/.default")).build();
            var answer = application.acquireToken(wanted).get();
            same(one(fixed(answer.accessToken()), KNOWN).get().getId(), KNOWN);
        });

        CHECKS.put("sign_in_where_the_environment_says", () -> {
            // An environment of its own: in that of the process the variable would be for every check.
            var environment = new ConfigurationBuilder(path -> Map.of(), path -> Map.of(),
                path -> Map.of(Configuration.PROPERTY_AZURE_AUTHORITY_HOST, URL)).build();
            var credential = new ClientSecretCredentialBuilder()
                .configuration(environment)
                .tenantId(TENANT)
                .clientId(CLIENT)
                .clientSecret(SECRET)
                .disableInstanceDiscovery()
                .build();
            same(one(Recover.client(URL, credential), KNOWN).get().getId(), KNOWN);
        });

        CHECKS.put("page_through_all_devices", () -> {
            var seen = new HashMap<String, String>();
            var from = all(HELPDESK).get(
                request -> request.queryParameters.select = new String[] {"id", "deviceName"});
            iterate(from, device -> {
                seen.put(device.getId(), device.getDeviceName());
                return true;
            });
            same(List.of(seen.size(), Set.copyOf(seen.values()).size()), List.of(DEVICES, DEVICES));
            same(seen.get(KNOWN), KNOWN_NAME);
        });

        CHECKS.put("page_with_the_iterator_of_the_sdk", () -> {
            var seen = new ArrayList<ManagedDevice>();
            iterate(first(40), device -> seen.add(device) && seen.size() < 100);
            same(seen.stream().map(ManagedDevice::getId).distinct().count(), 100L);
            for (var device : seen) {
                that(device.getSerialNumber() != null && device.getEnrolledDateTime() != null
                    && device.getModel() != null, device.getId());
                same(device.getDeviceActionResults(), List.of());
            }
        });

        CHECKS.put("take_the_first_few", () -> {
            var page = first(5);
            same(page.getValue().size(), 5);
            that(page.getOdataNextLink().startsWith(URL + "/beta/"), page.getOdataNextLink());
        });

        CHECKS.put("select_properties", () -> {
            var device = all(HELPDESK).get(request -> {
                request.queryParameters.top = 1;
                request.queryParameters.select = new String[] {"id", "model"};
            }).getValue().get(0);
            that(device.getId() != null && device.getModel() != null, "what was selected is there");
            that(device.getDeviceName() == null && device.getSerialNumber() == null, "nothing else is");
        });

        CHECKS.put("get_one", () -> {
            var device = one(HELPDESK, KNOWN).get();
            same(List.of(device.getId(), device.getDeviceName()), List.of(KNOWN, KNOWN_NAME));
            same(List.of(device.getOperatingSystem(), device.getIsSupervised(), device.getManagementState()),
                List.of("Windows", false, ManagementState.Managed));
        });

        CHECKS.put("find_by_name_and_by_serial_number", () -> {
            for (var name : List.of(KNOWN_NAME.toLowerCase(), KNOWN_SERIAL)) same(Recover.find(HELPDESK, name), KNOWN);
            fails(IllegalStateException.class, "0 devices are called Ana's laptop",
                () -> Recover.find(HELPDESK, "Ana's laptop"));
        });

        CHECKS.put("recover_poll_and_read_the_passcode", () -> {
            var id = Recover.find(HELPDESK, NAME);
            var result = Recover.recover(HELPDESK, id, OFTEN);
            same(result.getActionState(), ActionState.Done);
            same(result.getOdataType(), "#microsoft.graph.resetPasscodeActionResult");
            same(List.of(result.getErrorCode(), result.getAdditionalData().get("chaveiro_outcome")),
                List.of(0, "replaced"));
            System.out.println("passcode " + result.getPasscode());
            same(Recover.results(HELPDESK, id).get(0).getPasscode(), result.getPasscode());
        });

        CHECKS.put("a_reader_sees_the_result_without_the_passcode", () -> {
            var result = Recover.results(READER, Recover.find(READER, NAME)).get(0);
            same(result.getActionState(), ActionState.Done);
            same(result.getPasscode(), null);
            same(result.getAdditionalData().get("chaveiro_passcodeWithheld"), "missingPermission");
        });

        CHECKS.put("without_a_token", () -> {
            var anonymous = new GraphServiceClient(new AnonymousAuthenticationProvider());
            anonymous.getRequestAdapter().setBaseUrl(URL + "/beta");
            refused(401, "InvalidAuthenticationToken", "Access token is empty.", () -> all(anonymous).get());
            // Without the list of hosts the client keeps its token to itself.
            TokenCredential unsent = context -> Mono.just(new AccessToken("unsent", OffsetDateTime.now().plusHours(1)));
            var foreign = new GraphServiceClient(
                new AzureIdentityAuthenticationProvider(unsent, new String[] {}, URL + "/.default"));
            foreign.getRequestAdapter().setBaseUrl(URL + "/beta");
            refused(401, "InvalidAuthenticationToken", "Access token is empty.", () -> all(foreign).get());
        });

        CHECKS.put("with_a_token_that_is_none", () ->
            refused(401, "InvalidAuthenticationToken", "IDX14100", () -> all(fixed("garbled")).get()));

        CHECKS.put("with_an_expired_token", () ->
            refused(401, "InvalidAuthenticationToken", "the token is expired",
                () -> all(fixed(text(FACTS, "expired"))).get()));

        CHECKS.put("without_the_permission", () -> {
            var text = "DeviceManagementManagedDevices.PrivilegedOperations.All";
            var error = refused(403, "Forbidden", text, () -> one(READER, KNOWN).recoverPasscode().post());
            var document = JsonParser.parseString(error.getMessage()).getAsJsonObject();
            that(text(document, "Message").contains("scopes: " + text), "the message is a document itself");
        });

        CHECKS.put("an_unknown_device", () -> {
            var unknown = one(HELPDESK, UUID.randomUUID().toString());
            refused(404, "ResourceNotFound", "no managed device", unknown::get);
            refused(404, "ResourceNotFound", "no managed device", () -> unknown.recoverPasscode().post());
        });

        CHECKS.put("an_id_that_is_no_guid", () ->
            refused(400, "InternalError", "must be a GUID",
                () -> one(HELPDESK, "Ana's laptop").recoverPasscode().post()));

        CHECKS.put("an_unknown_property_in_select", () ->
            refused(400, "BadRequest", "property named 'nope'", () ->
                all(HELPDESK).get(request -> request.queryParameters.select = new String[] {"nope"})));

        CHECKS.put("a_tenant_without_licence", () ->
            refused(400, "BadRequest", "Request not applicable to target tenant.", () -> all(of("unlicensed")).get()));

        CHECKS.put("a_verb_that_is_not_for_it", () -> {
            var device = new ManagedDevice();
            device.setDeviceName("made up");
            refused(400, "No method match route template", "No OData route exists that match template",
                () -> all(HELPDESK).post(device));
        });

        CHECKS.put("an_action_that_there_is_not", () ->
            refused(400, "BadRequest", "segment 'locateDevice'", () -> one(HELPDESK, KNOWN).locateDevice().post()));

        CHECKS.put("keys_that_cannot_be_had_are_503", () -> {
            var graph = fixed(text(FACTS, "keysUnavailable"));
            var after = retryAfter(refused(503, "serviceNotAvailable", "Retry-After",
                () -> all(graph).get(request -> request.options.add(IMPATIENT))));
            that(1 <= after && after <= 30, "that long until they are asked for again");
        });

        CHECKS.put("after_429_the_client_waits_and_succeeds", () -> {
            var known = one(of("robot"), KNOWN).recoverPasscode();
            var after = retryAfter(refused(429, "TooManyRequests", "Retry-After", () -> {
                for (var sent = 0; sent < 100; sent++) known.post(request -> request.options.add(IMPATIENT));
            }));
            var begun = System.nanoTime();
            known.post();
            var waited = Duration.ofNanos(System.nanoTime() - begun).toMillis();
            that(after >= 1 && waited >= (after - 1) * 1000L, "it waits as long as the server says");
        });

        CHECKS.put("filter_devices", () -> {
            var begin = KNOWN_NAME.substring(0, KNOWN_NAME.length() - 1);
            var linux = filtered("startswith(deviceName,'" + begin + "') and operatingSystem eq 'Linux'");
            same(names(linux), List.of(begin + 0, begin + 4, begin + 8));
            same(names(filtered("deviceName eq 'none such'")), List.of());
        });

        CHECKS.put("a_filter_that_is_none", () ->
            refused(400, "BadRequest", "$filter", () -> filtered("deviceName equals 'x'")));

        CHECKS.put("order_devices", () -> {
            var page = all(HELPDESK).get(request -> {
                request.queryParameters.orderby = new String[] {"deviceName desc"};
                request.queryParameters.top = 3;
            });
            same(names(page), IntStream.of(2, 3, 4).mapToObj(back -> "DESKTOP-%07d".formatted(DEVICES - back)).toList());
        });

        CHECKS.put("count_devices", () -> {
            same(all(HELPDESK).count().get(), DEVICES);
            var page = all(HELPDESK).get(request -> {
                request.queryParameters.count = true;
                request.queryParameters.top = 1;
            });
            same(List.of(page.getOdataCount(), page.getValue().size()), List.of((long) DEVICES, 1));
        });

        CHECKS.put("search_devices", () -> {
            var page = all(HELPDESK).get(request -> request.queryParameters.search = '"' + NAME + '"');
            same(names(page), List.of(NAME));
        });

        CHECKS.put("expand_the_users_of_a_device", () -> {
            var device = one(HELPDESK, Recover.find(HELPDESK, NAME)).get(request -> {
                request.queryParameters.select = new String[] {"id"};
                request.queryParameters.expand = new String[] {"users"};
            });
            same(device.getUsers().stream().map(user -> user.getUserPrincipalName()).toList(), List.of(PERSON));
        });

        CHECKS.put("batch_twenty_requests", () -> {
            var content = new BatchRequestContent(HELPDESK);
            var known = new HashSet<String>();
            for (var number = 0; number < 19; number++) {
                known.add(content.addBatchRequestStep(one(HELPDESK, KNOWN).toGetRequestInformation()));
            }
            var unknown = content.addBatchRequestStep(
                one(HELPDESK, UUID.randomUUID().toString()).toGetRequestInformation());
            var answers = new BatchRequestBuilder(HELPDESK.getRequestAdapter()).post(content, null);
            same(answers.getResponsesStatusCode().get(unknown), 404);
            same(known.size(), 19);
            for (var id : known) {
                var device = answers.getResponseById(id, ManagedDevice::createFromDiscriminatorValue);
                same(device.getId(), KNOWN);
            }
        });

        CHECKS.put("read_what_was_audited", () -> {
            var events = HELPDESK.deviceManagement().auditEvents().get(request -> {
                request.queryParameters.filter = "category eq 'Device'";
                request.queryParameters.orderby = new String[] {"activityDateTime desc"};
            }).getValue();
            that(events.stream().anyMatch(event -> "recoverPasscode ManagedDevice".equals(event.getActivityType())),
                "recoveries are events");
            var audits = HELPDESK.deviceManagement().remoteActionAudits().get().getValue();
            same(audits.stream().map(audit -> audit.getAction()).collect(Collectors.toSet()),
                Set.of(RemoteAction.RecoverPasscode));
        });

        CHECKS.put("a_person_recovers_after_signing_in_with_a_device_code", () -> {
            var person = new DeviceCodeCredentialBuilder()
                .tenantId(TENANT)
                .clientId(text(FACTS.getAsJsonObject("public"), "clientId"))
                .authorityHost(URL)
                .disableInstanceDiscovery()
                .challengeConsumer(shown -> System.out.println("approve " + shown.getUserCode()))
                .build();
            var graph = Recover.client(URL, person);
            same(graph.me().get().getUserPrincipalName(), PERSON);
            var id = Recover.find(graph, NAME);
            System.out.println("passcode " + Recover.recover(graph, id, OFTEN).getPasscode());
            // The application may, but her role does not allow it.
            var change = new ManagedDevice();
            change.setNotes("x");
            refused(403, "Forbidden", "role", () -> one(graph, id).patch(change));
        });
    }

    /** Nothing may wait for ever, such as for somebody who does not approve. */
    static void limit() {
        var watch = new Thread(() -> {
            try {
                Thread.sleep(LIMIT.toMillis());
            } catch (InterruptedException ended) {
                return;
            }
            System.exit(2);
        });
        watch.setDaemon(true);
        watch.start();
    }

    public static void main(String[] arguments) {
        limit();
        var failed = 0;
        for (var check : CHECKS.entrySet()) {
            var begun = System.nanoTime();
            try {
                check.getValue().run();
                System.out.println("ok " + check.getKey());
                System.err.printf("%s: %.1f s%n", check.getKey(), (System.nanoTime() - begun) / 1e9);
            } catch (Exception | AssertionError error) {
                failed++;
                System.out.println("FAILED " + check.getKey() + ": " + error);
                error.printStackTrace();
            }
        }
        System.exit(failed == 0 ? 0 : 1);
    }
}
