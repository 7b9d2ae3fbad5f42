### What chaveiro says to people.

## What the verbs say

initialised = The data directory { $data } is ready. Tenant { $tenant } ({ $id }).
initialised-as-root = The directory belongs to root. If another user is to run the server: chown -R chaveiro: { $data }
next-serve = Run the server:      chaveiro serve --data { $data }
next-app = Register a program:  chaveiro app register helpdesk --permission DeviceManagementManagedDevices.PrivilegedOperations.All --data { $data }
next-token = Enrol a device:      chaveiro device enroll-token --data { $data }
serving = Graph on { $graph }, devices on { $devices }. Stop with Ctrl+C.
serving-loopback = Only this machine reaches { $listen }. For others, put into { $file }:
      { $listen } = "0.0.0.0:{ $port }"
      { $url } = "https://NAME:{ $port }"
tenant-created = Tenant { $tenant } was made: { $id }.
tenant-changed = Tenant { $tenant } was changed.
passcodes-from-now = Linux devices make passcodes of { $bits } bits of entropy from now on.
app-registered = Application { $app } was registered. Client id: { $id }
app-granted = { $app } may do this, and nothing else.
      As itself:  { $own }
      For people: { $delegated }
    Its tokens follow within the hour, or at once with: chaveiro app revoke { $id }
secret-once = Client secret, shown this once, valid until { $until }: { $secret }
secrets-replaced = The older secrets of { $app } were taken away.
secret-removed = The secret was taken away from { $app }.
certificate-added = The certificate { $subject } was registered. Thumbprint { $thumbprint }, valid until { $until }.
certificate-removed = The certificate was taken away.
app-revoked = Every token of { $app } that was given until now has ended. Its clients fetch new ones, if they still can.
foreign-app-revoked = No application { $app } is registered here. Tokens of other issuers for it that were given until now have ended.
tokens-live-on = Tokens that were given with it live for up to an hour. If another person may have one: chaveiro app revoke { $id }
operator-tokens-revoked = Every operator token of { $tenant } that is out has ended.
app-deleted = The application was removed, and its tokens have ended.
login-code = Open { $address } and enter the code { $code }.
login-operator = An operator of the server vouches for you with: chaveiro sign-in approve { $code } --user YOU. Waiting …
logged-in = { $user } is signed in to { $server }.
not-logged-in = No one is signed in here.
whoami-named = You are { $name } ({ $user }).
whoami-user = You are { $user }.
whoami-where = Server { $server }, tenant { $tenant } ({ $id }).
whoami-until = You stay signed in until { $until }, and longer with each use.
whoami-without-role = You have no role in this tenant. Ask an administrator for one.
whoami-may = You may: { $rights }.
whoami-operator = You are { $user }, an operator on the host of the data directory { $data }, and may do everything.
whoami-runs = A server runs on it: { $server }.
whoami-runs-not = No server runs on it.
all-devices = all devices
right-on = { $right } (devices tagged { $tags })
right = { $code ->
    [ManagedDevices_Read] see devices
    [ManagedDevices_Update] change devices
    [ManagedDevices_Delete] retire devices
    [RemoteTasks_ResetPasscode] recover passcodes
    [Chaveiro_Passcodes_Disclose] read passcodes
    [Chaveiro_BreakGlass_Use] pass a hold for one device
    [Chaveiro_Holds_Release] release holds
    [Audit_Read] read the audit record
    [Chaveiro_Scripts_Read] see scripts
    [Chaveiro_Scripts_Write] change scripts
    [Chaveiro_Users_Read] see users
    [Chaveiro_Users_Write] change users
    [Chaveiro_Applications_Manage] manage applications
    [Roles_Read] see roles and their assignments
    [Chaveiro_Roles_Manage] assign roles
   *[other] { $code }
}
user-added = User { $user } was made: { $id }.
user-disabled = { $user } is disabled: signed out, and not signed in again until enabled.
user-enabled = { $user } is enabled and can sign in.
user-deleted = { $user } was removed and signed out. Role assignments of that name stay; see: chaveiro role assignments
list-cut = These are the first { $limit }; there are more. Narrow the list, or add --all.
logged-out = Signed out of { $server }.
logged-out-here = The session of { $user } is gone here, but the server could not be told ({ $error }). It ends there by itself, some time after its last use.
sign-in-approved = { $user } may sign in. { $app } asked for it, from the address { $address }, at { $at }.
unknown = unknown
sign-in-denied = The sign-in with the code { $code } was denied.
sign-ins-revoked = { $user } is signed out. Sign-ins ended: { $ended }. Every access token has ended, too.
foreign-tokens-revoked = Every token that names a person { $user } and was given until now has ended. End the sign-in at that issuer, too.
issuer-rotated = Tokens are signed with key { $key } from now on.
audit-rotated = Checkpoints are signed with { $key } from now on, and the key before it vouches for it. Tell your auditors.
key-problem = Problem: { $problem }
recipient-added = Passcodes sealed from now on also open with key { $key }.
recipient-made = The private key { $key } is in { $file }. Keep it where neither the server nor its backups reach it, such as in a safe.
recipient-to-add = On the host of the server, run: chaveiro keys add-recipient '{ $line }'
recipient-removed = Passcodes sealed from now on do not open with key { $key }. { $passcodes ->
    [0] No kept passcode opens with it.
   *[other] Kept passcodes that still open with it: { $passcodes }. They do until newer ones replace them or their time is over; recover their devices again to end that sooner.
}
recipient-removed-uncounted = Passcodes sealed from now on do not open with key { $key }. The kept ones that still do could not be counted; see: chaveiro keys recipients
opening-unrecorded = The opening is in no record, because a backup is only read. Note who opened it, when and why.
not-opened = { $code ->
    [otherKey] sealed to other keys
    [damaged] damaged, or moved from another device
    [unsound] changed by another program
   *[other] { $code }
}
key-accepted = The key { $key } that is in place now is the one of this database. This is recorded.
ingest-only-on = The private escrow key of { $tenant } may be kept elsewhere from now on: move { $file } there.
ingest-only-off = The private escrow key of { $tenant } is here: { $file }.
enroll-token = Enrolment token, shown this once, valid until { $until }: { $token }
enroll-no-address = The address of the server is not known before it runs: put it in the place of SERVER.
enroll-how = On Windows: Settings, Accounts, Access work or school, Enroll only in device management; server { $server }, this token as the password.
enroll-how-linux = On Linux, this line as it is; no file is needed. It asks for the token, so that no history of a shell keeps it:
device-retired = The device was retired. Its record and escrow are kept.
device-comanaged = Saved: comanaged is { $state }.
device-tagged = Saved: its scope tags are { $tags }.
role-assigned = Assigned: { $role } to { $principal } ({ $id }).
unknown-user = No user { $user } is known here; the role counts when an external issuer uses that name.
unknown-application = No application { $app } is registered here; the role counts when an external issuer uses that id.
role-unassigned = The assignment was taken back.
hold-released = The hold since { $since } was released; recoveries are possible again.
reading-released = The hold on reading since { $since } was released; passcodes can be read again.
locks-untold = { $device } ({ $system }) does not say beforehand what can be recovered; only Linux devices do.
locks-not-yet-told = { $device } ({ $system }) has not said yet what can be recovered; it does in every session.
accepted = Accepted: the passcode of { $device } will be recovered when the device comes in.
recovery-joined = A recovery of { $device } is open already: { $who } asked for it at { $at }. It serves you, too.
nothing-asked = Nothing was changed.

## The question before a recovery

recover-question = Recover the passcode of { $device }? [y/N]
recover-changes = This replaces { $what }. What is replaced stops working.
lock-secret = { $kind ->
    [login] the password of { $subject }
    [luks2] the recovery passcode of the encrypted volume { $subject } (passphrases that people set stay)
    [screen] the PIN of its user
   *[other] the password of its user
}
lock-barred = This leaves out { $lock }: { $why }.
connected = connected now
not-connected = not connected, last seen { $at }
last-seen = last seen { $at }

## Waiting for a recovery

waiting = Waiting for the device …
waiting-for = Waiting for the device, last seen { $at } …
waiting-at-work = Waiting: the device is at work …
waiting-for-server = Waiting for the server …
waiting-stopped = Stopped waiting. The recovery stays open; look later with: chaveiro action { $device } --show
server-away = The server does not answer. The recovery stays open; still waiting.
step-accepted = accepted and recorded
step-called = device called
step-sealed = made and sealed there
step-proven = applied and proven
step-applied = applied, as the device says

## A passcode that is read out

passcode-small-letters = small letters
passcode-capital-letters = capital letters
passcode-digits = digits
passcode-signs = signs
and = { $first } and { $last }
passcode-made-of = { $kinds }; written without spaces
passcode-made-of-groups = { $kinds }; the hyphens belong to it
passcode-words = { $count } words in small letters; the hyphens belong to it
passcode-until = You may read it again until { $at }.
passcode-until-replaced = It can be read until a newer one replaces it.
passcode-recorded = It was recorded that you saw it.
passcode-uncertain = Warning: it is not certain that this passcode opens the device. Try it, and the one before; otherwise recover again.

## Results of actions

result = { $action }: { $state }
by-at = { $who }, { $at }
not-proven = this device cannot prove it
lock = { $kind ->
    [login] sign-in of { $subject }
    [luks2] encrypted volume { $subject }
    [screen] screen lock
   *[other] { $kind } { $subject }
}
lock-of-any = { $kind ->
    [login] sign-in
    [luks2] encrypted volume
    [screen] screen lock
   *[other] { $kind }
}
device-status = { $status ->
    [401] it does not know the server (401)
    [403] it forbids it (403)
    [404] it does not have that (404)
    [405] it does not allow it (405)
    [406] it does not offer it (406)
    [418] it was done before (418)
    [425] it lacks the right (425)
    [500] it failed there (500)
    [501] it is not implemented there (501)
    [516] the data is of the wrong kind (516)
   *[other] status { $status }
}
withheld = { $code ->
    [missingPermission] the token lacks the permission
    [notSelected] not asked for
    [notOpenable] the server does not have the key to it
    [missingRole] your roles do not allow it
    [nothing] there is none
    [otherCaller] { $who ->
        [none] another person has read it
       *[other] { $who } read it first, { $at }
    }
    [windowOver] the time to read it again is over
    [shredded] its retention is over
    [readingOnHold] reading is on hold
    [breakGlassRole] your roles do not allow break-glass
    [breakGlassReason] the reason for break-glass is too short or too long
   *[other] { $code }
}
    .hint = { $code ->
        [missingPermission] ask for a token with DeviceManagementManagedDevices.PrivilegedOperations.All
        [notSelected] show it with: chaveiro action { $device } --show
        [notOpenable] the private escrow key is kept elsewhere; see docs/operations.md
        [missingRole] ask an administrator for a role that reads passcodes
        [nothing] ask for one with: chaveiro recover { $device } --show
        [otherCaller] ask for a new one with: chaveiro recover { $device } --show
        [windowOver] ask for a new one with: chaveiro recover { $device } --show
        [shredded] ask for a new one with: chaveiro recover { $device } --show
        [readingOnHold] a person with that right ends it with: chaveiro hold release --reason TEXT
        [breakGlassRole] ask an administrator for the role break-glass
        [breakGlassReason] give 10 to 256 characters with --break-glass
       *[other] {""}
    }
exported = { $events ->
        [one] one event
       *[other] { $events } events
    }, { $checkpoints ->
        [one] one checkpoint
       *[other] { $checkpoints } checkpoints
    }.
sound = The record is sound: { $events ->
        [one] one event
       *[other] { $events } events
    } from { $from } to { $to }, { $checkpoints ->
        [one] one checkpoint
       *[other] { $checkpoints } checkpoints
    }, signed through event { $signed }.
newest-checkpoint = Keep this newest checkpoint where the server's operators cannot write: { $point }
audit-key-followed = The key was followed on { $at } by { $key }; the older key signed that.
audit-key-broken = The key was replaced on { $at } by { $key }, and no older key vouches for that.
continues = It continues the earlier record, which reached event { $event }.
clock-went-back = The server's clock was set back before event { $event }.
sound-unpinned = The export itself names the key that verifies it ({ $key }). Give --key to be sure who signed it.
not-sound = the record is NOT sound: line { $line }: { $fault }
    .hint = keep this file as evidence, export again, and compare both with what was kept: --since
rows-sound = Every row that grants rights verifies.
rows-removed = Rows that were removed: { $rows }.
rows-accepted = Rows that were accepted as they stand: { $rows }.
rows-unsound = { $rows ->
        [one] one row was changed by another program; it grants nothing
       *[other] { $rows } rows were changed by another program; they grant nothing
    }
    .hint = find out who wrote the database, then: chaveiro audit rows --remove --reason TEXT, and --accept for the rest
token-of-application = The token counts as an application's: { $app }. Its subject is { $subject }.
token-of-person = The token counts as a person's, through the application { $app }. Its subject is { $subject }; a person needs a role.
    If it is the application itself, name that subject in application-subjects of the issuer (docs/identity.md).
stays-application = an application: registered here
person-unless-proven = a person, unless proven
prove-applications = Not registered here are applications of other issuers, and clients of people whom the record did not tell apart. Applications that only read devices are in no record.
    For each application that acts by itself: let Entra ID write the claim idtyp, or name its subject in application-subjects (docs/identity.md).
    Look at one of its tokens with: chaveiro doctor tokens --token FILE
no-foreign-applications = No application of another issuer acted here or has a role.
nothing = There is nothing to list.
no-server = no server runs on this data directory
    .hint = start it with: chaveiro serve
no-data-directory = you are not signed in to a server, and this machine has no data directory { $directory }
    .hint = sign in with: chaveiro login --server URL
    On the host of a server, name its directory with --data, or make one with: chaveiro init
host-alone = this verb works on the server's host alone
    .hint = run it there, or name its data directory with --data
several-holds = several holds stand
    .hint = name one by its id: chaveiro hold release ID --reason TEXT; see: chaveiro hold list
no-hold = nothing is on hold
    .hint = see: chaveiro hold list
backed-up = The backup { $backup } is whole: { $size }, up to commit { $commits }.
keys-backed-up = The keys were copied to { $directory }. Keep them where the backup is not: together they open passcodes.
keys-not-backed-up = The keys are not in it. Copy them to another place once, with: --keys DIR
backup-whole = The backup { $backup } is whole. It was made { $made }, { $age } ago, and holds { $tenants ->
        [one] one tenant
       *[other] { $tenants } tenants
    }, { $events ->
        [one] one audit event
       *[other] { $events } audit events
    }. Every link of the record is right.
backup-older-schema = Its schema has version { $old }; it is brought to version { $new } when it is restored.
restore-accepted = Accepted. { $results } results are marked as of before the restore; { $sessions } sign-ins, { $tokens } enrolment tokens and { $windows } disclosure windows have ended, and every token.
restore-review = Now look at what may have come back: chaveiro app list, chaveiro role assignments, chaveiro device list. Then start the server.
move-accepted = Accepted as moved. Nothing is marked, and nothing has ended.
before-restore = This result is of before the restore of { $at }. The device may have another passcode since; recover it again to be sure.
nothing-doubtful = the database is the newest state that was promised
    .hint = there is nothing to accept, unless the whole machine was set back; then add --snapshot
not-moved = the data directory was not only moved: { $doubt }
    .hint = put the newest copy in its place, or accept it without --moved

## Titles of tables

title-id = Id
title-name = Name
title-licence = Licence
title-entra-tenant = Entra tenant
title-key = Key
title-fingerprint = Fingerprint
title-line = Line
title-removed = Removed
title-passcodes = Passcodes
title-sealed = Sealed
title-standing = Counts as
title-setting = Setting
title-value = Value
title-unit = Unit
title-client-id = Client id
title-permissions = Permissions
title-delegated = Delegated
title-public = Public
title-secrets = Secrets
title-certificates = Certificates
title-secret = Secret
title-begins-with = Begins with
title-made = Made
title-ends = Ends
title-certificate = Certificate
title-subject = Subject
title-registered = Registered
title-system = System
title-user = User
title-person = Person
title-serial = Serial number
title-may-sign-in = Enabled
title-state = State
title-last-sync = Last sync
title-outcome = Outcome
title-device-status = Device status
title-withheld = Not shown
title-ended = Ended
title-asked-by = Asked for by
title-proven = Proven
title-opens = Opens
title-reason = Reason
title-since = Since
title-after = After
title-caused-by = Caused by
title-released = Released
title-by = By
title-role = Role
title-for = For
title-kind = Kind
title-tags = Tags
title-code-state = Code, state
title-begun-ends = Begun, ends
title-application-user-address = Application, user, address
title-table = Table
title-row = Row
title-tenant = Tenant
title-events = Events
title-last-event = Last event
title-counts-as = Counts as
title-lock = Opens
title-of = Of
title-ready = Recoverable today
title-why = Why not
title-what-to-do = What to do
title-escrow = Escrow

## Code words of tables, as people read them. What is not here is shown as it is.

yes = yes
no = no
word = { $code ->
    [recoverPasscode] recover passcode
    [pending] pending
    [active] active
    [done] done
    [failed] failed
    [notSupported] not supported
    [canceled] canceled
    [approved] approved
    [denied] denied
    [replaced] the device has a new passcode
    [removed] the lock was removed
    [revealed] the device gave the passcode that it had
    [acknowledged] done, as the device says
    [valueNotDelivered] the device delivered no passcode
    [deviceRefused] refused by the device
    [featureAbsent] the device cannot do it
    [contradictory] contradictory answers
    [uncertain] uncertain
    [outcomeUnknown] outcome unknown
    [noSecret] no passcode was made
    [expired] expired
    [reenrolled] the device enrolled anew
    [retired] the device was retired
    [unenrolled] unenrolled on the device itself
    [canceledByCaller] canceled by the caller
    [managed] managed
    [retireIssued] retired
    [unknownFutureValue] unenrolled on the device itself
    [asking] recoveries
    [reading] reading
    [user] user
    [group] group
    [application] application
    [login] login
    [luks2] encrypted volume
    [current] the result of its action
    [history] late or superseded
    [void] of a former enrolment
   *[other] { $code }
}

## The opening of locks, beforehand

lock-ready = yes
lock-not-ready = NO
lock-why = { $code ->
    [notRoot] the agent may not look
    [noAccount] no user has an account there
    [directory] not an account of that machine
    [homed] managed by systemd-homed
    [locked] the account is locked
    [expired] the account has expired
    [passwordless] the account has no password
    [noShell] its shell does not allow signing in
    [missingProgram] a program is missing
    [noVolume] no encrypted volume in /etc/crypttab
    [volumeUnusable] the volume cannot be used
    [noFreeSlot] every key slot is taken
    [fewFreeSlots] one key slot is free at the most
    [notEscrowed] the agent has no key of its own to it
   *[other] { $code }
}
    .hint = { $code ->
        [notRoot] run it as root: systemctl restart chaveiro-agent
        [noAccount] name one: account in /etc/chaveiro-agent.toml
        [directory] its password belongs to the directory; recover it there
        [homed] its password also opens the home; use the account's own recovery key
        [locked] if that is a mistake: usermod --unlock NAME
        [expired] if that is a mistake: chage --expiredate -1 NAME
        [passwordless] it signs in another way; give it one with passwd if it should
        [noShell] a service account; name a person's in /etc/chaveiro-agent.toml
        [missingProgram] apt-get install cryptsetup-bin libpam-modules-bin
        [noVolume] if there is one: volumes in /etc/chaveiro-agent.toml
        [volumeUnusable] chaveiro-agent doctor says why; a LUKS2 volume is needed
        [noFreeSlot] free one with cryptsetup luksKillSlot: a replacement needs a spare slot
        [fewFreeSlots] free some with cryptsetup luksKillSlot; luksDump shows them
        [notEscrowed] on the device: chaveiro-agent escrow PATH
       *[other] {""}
    }
lock-escrow = { $code ->
    [never] nothing yet
    [opens] opens it
    [changed] no longer opens it
   *[other] { $code }
}

## Roles

role-about = { $role ->
    [intune-administrator] Everything but break-glass, which is assigned by itself
    [intune-role-administrator] Roles and applications; neither devices nor passcodes
    [help-desk-operator] Find a device, recover its passcode, read it out
    [school-administrator] As the help desk, and change what is written about devices
    [endpoint-security-manager] See devices, scripts and the audit record
    [read-only-operator] See devices, scripts and the audit record
    [passcode-requester] Ask for recoveries; another person reads the passcode
    [passcode-reader] Read passcodes that another person asked for
    [hold-releaser] Look at what happened and release a hold; no passcodes
    [break-glass] As the help desk, and pass a hold for one device with a reason; always alerted
   *[other] { $role }
}

## Times and sizes

duration = { $form ->
    [minutes] { $minutes } min
    [hours] { $hours } h { $minutes } min
   *[days] { $days } d { $hours } h { $minutes } min
}
size-kib = { $size } KiB
size-mib = { $whole }.{ $tenths } MiB
unit = { $unit ->
    [minutes] minutes
    [days] days
    [hours] hours
    [percent] percent
   *[other] {""}
}
licence-active = active
licence-inactive = inactive
licence-until = active until { $at }

## Properties of a device

property = { $name ->
    [id] Id
    [deviceName] Name
    [operatingSystem] System
    [osVersion] Version
    [manufacturer] Manufacturer
    [model] Model
    [serialNumber] Serial number
    [userPrincipalName] User
    [managementState] State
    [managementAgent] Agent
    [enrolledDateTime] Enrolled
    [lastSyncDateTime] Last sync
   *[other] { $name }
}

## Values of a configuration key

key-range = { $least } to { $most }, default { $default }
key-default = default { $default }
