### Words around messages, of every program.

error = error
hint = hint

## Moments: the parts are digits already.

day = { $year }-{ $month }-{ $day }
moment = { $day } { $time } { $zone }

## Errors of the system and of libraries. In English they are exactly their own words.

system-error = { $kind ->
   *[any] { $words }
} (os error { $number })
input-error = { $kind ->
   *[any] { $words }
}
json-error = { $kind ->
   *[any] { $line ->
       *[other] { $words }
    }
}
words-of-others = { $words }

## Help

help-usage = Usage:
help-arguments = Arguments
help-options = Options
help-heading = { $name }
help-verbs = Commands
help-verb = COMMAND
help-any-options = [OPTIONS]
help-example = Example:
help-begin = Begin with:
help-help = Show this help
help-version = Show the version
help-default = [default: { $values }]
help-possible = [possible values: { $values }]
help-value = { $name }

not-spoken = choose one of: { $languages }

## The words of clap when it refuses a command line. In English they are exactly its own.

clap-required = the following required arguments were not provided:
clap-verb-required = requires a subcommand but one was not provided
clap-conflicts-some = ' cannot be used with one or more of the other specified arguments
clap-value-required = a value is required for '
clap-none-given = ' but none was supplied
clap-unknown-verb = unrecognized subcommand '
clap-unknown-argument = unexpected argument '
clap-found = ' found
clap-invalid = invalid value '
clap-invalid-for = ' for '
clap-conflict = the argument '
clap-twice = ' cannot be used multiple times
clap-conflicts-with-several = ' cannot be used with:
clap-conflicts-with = ' cannot be used with '
clap-similar-verbs = some similar subcommands exist:
clap-similar-verb = a similar subcommand exists:
clap-similar-argument = a similar argument exists:
clap-similar-value = a similar value exists:
clap-pass = to pass '
clap-pass-as = ' as a value, use '
clap-possible = possible values:
clap-verbs = subcommands:
clap-more = For more information, try '--help'.
clap-usage = Usage:
clap-tip = tip:
clap-error = error:
clap-number = give a number, in digits alone
clap-bounds = give a number from { $least } to { $most }
