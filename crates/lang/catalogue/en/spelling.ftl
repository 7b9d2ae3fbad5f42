### The words by which passcodes are spelt on the telephone.

spelling = { $name ->
    [a] Alfa
    [b] Bravo
    [c] Charlie
    [d] Delta
    [e] Echo
    [f] Foxtrot
    [g] Golf
    [h] Hotel
    [i] India
    [j] Juliett
    [k] Kilo
    [l] Lima
    [m] Mike
    [n] November
    [o] Oscar
    [p] Papa
    [q] Quebec
    [r] Romeo
    [s] Sierra
    [t] Tango
    [u] Uniform
    [v] Victor
    [w] Whiskey
    [x] X-ray
    [y] Yankee
    [z] Zulu
    [digit-0] zero
    [digit-1] one
    [digit-2] two
    [digit-3] three
    [digit-4] four
    [digit-5] five
    [digit-6] six
    [digit-7] seven
    [digit-8] eight
    [digit-9] nine
    [space] space
    [exclamation] exclamation mark
    [quotation] quotation mark
    [hash] hash
    [dollar] dollar sign
    [percent] percent sign
    [ampersand] ampersand
    [apostrophe] apostrophe
    [opening-parenthesis] opening parenthesis
    [closing-parenthesis] closing parenthesis
    [asterisk] asterisk
    [plus] plus
    [comma] comma
    [hyphen] hyphen
    [full-stop] full stop
    [slash] slash
    [colon] colon
    [semicolon] semicolon
    [less] less-than sign
    [equals] equals sign
    [greater] greater-than sign
    [question] question mark
    [at] at sign
    [opening-bracket] opening bracket
    [backslash] backslash
    [closing-bracket] closing bracket
    [circumflex] circumflex
    [underscore] underscore
    [grave] grave accent
    [opening-brace] opening brace
    [bar] vertical bar
    [closing-brace] closing brace
    [tilde] tilde
   *[other] { $name }
}
spelling-capital = capital { $letter }
spelling-other = { $sign } (U+{ $number })
