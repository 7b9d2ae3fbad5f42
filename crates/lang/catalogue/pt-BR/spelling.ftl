### As palavras com que se soletram senhas ao telefone.

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
    [digit-1] um
    [digit-2] dois
    [digit-3] três
    [digit-4] quatro
    [digit-5] cinco
    [digit-6] meia
    [digit-7] sete
    [digit-8] oito
    [digit-9] nove
    [space] espaço
    [exclamation] exclamação
    [quotation] aspas
    [hash] cerquilha
    [dollar] cifrão
    [percent] por cento
    [ampersand] e comercial
    [apostrophe] apóstrofo
    [opening-parenthesis] abre parêntese
    [closing-parenthesis] fecha parêntese
    [asterisk] asterisco
    [plus] mais
    [comma] vírgula
    [hyphen] hífen
    [full-stop] ponto
    [slash] barra
    [colon] dois-pontos
    [semicolon] ponto e vírgula
    [less] menor que
    [equals] igual
    [greater] maior que
    [question] interrogação
    [at] arroba
    [opening-bracket] abre colchete
    [backslash] barra invertida
    [closing-bracket] fecha colchete
    [circumflex] acento circunflexo
    [underscore] sublinhado
    [grave] acento grave
    [opening-brace] abre chave
    [bar] barra vertical
    [closing-brace] fecha chave
    [tilde] til
   *[other] { $name }
}
spelling-capital = maiúscula { $letter }
spelling-other = { $sign } (U+{ $number })
