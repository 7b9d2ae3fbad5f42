### The demonstration.

demo-pin = The device has a PIN of { $digits } digits that no one remembers.
demo-audit = audit chain: { $events } events, { $checkpoints } checkpoints, verified with the pinned key through event { $event }
demo-next = The server stays up, and both devices come back every few seconds; stop it with Ctrl+C. Try:
demo-python = { $install }; then in Python:
demo-python-trust = with { $variables }
demo-title = Chaveiro: one passcode, recovered seven ways; then a Linux machine
demo-kept = kept
demo-temporary = temporary; --data DIR keeps it
demo-devices = devices
demo-licence = licence active
demo-signed-in = by client credentials from the local issuer
demo-enrolled = enrolled: discovery, policy, certificate request, provisioning
demo-state = state
demo-device-came = the device comes in
demo-same-pin = = the device's PIN
demo-other-pin = is not the device's PIN
demo-machine = And a Linux machine, with the real agent.
demo-account = enrolled: account
demo-no-cryptsetup = cryptsetup is missing here, so that only the login password is recovered; for the disk too: apt-get install cryptsetup-bin
demo-in-escrow = a passcode is in escrow before anyone asks, and
demo-machine-came = the machine comes in: a passcode is made there, sealed, applied, proven ({ $commands } commands)
demo-former = the former secret
demo-recovered = the recovered passcode
demo-own = the user's own passphrase
demo-opens = opens
demo-refused = is refused
demo-yes = yes
demo-no = NO
demo-opens-device = opens
demo-label-server = server
demo-label-data = data
demo-label-tenant = tenant
demo-label-application = application
demo-label-token = token
demo-label-user = user
demo-label-device = device
demo-label-first-session = first session
demo-label-created = created
demo-label-disk = disk
demo-url = URL

## Errors

demo-error-answer = POST { $path } was answered with { $status }: { $words }
demo-error-no-token = no token was given: { $words }
demo-error-linux-not-enrolled = the Linux machine did not enrol
demo-error-disk-not-in-escrow = the passcode of the disk is not in escrow
demo-error-linux-session = a session of the Linux machine failed
demo-error-linux-endless = the server always had something more for the Linux machine to do
demo-error-no-action = the device shows no action
demo-error-no-secret = a confidential application has a secret
demo-error-not-enrolled = the device did not enrol
demo-error-first-session = the first session failed
demo-error-session = a session failed
demo-error-no-user = the device has no user
demo-error-walks = three walks were made
demo-error-no-id = what was created has no id
