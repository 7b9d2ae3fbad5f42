### Errors of the API by their stable codes, as the command line tells them. A code of a newer server is told in the words of
### the server; any message may name these words.

api-device-not-found = no managed device is reached there in your tenant
    .hint = see: chaveiro device list
api-device-retired = the device is no longer managed: it was retired, or unenrolled on the device itself
    .hint = it must enrol again before its passcode can be recovered
api-device-retired-before = the device is retired already, or was unenrolled on the device itself
    .hint = its record and its escrow are kept; see: chaveiro device list --retired
api-device-not-enrolled = the device is not enrolled
    .hint = it must enrol before its passcode can be recovered
api-action-not-on-platform = { $action } is not possible on { $platform }
    .hint = do it at the device
api-recovery-under-way = a recovery of the disk alone is being carried out
    .hint = ask again when the device has answered
api-recovery-on-hold = recoveries of this tenant are on hold since { $since } (hold { $hold })
    .hint = tell a person whose role releases holds, or an operator on the server's host, who looks with: chaveiro hold list, and ends it with: chaveiro hold release --reason TEXT; for one device that cannot wait, a person with the role break-glass adds --break-glass REASON
api-break-glass-reason-invalid = the reason for break-glass is too short or too long
    .hint = give one of 10 to 256 characters
api-hold-released = the hold was released at { $at }
    .hint = there is nothing to do
api-hold-of-caller = a caller that caused a hold cannot release it
    .hint = another person who may release holds does it, or an operator on the server's host with: chaveiro hold release --reason TEXT
api-permission-missing = the token lacks all of these permissions: { $permissions }
    .hint = ask an administrator for one of them
api-role-missing = you have no role in this tenant
    .hint = ask an administrator for one
api-role-lacks-action = your roles do not allow you to { $right } there ({ $action })
    .hint = ask an administrator for a role that grants it
api-scope-not-held = you do not hold the scope tag { $tag }
    .hint = a device is moved into or out of a scope by a person who holds it
api-application-beyond-caller = the application may do more than you
    .hint = an operator does it on the server's host with: chaveiro app add-secret ID
api-role-of-caller = you cannot change your own role assignments
    .hint = another person who may assign roles does it, or an operator on the server's host with: chaveiro role assign ROLE --user NAME
api-role-beyond-caller = you do not hold { $action } there and cannot pass it on
    .hint = a person who holds it assigns the role, or an operator on the server's host with: chaveiro role assign ROLE --user NAME
api-role-binds-application = without it the application may do what you may not: { $action }
    .hint = assign it another role first, or let an operator do it on the server's host with: chaveiro role unassign ID
api-role-assigned-already = an assignment of that role, principal and scope already exists
api-too-many-role-assignments = the tenant has { $most } role assignments, which is the most
    .hint = remove those that are unused, or assign roles to groups
api-tokens-ended-too-often = tokens of the same were ended too often just now
    .hint = try again in { $seconds } s
api-entity-not-found = { $entity ->
    [roleAssignment] no role assignment
   *[other] no { $entity }
} is reached there in your tenant
    .hint = list the collection to see what is
api-entity-exists = another object with the same { $entity } already exists
api-entity-changed = the entity has changed since it was read
    .hint = read it again, then send the change
api-tenant-unlicensed = the tenant has no active licence
    .hint = ask the operator of the server
api-token-expired = the token has expired
    .hint = sign in again with: chaveiro login
api-token-not-yet-valid = the token is not valid yet
    .hint = is the clock of the server right?
api-too-many-requests = too many requests; nothing was done
    .hint = try again in { $seconds } s
api-server-busy = the server is busy; nothing was done
    .hint = try again in a moment
api-server-disk-full = the disk of the server is full
    .hint = tell the operator of the server
api-escrow-not-ready = the escrow of this tenant cannot take a passcode now, so no device is asked to change
    .hint = tell the operator of the server to look at /readyz
api-internal-error = the server failed; nothing was done
    .hint = the operator of the server finds the reason in its log

## Paths and methods

api-method-not-allowed = { $method } is not possible there, only { $allow }
api-no-user-signed-in = the request is about the person who is signed in, and no person is
    .hint = sign in with: chaveiro login
api-malformed-id = { $id } is no id
api-path-too-long = the path is too long
api-path-too-deep = the path leads over too many steps
api-path-not-text = the path is no text
api-unknown-version = there is no version { $version } of the API
    .hint = use /beta or /v1.0
api-segment-not-offered = { $segment } exists at Microsoft, and this server does not offer it
    .hint = is the server older than this program?
api-bulk-not-offered = many devices at once are not possible
    .hint = ask for each device by itself
api-unknown-segment = the server does not know { $segment }
    .hint = is the server older than this program?
api-unknown-key = { $name } is no key of { $collection }
api-alias-in-path = the alias { $alias } is not possible in a path
api-function-call-invalid = { $function } cannot be called as { $called }
api-property-without-raw-value = { $property } has no single value

## Tokens

api-token-missing = the request has no token
    .hint = sign in again with: chaveiro login
api-token-malformed = the token is malformed
    .hint = sign in again with: chaveiro login
api-token-of-other-audience = the token is for another service
    .hint = sign in again with: chaveiro login
api-token-of-unknown-issuer = the server does not trust the issuer of the token
    .hint = sign in again with: chaveiro login
api-token-signature-invalid = the signature of the token does not match
    .hint = sign in again with: chaveiro login
api-token-algorithm-invalid = the token is signed with an algorithm that is not allowed
    .hint = sign in again with: chaveiro login
api-token-without-tenant = the token names no tenant
    .hint = sign in again with: chaveiro login
api-token-claim-mistyped = the claim { $claim } of the token has the wrong type
    .hint = sign in again with: chaveiro login
api-token-time-out-of-range = the claim { $claim } of the token is out of range
    .hint = sign in again with: chaveiro login
api-token-is-id-token = this is an ID token
    .hint = send the access token instead
api-token-is-logout-token = this is a logout token
    .hint = send the access token instead
api-token-is-no-access-token = this is not an access token
    .hint = send the access token instead
api-token-is-bound = the token is bound to a key, which the server does not check
    .hint = ask the issuer for a bearer token
api-token-without-client = the token names no client
api-token-clients-disagree = the token names two different clients
api-token-without-subject = the token names no subject
api-token-subject-unclear = the token does not say clearly whether it is a person's or an application's
    .hint = an operator reads about application-subjects in docs/identity.md
api-token-key-not-for-signing = the issuer does not publish the key of the token for signing
api-personal-account = personal Microsoft accounts cannot sign in
    .hint = use a work or school account
api-issuer-keys-too-old = the known keys of the token's issuer are too old, and new ones are not available
    .hint = try again in { $seconds } s
api-issuer-unavailable = the keys of the token's issuer are not available
    .hint = try again in { $seconds } s
api-token-revoked = the token was revoked on { $since }
    .hint = sign in again with: chaveiro login

## Users and applications

api-user-name-has-role = a role is assigned to the name { $name }, so the user who has the name has the role
    .hint = remove the assignment first, or assign the role to the id of the user; an operator of the server may change the name
api-user-name-is-id = a principal name must not have the form of an id
    .hint = give one such as ana@contoso.example
api-setting-out-of-bounds = { $setting } must be from { $least } to { $most }
api-too-many-secrets = the application has { $most } secrets already, { $secrets }
    .hint = remove the one that is unused
api-too-many-certificates = the application has as many certificates as it may have
    .hint = remove the one that is unused
api-certificate-exists = the certificate { $certificate } is registered with this application already
api-public-client-secret = the application is a public client, which can keep no secret
api-public-client-permissions = a public client keeps no secret, so it has no permissions of its own
    .hint = give it delegated ones
api-credential-not-found = there is no secret or certificate { $id }

## Options of a request. A problem is a code with its values.

api-option-unsupported = the option { $option } is not supported for { $place }
    .hint = { $advice ->
        [didYouMean] did you mean { $name }?
        [supported] there are { $expected }
        [aliasUnsupported] write the value itself in the place of the alias
       *[other] leave it out
    }
api-option-repeated = the option { $option } is given more than once
api-option-value-invalid = the value of { $option } is '{ $given }', and must be { $expected ->
    [propertyNames] a list of property names
    [numberFromZero] a number from 0
    [numberUpTo] a number up to { $most }
    [trueOrFalse] true or false
    [leftOut] left out: it has no meaning there
    [leftOutBesideSkiptoken] left out beside $skiptoken
    [otherProperty] another property than { $name }
    [shorterPath] used on a shorter path, or with $top inside
   *[other] another ({ $words })
}
api-option-property-unknown = { $entity } has no property { $name }
api-option-member-unknown = { $property } has no member { $name }
api-option-syntax = { $option }, at character { $at }: { $problem ->
    [expected] expected { $expected ->
        [property] a property
        [condition] a property, startswith, endswith, contains, not or (
        [list] a list in parentheses
        [commaOrParenthesis] , or )
        [operatorOrEnd] and, or, or the end
        [quotedText] a text in quotes
        [selectOrTop] $select= or $top=
        [semicolonOrEnd] ; or )
        [commaOrEnd] (, a comma or the end
        [directionOrEnd] asc, desc, a comma or the end
        [word] a word
       *[other] { $expected }
    }, found { $found }
    [filterTooLong] a filter has at most { $most } bytes, this one has { $found }
    [valueFirst] a comparison begins with a property, such as deviceName eq 'x'
    [caseFunction] { $name } is not needed: text is compared without regard to case
    [functionUnsupported] there is no function { $name }, only startswith, endswith and contains
    [tooDeep] parentheses and not are nested more than { $most } deep
    [tooManyComparisons] there are more than { $most } comparisons; ask in several requests
    [notText] { $found } is for text, and { $name } is none
    [onlyForm] only { $expected } is supported
    [noProperty] { $entity } has no property { $name }
    [leadsElsewhere] { $entity } has no property { $name }; filter a list of those instead
    [notFilteredByResults] lists are not filtered by { $name }; ask /deviceManagement/remoteActionAudits
    [notFiltered] lists of { $entity } are not filtered by { $name }
    [notFilteredOrOrdered] lists of { $entity } are not filtered or ordered by { $name }
    [withoutMembers] { $name } is a single value; compare it alone, without '/'
    [operatorAfter] expected one of eq, ne, gt, ge, lt, le, in after { $name }, found { $found }
    [operatorOrEndAfter] expected one of eq, ne, in, and, or, or the end after { $name }, found { $found }
    [withoutOrder] { $name } has no order; there are eq, ne and in
    [comparedWithText] { $name } is compared with a text in single quotes, such as 'x', or null, and not with { $found }
    [comparedWithBoolean] { $name } is compared with true, false or null, without quotes, and not with { $found }
    [comparedWithNumber] { $name } is compared with a whole number, without quotes, or null, and not with { $found }
    [comparedWithMoment] { $name } is compared with a date and time without quotes, such as 2026-01-31T08:30:00Z, or null, and not with { $found }
    [comparedWithMember] { $name } is compared with null or one of { $expected }, and not with { $found }
    [comparedByItems] { $name } is compared by its items: any(t:t eq 'x'), and not with { $found }
    [comparedWithNull] { $name } is compared with null alone, and not with { $found }
    [orderOfCollection] { $name } is a collection and has no order
    [tooManyKeys] there are more than { $most } properties
    [notSearched] { $entity } cannot be searched; use $filter
    [searchTooLong] a search has at most { $most } bytes
    [searchOfProperty] a search is not for one property; use $filter=contains({ $name },'...')
    [nothingQuoted] there is nothing between the quotes
    [searchOperators] AND, OR and NOT are not supported; every word must be found
    [quotesNeeded] words with special characters stand in double quotes
    [tooManyWords] there are more than { $most } words
    [nothingToExpand] there is nothing to expand
    [edgeExpected] expected one of { $expected }
    [expandedTwice] { $name } is expanded twice
    [topRange] $top is a number from 0 to { $most }
    [expandOption] inside $expand there is no { $name }, only $select and $top
    [quoteOpen] the quote that opens there is not closed
    [controlCharacter] a text has no control characters
   *[other] { $words }
}
api-option-out-of-sight = { $name } counts all devices of the tenant, and your role shows you some of them
    .hint = leave it out of the filter and the order
api-skiptoken-foreign = the cursor is not of this list
    .hint = begin without it
api-skiptoken-of-portal = the cursor { $token } is a form of Microsoft's portal
    .hint = begin without it
api-list-too-costly = too much would have to be read to answer this
    .hint = add a condition that finds few with and, such as startswith(deviceName,'ANA')
api-query-not-text = the options are no text

## Formats

api-format-not-offered = the server does not answer as { $asked } ({ $by })
api-max-version-too-low = the server does not answer in version { $version } of OData
api-version-not-read = the server does not read version { $version } of OData

## Bodies and batches. A person meets few of them: the programs write the bodies.

api-body-too-slow = the request did not arrive within { $seconds } s
    .hint = is the network slow? Try again
api-body-too-large = the request is larger than { $most } bytes
api-body-encoding-unsupported = the encoding { $encoding } is not supported
api-body-interrupted = the request ended early
    .hint = try again
api-body-corrupt = the request is not valid gzip
api-content-type-missing = the request does not say that it is JSON
api-content-type-not-json = the request is not JSON
api-body-empty = the request is empty
api-body-not-json = the request is not JSON at line { $line }, column { $column } ({ $problem })
api-body-not-an-object = the request is { $found }, not an object
api-property-twice = the property { $name } of { $entity } is given twice
api-property-is-navigation = the property { $name } of { $entity } is not set this way ({ $words })
api-property-unknown = { $entity } has no property { $name }
    .hint = is the server older than this program?
api-parameter-unknown = { $operation } has no parameter { $name }
    .hint = is the server older than this program?
api-parameter-missing = { $operation } needs { $name }
api-property-read-only = the property { $name } of { $entity } cannot be set ({ $words })
api-property-not-kept = the property { $name } of { $entity } is not kept here ({ $words })
api-property-value-invalid = the value of { $name } is not accepted ({ $words })
api-property-missing = { $entity } needs { $name }
api-bind-invalid = { $name } does not lead where it should ({ $words })
api-batch-malformed = the batch is malformed: { $found }
api-batch-member-invalid = { $place } of the batch is invalid ({ $words })
api-batch-too-large = the batch has { $requests } requests, which is too many
api-batch-id-invalid = request { $at } of the batch has an invalid id
api-batch-id-repeated = the id { $id } occurs twice in the batch
api-batch-dependency-invalid = request { $id } of the batch depends on none before it
api-batch-dependency-failed = request { $id } of the batch was not sent, because one before it failed
api-batch-nested = a batch cannot hold a batch
api-batch-url-invalid = { $url } is no address of a request in a batch
api-batch-method-invalid = { $method } is no method of a request in a batch
api-batch-header-invalid = the header { $name } of a request in a batch is invalid
api-batch-content-type-missing = a request in a batch does not say that it is JSON
api-batch-body-invalid = the body of a request in a batch is invalid
