// Finds a device by its name, recovers its passcode, prints it: go run . ANA-LT1
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	graph "github.com/microsoftgraph/msgraph-beta-sdk-go"
	"github.com/microsoftgraph/msgraph-beta-sdk-go/devicemanagement"
	"github.com/microsoftgraph/msgraph-beta-sdk-go/models"
	"github.com/microsoftgraph/msgraph-beta-sdk-go/models/odataerrors"
	"github.com/microsoftgraph/msgraph-sdk-go-core/authentication"
)

var open = []models.ActionState{models.NONE_ACTIONSTATE, models.PENDING_ACTIONSTATE, models.ACTIVE_ACTIONSTATE}

// client is a Graph client of the Chaveiro server at that address. It sends its token to this host alone.
func client(address string, credential azcore.TokenCredential, scopes ...string) (*graph.GraphServiceClient, error) {
	parsed, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	if len(scopes) == 0 {
		scopes = []string{address + "/.default"}
	}
	provider, err := authentication.NewAzureIdentityAuthenticationProviderWithScopesAndValidHosts(
		credential, scopes, []string{parsed.Hostname()})
	if err != nil {
		return nil, err
	}
	adapter, err := graph.NewGraphRequestAdapter(provider)
	if err != nil {
		return nil, err
	}
	// Before the client is made, which remembers it for the addresses in batches.
	adapter.SetBaseUrl(address + "/beta")
	return graph.NewGraphServiceClient(adapter), nil
}

// issuer is the server itself.
func issuer(address string) azcore.ClientOptions {
	return azcore.ClientOptions{Cloud: cloud.Configuration{ActiveDirectoryAuthorityHost: address}}
}

// signIn is the application, at the issuer that the server itself is. Microsoft's is not asked about it.
func signIn(address, tenant, id, secret string) (azcore.TokenCredential, error) {
	options := azidentity.ClientSecretCredentialOptions{ClientOptions: issuer(address), DisableInstanceDiscovery: true}
	return azidentity.NewClientSecretCredential(tenant, id, secret, &options)
}

// find gives the id of the one device that has this name or serial number.
func find(ctx context.Context, client *graph.GraphServiceClient, name string) (string, error) {
	quoted := strings.ReplaceAll(name, "'", "''")
	filter := fmt.Sprintf("deviceName eq '%s' or serialNumber eq '%s'", quoted, quoted)
	page, err := client.DeviceManagement().ManagedDevices().Get(ctx,
		&devicemanagement.ManagedDevicesRequestBuilderGetRequestConfiguration{
			QueryParameters: &devicemanagement.ManagedDevicesRequestBuilderGetQueryParameters{
				Filter: &filter,
				Select: []string{"id"},
			},
		})
	if err != nil {
		return "", err
	}
	if found := page.GetValue(); len(found) == 1 {
		return *found[0].GetId(), nil
	}
	return "", fmt.Errorf("%d devices are called %s", len(page.GetValue()), name)
}

// results says what became of the recoveries of a device, the newest first. This reading is recorded.
func results(ctx context.Context, client *graph.GraphServiceClient, id string) ([]models.ResetPasscodeActionResultable, error) {
	device, err := client.DeviceManagement().ManagedDevices().ByManagedDeviceId(id).Get(ctx,
		&devicemanagement.ManagedDevicesManagedDeviceItemRequestBuilderGetRequestConfiguration{
			QueryParameters: &devicemanagement.ManagedDevicesManagedDeviceItemRequestBuilderGetQueryParameters{
				Select: []string{"id", "deviceActionResults"},
			},
		})
	if err != nil {
		return nil, err
	}
	var found []models.ResetPasscodeActionResultable
	for _, result := range device.GetDeviceActionResults() {
		if reset, ok := result.(models.ResetPasscodeActionResultable); ok && *reset.GetActionName() == "recoverPasscode" {
			found = append(found, reset)
		}
	}
	slices.SortFunc(found, func(a, b models.ResetPasscodeActionResultable) int {
		return b.GetStartDateTime().Compare(*a.GetStartDateTime())
	})
	return found, nil
}

// recoverPasscode recovers, and waits until the device has answered.
func recoverPasscode(ctx context.Context, client *graph.GraphServiceClient, id string, every time.Duration) (models.ResetPasscodeActionResultable, error) {
	device := client.DeviceManagement().ManagedDevices().ByManagedDeviceId(id)
	if err := device.RecoverPasscode().Post(ctx, nil); err != nil {
		return nil, err
	}
	for {
		all, err := results(ctx, client, id)
		if err != nil {
			return nil, err
		}
		if newest := all[0]; !slices.Contains(open, *newest.GetActionState()) {
			return newest, nil
		}
		time.Sleep(every)
	}
}

// newPasscode does all of it.
func newPasscode(ctx context.Context, name string) (string, error) {
	address := os.Getenv("CHAVEIRO_URL")
	credential, err := signIn(address, os.Getenv("CHAVEIRO_TENANT_ID"),
		os.Getenv("CHAVEIRO_CLIENT_ID"), os.Getenv("CHAVEIRO_CLIENT_SECRET"))
	if err != nil {
		return "", err
	}
	client, err := client(address, credential)
	if err != nil {
		return "", err
	}
	id, err := find(ctx, client, name)
	if err != nil {
		return "", err
	}
	result, err := recoverPasscode(ctx, client, id, 2*time.Second)
	if err != nil {
		return "", err
	}
	more := result.GetAdditionalData()
	if *result.GetActionState() != models.DONE_ACTIONSTATE {
		return "", fmt.Errorf("%s: %s", result.GetActionState(), word(more["chaveiro_outcome"]))
	}
	if result.GetPasscode() == nil {
		return "", fmt.Errorf("not shown: %s", word(more["chaveiro_passcodeWithheld"]))
	}
	return *result.GetPasscode(), nil
}

// word is what a property that the SDK does not know says.
func word(value any) string {
	if text, ok := value.(*string); ok {
		return *text
	}
	return fmt.Sprint(value)
}

func main() {
	log.SetFlags(0)
	passcode, err := newPasscode(context.Background(), os.Args[1])
	// 429 and 503 come here only after three retries, each after the time that the server named.
	var refused *odataerrors.ODataError
	if errors.As(err, &refused) {
		said := refused.GetErrorEscaped()
		log.Printf("request-id %s", *said.GetInnerError().GetRequestId())
		log.Fatalf("%d %s: %s", refused.ResponseStatusCode, *said.GetCode(), *said.GetMessage())
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(passcode)
}
