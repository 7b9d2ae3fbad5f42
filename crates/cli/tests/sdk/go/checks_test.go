// Checks of the Go SDK against a running server; each prints `ok NAME` or `FAILED NAME: why`.
//
// The recipe is in recover.go. CHECKS in the environment says what there is to find. `approve CODE` asks whoever reads this
// to vouch for a person, `passcode VALUE` tells what was read.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
	"github.com/google/uuid"
	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoft/kiota-abstractions-go/authentication"
	nethttplibrary "github.com/microsoft/kiota-http-go"
	graph "github.com/microsoftgraph/msgraph-beta-sdk-go"
	"github.com/microsoftgraph/msgraph-beta-sdk-go/devicemanagement"
	"github.com/microsoftgraph/msgraph-beta-sdk-go/models"
	"github.com/microsoftgraph/msgraph-beta-sdk-go/models/odataerrors"
	core "github.com/microsoftgraph/msgraph-sdk-go-core"
)

type (
	query     = devicemanagement.ManagedDevicesRequestBuilderGetQueryParameters
	request   = devicemanagement.ManagedDevicesRequestBuilderGetRequestConfiguration
	oneQuery  = devicemanagement.ManagedDevicesManagedDeviceItemRequestBuilderGetQueryParameters
	one       = devicemanagement.ManagedDevicesManagedDeviceItemRequestBuilderGetRequestConfiguration
	recovery  = devicemanagement.ManagedDevicesItemRecoverPasscodeRequestBuilderPostRequestConfiguration
	auditing  = devicemanagement.AuditEventsRequestBuilderGetQueryParameters
	auditGet  = devicemanagement.AuditEventsRequestBuilderGetRequestConfiguration
	graphOf   = *graph.GraphServiceClient
	deviceOf  = *devicemanagement.ManagedDevicesManagedDeviceItemRequestBuilder
	devicesOf = *devicemanagement.ManagedDevicesRequestBuilder
)

type application struct{ TenantID, ClientID, ClientSecret string }

var (
	address = os.Getenv("CHAVEIRO_URL")
	tenant  = os.Getenv("CHAVEIRO_TENANT_ID")
	id      = os.Getenv("CHAVEIRO_CLIENT_ID")
	secret  = os.Getenv("CHAVEIRO_CLIENT_SECRET")
	ctx     = context.Background()
	facts   struct {
		Devices                                             int
		Name, Person, Certificate, Expired, KeysUnavailable string
		Known                                               struct{ ID, DeviceName, SerialNumber string }
		Public, Reader, Robot, Unlicensed                   application
	}
	helpdesk, reader graphOf
)

const (
	often = 200 * time.Millisecond
	limit = 3 * time.Minute
)

// impatient says that nothing is tried again.
var impatient = []abstractions.RequestOption{&nethttplibrary.RetryHandlerOptions{
	ShouldRetry: func(time.Duration, int, *http.Request, *http.Response) bool { return false },
}}

// fixed is a credential that is always that token.
type fixed string

func (token fixed) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: string(token), ExpiresOn: time.Now().Add(time.Hour)}, nil
}

// must is for what is not looked at here. A check that panics has failed.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func that(holds bool, said ...any) {
	if !holds {
		panic(fmt.Sprint(said...))
	}
}

func same(got, wanted any) {
	that(reflect.DeepEqual(got, wanted), fmt.Sprintf("%v instead of %v", got, wanted))
}

func to[T any](value T) *T { return &value }

func with(credential azcore.TokenCredential, scopes ...string) graphOf {
	return must(client(address, credential, scopes...))
}

func of(app application, scopes ...string) graphOf {
	return with(must(signIn(address, app.TenantID, app.ClientID, app.ClientSecret)), scopes...)
}

func all(graph graphOf) devicesOf { return graph.DeviceManagement().ManagedDevices() }

func device(graph graphOf, id string) deviceOf { return all(graph).ByManagedDeviceId(id) }

func page(options query) models.ManagedDeviceCollectionResponseable {
	return must(all(helpdesk).Get(ctx, &request{QueryParameters: &options}))
}

func names(page models.ManagedDeviceCollectionResponseable) []string {
	names := []string{}
	for _, device := range page.GetValue() {
		names = append(names, *device.GetDeviceName())
	}
	return names
}

// refused says that the call failed with an ODataError of that status and code, and that text in its message.
func refused(err error, status int, code, text string) *odataerrors.ODataError {
	var refused *odataerrors.ODataError
	that(errors.As(err, &refused), "no ODataError: ", err)
	said := refused.GetErrorEscaped()
	same([]any{refused.ResponseStatusCode, *said.GetCode()}, []any{status, code})
	that(strings.Contains(*said.GetMessage(), text), text, " is not in ", *said.GetMessage())
	same(refused.Error(), *said.GetMessage())
	inner := said.GetInnerError()
	that(inner.GetRequestId() != nil && inner.GetClientRequestId() != nil && inner.GetDate() != nil, "innerError is whole")
	return refused
}

func retryAfter(refused *odataerrors.ODataError) int {
	return must(strconv.Atoi(refused.ResponseHeaders.Get("retry-after")[0]))
}

// iterate gives every device from that page on, until it is enough.
func iterate(from models.ManagedDeviceCollectionResponseable, see func(models.ManagedDeviceable) bool) {
	pages := must(core.NewPageIterator[models.ManagedDeviceable](
		from, helpdesk.GetAdapter(), models.CreateManagedDeviceCollectionResponseFromDiscriminatorValue))
	if err := pages.Iterate(ctx, see); err != nil {
		panic(err)
	}
}

// elsewhere is a client that reaches the server without the list of hosts.
func elsewhere(provider authentication.AuthenticationProvider) graphOf {
	adapter := must(graph.NewGraphRequestAdapter(provider))
	adapter.SetBaseUrl(address + "/beta")
	return graph.NewGraphServiceClient(adapter)
}

var checks = []struct {
	name string
	run  func()
}{
	{"sign_in_with_a_wrong_secret", func() {
		_, err := all(with(must(signIn(address, tenant, id, "wrong")))).Get(ctx, nil)
		var failed *azidentity.AuthenticationFailedError
		that(errors.As(err, &failed) && strings.Contains(err.Error(), "AADSTS7000215"), err)
	}},
	{"sign_in_for_either_name_of_the_resource", func() {
		for _, scope := range []string{"https://graph.microsoft.com/.default", address + "/.default"} {
			page := must(all(of(facts.Reader, scope)).Get(ctx, &request{QueryParameters: &query{Top: to(int32(1))}}))
			same(len(page.GetValue()), 1)
		}
	}},
	{"sign_in_with_a_certificate", func() {
		certificates, key, err := azidentity.ParseCertificates(must(os.ReadFile(facts.Certificate)), nil)
		that(err == nil, err)
		credential := must(azidentity.NewClientCertificateCredential(tenant, id, certificates, key,
			&azidentity.ClientCertificateCredentialOptions{ClientOptions: issuer(address), DisableInstanceDiscovery: true}))
		same(*must(device(with(credential), facts.Known.ID).Get(ctx, nil)).GetId(), facts.Known.ID)
	}},
	{"sign_in_with_msal_alone", func() {
		application := must(confidential.New(address+"/"+tenant, id, must(confidential.NewCredFromSecret(secret)),
			confidential.WithInstanceDiscovery(false)))
		answer := must(application.AcquireTokenByCredential(ctx, []string{address + "/.default"}))
		same(*must(device(with(fixed(answer.AccessToken)), facts.Known.ID).Get(ctx, nil)).GetId(), facts.Known.ID)
	}},
	{"sign_in_where_the_environment_says", func() {
		os.Setenv("AZURE_AUTHORITY_HOST", address)
		defer os.Unsetenv("AZURE_AUTHORITY_HOST")
		credential := must(azidentity.NewClientSecretCredential(tenant, id, secret,
			&azidentity.ClientSecretCredentialOptions{DisableInstanceDiscovery: true}))
		same(*must(device(with(credential), facts.Known.ID).Get(ctx, nil)).GetId(), facts.Known.ID)
	}},
	{"page_through_all_devices", func() {
		seen, distinct := map[string]string{}, map[string]bool{}
		iterate(page(query{Select: []string{"id", "deviceName"}}), func(device models.ManagedDeviceable) bool {
			seen[*device.GetId()] = *device.GetDeviceName()
			distinct[*device.GetDeviceName()] = true
			return true
		})
		same([]int{len(seen), len(distinct)}, []int{facts.Devices, facts.Devices})
		same(seen[facts.Known.ID], facts.Known.DeviceName)
	}},
	{"page_with_the_iterator_of_the_sdk", func() {
		seen := map[string]bool{}
		iterate(page(query{Top: to(int32(40))}), func(device models.ManagedDeviceable) bool {
			seen[*device.GetId()] = true
			that(device.GetSerialNumber() != nil && device.GetEnrolledDateTime() != nil && device.GetModel() != nil, "whole")
			same(len(device.GetDeviceActionResults()), 0)
			return len(seen) < 100
		})
		same(len(seen), 100)
	}},
	{"take_the_first_few", func() {
		few := page(query{Top: to(int32(5))})
		same(len(few.GetValue()), 5)
		that(strings.HasPrefix(*few.GetOdataNextLink(), address+"/beta/"), *few.GetOdataNextLink())
	}},
	{"select_properties", func() {
		device := page(query{Top: to(int32(1)), Select: []string{"id", "model"}}).GetValue()[0]
		that(device.GetId() != nil && device.GetModel() != nil, "what was selected is there")
		that(device.GetDeviceName() == nil && device.GetSerialNumber() == nil, "nothing else is")
	}},
	{"get_one", func() {
		device := must(device(helpdesk, facts.Known.ID).Get(ctx, nil))
		same([]string{*device.GetId(), *device.GetDeviceName()}, []string{facts.Known.ID, facts.Known.DeviceName})
		same([]any{*device.GetOperatingSystem(), *device.GetIsSupervised(), *device.GetManagementState()},
			[]any{"Windows", false, models.MANAGED_MANAGEMENTSTATE})
	}},
	{"find_by_name_and_by_serial_number", func() {
		for _, name := range []string{strings.ToLower(facts.Known.DeviceName), facts.Known.SerialNumber} {
			same(must(find(ctx, helpdesk, name)), facts.Known.ID)
		}
		_, err := find(ctx, helpdesk, "Ana's laptop")
		same(err.Error(), "0 devices are called Ana's laptop")
	}},
	{"recover_poll_and_read_the_passcode", func() {
		id := must(find(ctx, helpdesk, facts.Name))
		result := must(recoverPasscode(ctx, helpdesk, id, often))
		same(*result.GetActionState(), models.DONE_ACTIONSTATE)
		same(*result.GetOdataType(), "#microsoft.graph.resetPasscodeActionResult")
		same([]any{*result.GetErrorCode(), word(result.GetAdditionalData()["chaveiro_outcome"])}, []any{int32(0), "replaced"})
		fmt.Println("passcode", *result.GetPasscode())
		same(*must(results(ctx, helpdesk, id))[0].GetPasscode(), *result.GetPasscode())
	}},
	{"a_reader_sees_the_result_without_the_passcode", func() {
		result := must(results(ctx, reader, must(find(ctx, reader, facts.Name))))[0]
		same(*result.GetActionState(), models.DONE_ACTIONSTATE)
		that(result.GetPasscode() == nil, "no passcode")
		same(word(result.GetAdditionalData()["chaveiro_passcodeWithheld"]), "missingPermission")
	}},
	{"without_a_token", func() {
		_, err := all(elsewhere(&authentication.AnonymousAuthenticationProvider{})).Get(ctx, nil)
		refused(err, 401, "InvalidAuthenticationToken", "Access token is empty.")
		// Without the list of hosts the client keeps its token to itself.
		foreign := must(graph.NewGraphServiceClientWithCredentials(fixed("unsent"), []string{address + "/.default"}))
		foreign.GetAdapter().SetBaseUrl(address + "/beta")
		_, err = all(foreign).Get(ctx, nil)
		refused(err, 401, "InvalidAuthenticationToken", "Access token is empty.")
	}},
	{"with_a_token_that_is_none", func() {
		_, err := all(with(fixed("garbled"))).Get(ctx, nil)
		refused(err, 401, "InvalidAuthenticationToken", "IDX14100")
	}},
	{"with_an_expired_token", func() {
		_, err := all(with(fixed(facts.Expired))).Get(ctx, nil)
		refused(err, 401, "InvalidAuthenticationToken", "the token is expired")
	}},
	{"without_the_permission", func() {
		text := "DeviceManagementManagedDevices.PrivilegedOperations.All"
		err := refused(device(reader, facts.Known.ID).RecoverPasscode().Post(ctx, nil), 403, "Forbidden", text)
		var document struct{ Message string }
		that(json.Unmarshal([]byte(err.Error()), &document) == nil, "the message is a document itself")
		that(strings.Contains(document.Message, "scopes: "+text), document.Message)
	}},
	{"an_unknown_device", func() {
		unknown := device(helpdesk, uuid.NewString())
		_, err := unknown.Get(ctx, nil)
		refused(err, 404, "ResourceNotFound", "no managed device")
		refused(unknown.RecoverPasscode().Post(ctx, nil), 404, "ResourceNotFound", "no managed device")
	}},
	{"an_id_that_is_no_guid", func() {
		err := device(helpdesk, "Ana's laptop").RecoverPasscode().Post(ctx, nil)
		refused(err, 400, "InternalError", "must be a GUID")
	}},
	{"an_unknown_property_in_select", func() {
		_, err := all(helpdesk).Get(ctx, &request{QueryParameters: &query{Select: []string{"nope"}}})
		refused(err, 400, "BadRequest", "property named 'nope'")
	}},
	{"a_tenant_without_licence", func() {
		_, err := all(of(facts.Unlicensed)).Get(ctx, nil)
		refused(err, 400, "BadRequest", "Request not applicable to target tenant.")
	}},
	{"a_verb_that_is_not_for_it", func() {
		made := models.NewManagedDevice()
		made.SetDeviceName(to("made up"))
		_, err := all(helpdesk).Post(ctx, made, nil)
		refused(err, 400, "No method match route template", "No OData route exists that match template")
	}},
	{"an_action_that_there_is_not", func() {
		err := device(helpdesk, facts.Known.ID).LocateDevice().Post(ctx, nil)
		refused(err, 400, "BadRequest", "segment 'locateDevice'")
	}},
	{"keys_that_cannot_be_had_are_503", func() {
		_, err := all(with(fixed(facts.KeysUnavailable))).Get(ctx, &request{Options: impatient})
		after := retryAfter(refused(err, 503, "serviceNotAvailable", "Retry-After"))
		that(1 <= after && after <= 30, "that long until they are asked for again")
	}},
	{"after_429_the_client_waits_and_succeeds", func() {
		known := device(of(facts.Robot), facts.Known.ID).RecoverPasscode()
		var err error
		for sent := 0; sent < 100 && err == nil; sent++ {
			err = known.Post(ctx, &recovery{Options: impatient})
		}
		after := time.Duration(retryAfter(refused(err, 429, "TooManyRequests", "Retry-After"))) * time.Second
		begun := time.Now()
		if err := known.Post(ctx, nil); err != nil {
			panic(err)
		}
		that(after >= time.Second && time.Since(begun) >= after-time.Second, "it waits as long as the server says")
	}},
	{"filter_devices", func() {
		begin := facts.Known.DeviceName[:len(facts.Known.DeviceName)-1]
		linux := "startswith(deviceName,'" + begin + "') and operatingSystem eq 'Linux'"
		same(names(page(query{Filter: &linux, Orderby: []string{"deviceName"}})), []string{begin + "0", begin + "4", begin + "8"})
		same(names(page(query{Filter: to("deviceName eq 'none such'")})), []string{})
	}},
	{"a_filter_that_is_none", func() {
		_, err := all(helpdesk).Get(ctx, &request{QueryParameters: &query{Filter: to("deviceName equals 'x'")}})
		refused(err, 400, "BadRequest", "$filter")
	}},
	{"order_devices", func() {
		wanted := []string{}
		for _, back := range []int{2, 3, 4} {
			wanted = append(wanted, fmt.Sprintf("DESKTOP-%07d", facts.Devices-back))
		}
		same(names(page(query{Orderby: []string{"deviceName desc"}, Top: to(int32(3))})), wanted)
	}},
	{"count_devices", func() {
		same(int(*must(all(helpdesk).Count().Get(ctx, nil))), facts.Devices)
		counted := page(query{Count: to(true), Top: to(int32(1))})
		same([]int{int(*counted.GetOdataCount()), len(counted.GetValue())}, []int{facts.Devices, 1})
	}},
	{"search_devices", func() {
		same(names(page(query{Search: to(`"` + facts.Name + `"`)})), []string{facts.Name})
	}},
	{"expand_the_users_of_a_device", func() {
		found := must(device(helpdesk, must(find(ctx, helpdesk, facts.Name))).Get(ctx,
			&one{QueryParameters: &oneQuery{Select: []string{"id"}, Expand: []string{"users"}}}))
		people := []string{}
		for _, user := range found.GetUsers() {
			people = append(people, *user.GetUserPrincipalName())
		}
		same(people, []string{facts.Person})
	}},
	{"batch_twenty_requests", func() {
		batch := core.NewBatchRequest(helpdesk.GetAdapter())
		add := func(id string) string {
			asked := must(device(helpdesk, id).ToGetRequestInformation(ctx, nil))
			return *must(batch.AddBatchRequestStep(*asked)).GetId()
		}
		known := []string{}
		for range 19 {
			known = append(known, add(facts.Known.ID))
		}
		unknown := add(uuid.NewString())
		answers := must(batch.Send(ctx, helpdesk.GetAdapter()))
		same(answers.GetStatusCodes()[unknown], int32(404))
		for _, id := range known {
			device := must(core.GetBatchResponseById[models.ManagedDeviceable](answers, id, models.CreateManagedDeviceFromDiscriminatorValue))
			same(*device.GetId(), facts.Known.ID)
		}
	}},
	{"read_what_was_audited", func() {
		options := auditing{Filter: to("category eq 'Device'"), Orderby: []string{"activityDateTime desc"}}
		events := must(helpdesk.DeviceManagement().AuditEvents().Get(ctx, &auditGet{QueryParameters: &options})).GetValue()
		that(slices.ContainsFunc(events, func(event models.AuditEventable) bool {
			return *event.GetActivityType() == "recoverPasscode ManagedDevice"
		}), "recoveries are events")
		audits := must(helpdesk.DeviceManagement().RemoteActionAudits().Get(ctx, nil)).GetValue()
		that(len(audits) > 0, "recoveries are audited")
		for _, audit := range audits {
			same(*audit.GetAction(), models.RECOVERPASSCODE_REMOTEACTION)
		}
	}},
	{"a_person_recovers_after_signing_in_with_a_device_code", func() {
		person := must(azidentity.NewDeviceCodeCredential(&azidentity.DeviceCodeCredentialOptions{
			TenantID:                 tenant,
			ClientID:                 facts.Public.ClientID,
			ClientOptions:            issuer(address),
			DisableInstanceDiscovery: true,
			UserPrompt: func(_ context.Context, shown azidentity.DeviceCodeMessage) error {
				fmt.Println("approve", shown.UserCode)
				return nil
			},
		}))
		graph := with(person)
		same(*must(graph.Me().Get(ctx, nil)).GetUserPrincipalName(), facts.Person)
		id := must(find(ctx, graph, facts.Name))
		fmt.Println("passcode", *must(recoverPasscode(ctx, graph, id, often)).GetPasscode())
		// The application may, but her role does not allow it.
		change := models.NewManagedDevice()
		change.SetNotes(to("x"))
		_, err := device(graph, id).Patch(ctx, change, nil)
		refused(err, 403, "Forbidden", "role")
	}},
}

// outcome runs a check and gives what was wrong.
func outcome(run func()) (wrong any) {
	defer func() { wrong = recover() }()
	run()
	return nil
}

func TestMain(*testing.M) {
	// Nothing may wait for ever, such as for somebody who does not approve.
	time.AfterFunc(limit, func() { os.Exit(2) })
	if err := json.Unmarshal([]byte(os.Getenv("CHECKS")), &facts); err != nil {
		panic(err)
	}
	helpdesk, reader = of(application{tenant, id, secret}), of(facts.Reader)
	failed := 0
	for _, check := range checks {
		begun := time.Now()
		if wrong := outcome(check.run); wrong != nil {
			failed++
			fmt.Printf("FAILED %s: %v\n", check.name, wrong)
			continue
		}
		fmt.Println("ok", check.name)
		fmt.Fprintf(os.Stderr, "%s: %.1f s\n", check.name, time.Since(begun).Seconds())
	}
	os.Exit(min(failed, 1))
}
