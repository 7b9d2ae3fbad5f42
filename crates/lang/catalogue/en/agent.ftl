### What chaveiro-agent says. An error has a hint: what to do.

## Verbs

agent-enrolled = enrolled at { $address }
agent-not-enrolled-yet = not enrolled; run the line that `chaveiro device enroll-token` prints on the server, or: chaveiro-agent enroll https://SERVER
agent-last-report = last report: { $at }
agent-never-reported = last report: never
agent-certificate-ends = certificate ends: { $at }
agent-synced = { $messages ->
    [one] reported, in one message
   *[other] reported, in { $messages } messages
}
agent-escrowed = { $volume } can be recovered from now on; its passcode goes into escrow with the next session
agent-ask-token = Enrolment token (not shown):
agent-ask-passphrase = What opens { $volume } now:
agent-left = no longer enrolled; key slots of the escrow stay (--release-slots removes them)
agent-left-released = no longer enrolled; the key slots of the escrow are gone, the passwords and key slots of people are as they were
agent-slots-cleared = { $volume }: the key slots of interrupted recoveries are gone
agent-no-slots-left = { $volume }: no recovery left a key slot behind

## The table of `doctor`

agent-title-recovery = recovery
agent-title-of = of
agent-title-state = state
agent-title-hint = what to do
agent-ready = ready
agent-slots-left-behind = key slots that an interrupted recovery left: { $slots }
    .hint = the next session removes them; at once: chaveiro-agent clear-slots

## Obstacles to a recovery

obstacle-not-root = this user may not look
    .hint = run it as root
obstacle-no-account = it is not known whose account is meant
    .hint = put `account` into /etc/chaveiro-agent.toml
obstacle-directory = not an account of this machine
    .hint = its password belongs to the directory; recover it there
obstacle-homed = managed by systemd-homed
    .hint = its password also opens the home; use the account's own recovery key
obstacle-locked = the account is locked
    .hint = if that is a mistake: usermod --unlock NAME
obstacle-expired = the account has expired
    .hint = if that is a mistake: chage --expiredate -1 NAME
obstacle-passwordless = the account has no password
    .hint = it signs in another way; give it one with passwd if it should
obstacle-no-shell = its shell does not allow signing in
    .hint = a service account; name a person's with --account
obstacle-missing = { $program } is missing
    .hint = apt-get install { $package }
obstacle-no-volume = no encrypted volume in /etc/crypttab
    .hint = name one with --volume if there is one
obstacle-volume = not usable: { $why }
    .hint = a LUKS2 volume is needed; see cryptsetup luksDump
obstacle-no-free-slot = every key slot is taken
    .hint = free one with cryptsetup luksKillSlot: a replacement needs a spare slot
obstacle-few-free-slots = one key slot is free at the most
    .hint = free some with cryptsetup luksKillSlot; cryptsetup luksDump shows them
obstacle-not-escrowed = the agent has no key of its own to it
    .hint = chaveiro-agent escrow PATH

## Errors

not-enrolled = this machine is not enrolled
    .hint = run the line that `chaveiro device enroll-token` prints on the server, or: chaveiro-agent enroll https://SERVER
agent-enrolled-already = this machine is enrolled already
    .hint = add --again to enrol once more as the same device
agent-root-certificate = the root certificate { $file } cannot be read
    .hint = name a PEM file with --root-certificate
agent-enrolment-failed = this machine was not enrolled
agent-no-key-made = no key could be made
agent-needs-root = { $file } cannot be opened
    .hint = run it as root
agent-running = the agent is running and reports by itself
    .hint = to do this by hand, first: systemctl stop chaveiro-agent
agent-enrolment-damaged = { $file } is damaged
    .hint = unenrol and enrol again
agent-identity-damaged = the identity is not PEM
    .hint = unenrol and enrol again
agent-not-removed = { $file } cannot be removed
    .hint = run it as root
agent-interrupted = an interrupted recovery could not be taken back
    .hint = when its cause is gone, run this again with --force
agent-journal-unreadable = the journal { $file } cannot be read
    .hint = run it as root
agent-journal-incomplete = the journal has no beginning
    .hint = run: chaveiro-agent clear-slots
agent-escrowed-damaged = { $file } is damaged
    .hint = remove it: the next recovery writes it anew
agent-only-our-slots = volume { $volume } has no key slot of a user
    .hint = add one first: cryptsetup luksAddKey
agent-not-configured = recoveries would not look at { $volume }
    .hint = put it into `volumes` of /etc/chaveiro-agent.toml first
agent-token-needed = a token is missing
    .hint = type it when asked at a terminal, or give --token-file FILE, or - for standard input
agent-token-file = { $file } cannot be read
    .hint = name the file with the token with --token-file
agent-certificate-expired = the certificate of this machine has expired
    .hint = unenrol with --force, then enrol again
agent-not-reached = the server was not reached
    .hint = try again later
agent-status = the server answered with HTTP { $status }
    .hint = try again later
agent-refused = the server refuses this machine with status { $status }
    .hint = it was retired or enrolled anew; run: chaveiro-agent unenroll, then enrol with a new token
agent-answer-unreadable = the server's answer is not readable
agent-endless = the session did not end after { $messages } messages
agent-not-told = the server was not told, and nothing was removed
    .hint = to remove the enrolment here alone, use --force
agent-slots-kept = the key slots of { $volume } were not removed
agent-open-disk = { $directory } is not on an encrypted disk, so that the key would lie in the open beside the volume it opens
    .hint = move it, or accept that with --accept-open-disk
agent-no-uuid = { $volume } has no usable UUID
agent-no-volume = no encrypted volume is configured, nor in /etc/crypttab
    .hint = put it into `volumes` of /etc/chaveiro-agent.toml
agent-passphrase-file = { $file } cannot be read
    .hint = name a file that root can read with --passphrase-file
agent-no-terminal = there is no terminal to type a passphrase
    .hint = use --passphrase-file
agent-no-system = { $root } has no readable etc/passwd
    .hint = name the top of a Linux system with --root
agent-no-machine-id = /etc/machine-id is missing or empty
    .hint = make one with systemd-machine-id-setup
agent-not-a-password = the text is no password

## The answers to an enrolment

enroll-not-reached = the server was not reached: { $fault }
    .hint = check the address, and that this machine reaches it
enroll-untrusted = no root that this machine trusts signed the server's certificate, and nothing was sent
    .hint = run the line that `chaveiro device enroll-token` prints: it has the --root-fingerprint
enroll-other-root = the server shows no root certificate of that --root-fingerprint, and the token was not sent
    .hint = compare the fingerprint with the operator of the server: if it is right, another machine answers at this address
agent-fingerprint-malformed = it must be sha256: and 64 hexadecimal digits, as `chaveiro device enroll-token` prints it
enroll-status = { $step ->
    [certificate-request] the certificate request
   *[other] the { $step }
} was answered with HTTP { $status }
    .hint = is this the address for devices? The server prints its addresses when it starts
enroll-token-refused = the server does not take the token: it was used already, it has ended, or the server does not know it
    .hint = ask the operator of the server for a new one, made with: chaveiro device enroll-token
enroll-not-served = the server does not enrol devices for this tenant
    .hint = ask the operator of the server whether its licence is active
enroll-server-failed = the server could not enrol this machine ({ $fault })
    .hint = try again, with the same token
enroll-refused = the server refuses the enrolment ({ $fault })
    .hint = is the server older than this agent?
enroll-fault = the answer to the { $step ->
    [certificate-request] certificate request
   *[other] { $step }
} cannot be read: { $fault }
    .hint = is this the address for devices? The server prints its addresses when it starts
enroll-document = the provisioning document cannot be used: { $fault }
enroll-foreign-certificate = the provisioning document has a certificate for another key
enroll-no-key = no key could be made: { $fault }

## /etc/chaveiro-agent.toml

agent-config-unreadable = { $file } cannot be read: { $error }
    .hint = make it readable for root, or remove it
agent-config-toml = { $file } is not valid TOML: { $reason }
    .hint = correct that line, or put # before it
agent-config-unknown = { $file } has the unknown key { $key }
    .hint = correct or remove it, the keys are { $keys }
agent-config-unknown-similar = { $file } has the unknown key { $key }
    .hint = did you mean { $names }? If not, correct or remove it, the keys are { $keys }
agent-config-value = { $key } in { $file } must be { $expected }, but is { $value }
    .hint = correct it, or remove it for the default
agent-config-account = the name of a local account, such as "ana"
agent-config-volumes = a list of absolute paths, such as ["/dev/nvme0n1p3"]
agent-config-poll-minutes = a whole number from 1 to 1440, such as 60
agent-config-kdf = "default", "argon2id" or "pbkdf2"
agent-config-iterations = a whole number from 1000 to 4294967295

## Passwords of accounts

login-unusable = { $file } cannot be used: { $error }
    .hint = run it as root
login-outside = { $file } is a link out of the system that was named
    .hint = name the one that the link leads to
login-no-account = { $name } has no password on this machine
    .hint = name an account that has one
login-damaged = the line of { $name } in shadow is damaged
    .hint = look at it with pwck -r
login-busy = another program has been changing passwords all the while
    .hint = try again when it is done
login-changed-meanwhile = the password was changed meanwhile and stays as it is
    .hint = begin again
login-not-an-entry = what should be put into shadow does not belong there, and shadow is as it was
    .hint = begin again
login-unwritten = shadow cannot be written and is as it was: { $error }
    .hint = make room on the disk, then try again
login-unconfirmed = shadow was replaced, but the disk did not confirm it: { $error }
    .hint = see which password opens the account
login-passcode = this passcode cannot be typed at a login: { $most } bytes at most, no line breaks
    .hint = make another
login-scheme = the hash of this account is of a kind that only its own system can check
    .hint = check it there
login-program-missing = { $program } is missing
    .hint = apt-get install --reinstall { $package }
login-program-not-run = { $program } does not run: { $error }
    .hint = apt-get install --reinstall { $package }
login-program-no-answer = { $program } gave no answer ({ $status })
    .hint = apt-get install --reinstall { $package }
ended-with-code = it ended with { $code }
ended-by-signal = signal { $signal } ended it
login-program-attempts-kept = { $program } forgot no attempts ({ $status })
    .hint = apt-get install --reinstall { $package }

## Encrypted volumes

header-unreadable = it cannot be read: { $error }
header-not-luks = it is not a LUKS volume
header-version = it is LUKS version { $version }
header-damaged = its header is damaged

luks-header = { $volume } cannot be used: { $why }
    .hint = see cryptsetup luksDump { $volume }, which also repairs one copy of the header from the other
luks-no-cryptsetup = cryptsetup is missing
    .hint = run: apt-get install cryptsetup-bin
luks-wrong-passphrase = no key slot of { $volume } opens with what was given
    .hint = give what is typed when the machine starts, without a newline at the end
luks-too-long = the passphrase or key file is longer than { $most } bytes
    .hint = give one that is shorter
luks-not-escrowed = the agent has no key that opens { $volume }
    .hint = run: chaveiro-agent escrow { $volume }
luks-no-free-slot = every key slot of { $volume } is taken, or there is no room for another
    .hint = free one with cryptsetup luksKillSlot
luks-slot-taken = key slot { $slot } is in use and is left as it is
    .hint = take a free one
luks-no-such-slot = there is no key slot { $slot } with a sound area
    .hint = see cryptsetup luksDump
luks-not-ours = key slot { $slot } was not added by a recovery and is left as it is
    .hint = remove it with cryptsetup luksKillSlot if it should go
luks-last-slot = key slot { $slot } is the last one: without it nothing opens the volume
    .hint = add a passphrase with cryptsetup luksAddKey first
luks-failed = cryptsetup { $verb } failed with { $code }: { $words }
    .hint = deal with that, then try again
luks-stuck = cryptsetup { $verb } did not end in time and was stopped
    .hint = see whether the machine is short of memory, then try again
luks-io = { $file }: { $error }

## Key files

key-file-missing = the key file { $file } does not exist
key-file-exists = the key file { $file } exists already and is not overwritten
key-file-too-open = the key file { $file } is accessible to others (mode { $mode })
    .hint = if only its owner has read it, run: chmod 600 { $file }
key-file-damaged = the key file { $file } is damaged: { $what }
    .hint = restore it from a backup
key-file-unusable = the key file { $file } cannot be used: { $error }
directory-not-made-because = the directory { $directory } cannot be made: { $error }
    .hint = name another, or let root make it for this user
