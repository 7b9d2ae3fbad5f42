### Palavras em volta das mensagens, de todos os programas.

error = erro
hint = dica

## Momentos: as partes já são algarismos.

day = { $day }/{ $month }/{ $year }
moment = { $day } { $time } { $zone }

## Ajuda

help-usage = Uso:
help-arguments = Argumentos
help-options = Opções
help-heading = { $name ->
    [Configuration] Configuração
   *[other] { $name }
}
help-verbs = Comandos
help-verb = COMANDO
help-any-options = [OPÇÕES]
help-example = Exemplo:
help-begin = Comece com:
help-help = Mostra esta ajuda
help-version = Mostra a versão
help-default = [padrão: { $values }]
help-possible = [valores possíveis: { $values }]
help-value = { $name ->
    [ACCOUNT] CONTA
    [ADDRESS] ENDEREÇO
    [ADDRESSES] ENDEREÇOS
    [APP] APLICATIVO
    [BACKUP] BACKUP
    [BOOL] BOOLEANO
    [CODE] CÓDIGO
    [DAYS] DIAS
    [DEVICE] DISPOSITIVO
    [DIR] PASTA
    [DIRECTORY] PASTA
    [FILE] ARQUIVO
    [FILTER] FILTRO
    [FINGERPRINT] IMPRESSÃO_DIGITAL
    [FORM] FORMA
    [GROUP] GRUPO
    [HOURS] HORAS
    [KEY] CHAVE
    [LANG] IDIOMA
    [LICENCE] LICENÇA
    [LINE] LINHA
    [LOCKS] TRAVAS
    [MILLISECONDS] MILISSEGUNDOS
    [MINUTES] MINUTOS
    [NAME] NOME
    [NAMES] NOMES
    [PATH] CAMINHO
    [PERCENT] PORCENTAGEM
    [PERMISSION] PERMISSÃO
    [REASON] MOTIVO
    [RECORD] REGISTRO
    [ROLE] FUNÇÃO
    [SECONDS] SEGUNDOS
    [SECRET] SEGREDO
    [SERVER] SERVIDOR
    [STATE] ESTADO
    [TAG] ETIQUETA
    [TENANT] LOCATÁRIO
    [TEXT] TEXTO
    [THUMBPRINT] DIGITAL
    [USER] USUÁRIO
   *[other] { $name }
}

not-spoken = escolha um destes: { $languages }

## As palavras do clap quando recusa uma linha de comando.

clap-required = faltam estes argumentos obrigatórios:
clap-verb-required = pede um comando, e nenhum foi dado
clap-conflicts-some = ' não combina com outro dos argumentos
clap-value-required = falta um valor para '
clap-none-given = '
clap-unknown-verb = comando desconhecido '
clap-unknown-argument = argumento inesperado '
clap-found = '
clap-invalid = valor inválido '
clap-invalid-for = ' para '
clap-conflict = o argumento '
clap-twice = ' só pode ser dado uma vez
clap-conflicts-with-several = ' não combina com:
clap-conflicts-with = ' não combina com '
clap-similar-verbs = há comandos parecidos:
clap-similar-verb = há um comando parecido:
clap-similar-argument = há um argumento parecido:
clap-similar-value = há um valor parecido:
clap-pass = para passar '
clap-pass-as = ' como valor, use '
clap-possible = valores possíveis:
clap-verbs = comandos:
clap-more = Para mais informações, use '--help'.
clap-usage = Uso:
clap-tip = dica:
clap-error = erro:
clap-number = escreva um número, só com algarismos
clap-bounds = indique um número de { $least } a { $most }
