// Finds a device by its name, recovers its passcode, prints it: java -cp 'lib/*' Recover.java ANA-LT1

import com.azure.core.credential.TokenCredential;
import com.azure.identity.ClientSecretCredentialBuilder;
import com.microsoft.graph.beta.models.ActionState;
import com.microsoft.graph.beta.models.ResetPasscodeActionResult;
import com.microsoft.graph.beta.models.odataerrors.ODataError;
import com.microsoft.graph.beta.serviceclient.GraphServiceClient;
import com.microsoft.graph.core.authentication.AzureIdentityAuthenticationProvider;
import java.net.URI;
import java.time.Duration;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

public class Recover {
    static final Set<ActionState> OPEN = EnumSet.of(ActionState.None, ActionState.Pending, ActionState.Active);

    /** A Graph client of the Chaveiro server at that address. It sends its token to this host alone. */
    static GraphServiceClient client(String url, TokenCredential credential, String... scopes) {
        var hosts = new String[] {URI.create(url).getHost()};
        var wanted = scopes.length == 0 ? new String[] {url + "/.default"} : scopes;
        var graph = new GraphServiceClient(new AzureIdentityAuthenticationProvider(credential, hosts, wanted));
        graph.getRequestAdapter().setBaseUrl(url + "/beta");
        return graph;
    }

    /** The application, at the issuer that the server itself is. Microsoft's is not asked about it. */
    static TokenCredential signIn(String url, String tenant, String clientId, String clientSecret) {
        return new ClientSecretCredentialBuilder()
            .tenantId(tenant)
            .clientId(clientId)
            .clientSecret(clientSecret)
            .authorityHost(url)
            .disableInstanceDiscovery()
            .build();
    }

    /** The id of the one device that has this name or serial number. */
    static String find(GraphServiceClient graph, String name) {
        var quoted = name.replace("'", "''");
        var found = graph.deviceManagement().managedDevices().get(request -> {
            request.queryParameters.filter = "deviceName eq '" + quoted + "' or serialNumber eq '" + quoted + "'";
            request.queryParameters.select = new String[] {"id"};
        }).getValue();
        if (found.size() != 1) throw new IllegalStateException(found.size() + " devices are called " + name);
        return found.get(0).getId();
    }

    /** What became of the recoveries of a device, the newest first. This reading is recorded. */
    static List<ResetPasscodeActionResult> results(GraphServiceClient graph, String deviceId) {
        return graph.deviceManagement().managedDevices().byManagedDeviceId(deviceId)
            .get(request -> request.queryParameters.select = new String[] {"id", "deviceActionResults"})
            .getDeviceActionResults().stream()
            .filter(ResetPasscodeActionResult.class::isInstance)
            .map(ResetPasscodeActionResult.class::cast)
            .filter(result -> "recoverPasscode".equals(result.getActionName()))
            .sorted(Comparator.comparing(ResetPasscodeActionResult::getStartDateTime).reversed())
            .toList();
    }

    /** Recovers, and waits until the device has answered. */
    static ResetPasscodeActionResult recover(GraphServiceClient graph, String deviceId, Duration every)
        throws InterruptedException {
        graph.deviceManagement().managedDevices().byManagedDeviceId(deviceId).recoverPasscode().post();
        while (true) {
            var newest = results(graph, deviceId).get(0);
            if (!OPEN.contains(newest.getActionState())) return newest;
            Thread.sleep(every.toMillis());
        }
    }

    public static void main(String[] arguments) throws InterruptedException {
        var url = System.getenv("CHAVEIRO_URL");
        var credential = signIn(url, System.getenv("CHAVEIRO_TENANT_ID"),
            System.getenv("CHAVEIRO_CLIENT_ID"), System.getenv("CHAVEIRO_CLIENT_SECRET"));
        var graph = client(url, credential);
        try {
            var result = recover(graph, find(graph, arguments[0]), Duration.ofSeconds(2));
            var more = result.getAdditionalData();
            if (result.getActionState() != ActionState.Done) {
                throw new IllegalStateException(result.getActionState().value + ": " + more.get("chaveiro_outcome"));
            }
            if (result.getPasscode() == null) {
                throw new IllegalStateException("not shown: " + more.get("chaveiro_passcodeWithheld"));
            }
            System.out.println(result.getPasscode());
            System.exit(0);
        } catch (ODataError refused) {
            // 429 and 503 come here only after three retries, each after the time that the server named.
            var error = refused.getError();
            System.err.println(refused.getResponseStatusCode() + " " + error.getCode() + ": " + error.getMessage());
            System.err.println("request-id " + error.getInnerError().getRequestId());
        } catch (RuntimeException refused) {
            // A sign-in that fails is one of these: the message of the library for it, in some wrapping.
            System.err.println(refused.getMessage());
        }
        // The threads of the HTTP client would keep the process for a minute.
        System.exit(1);
    }
}
