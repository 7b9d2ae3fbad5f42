### Palavras em volta das mensagens, de todos os programas.

error = erro
hint = dica

## Momentos: as partes já são algarismos.

day = { $day }/{ $month }/{ $year }
moment = { $day } { $time } { $zone }

## Erros do sistema e de bibliotecas: o tipo, e atrás dele as palavras que eles têm.

system-error = { $kind ->
    [NotFound] não existe
    [PermissionDenied] falta a permissão
    [ConnectionRefused] a conexão foi recusada
    [ConnectionReset] a conexão foi encerrada
    [ConnectionAborted] a conexão foi encerrada
    [NotConnected] não há conexão
    [HostUnreachable] a máquina não é alcançada
    [NetworkUnreachable] a rede não é alcançada
    [NetworkDown] a rede está fora do ar
    [AddrInUse] o endereço está em uso
    [AddrNotAvailable] o endereço não é desta máquina
    [BrokenPipe] o leitor se foi
    [AlreadyExists] já existe
    [NotADirectory] não é um diretório
    [IsADirectory] é um diretório
    [DirectoryNotEmpty] o diretório não está vazio
    [ReadOnlyFilesystem] o sistema de arquivos é só para leitura
    [StaleNetworkFileHandle] o arquivo remoto não está mais lá
    [InvalidInput] o sistema não aceita o valor
    [InvalidData] os dados não são válidos
    [TimedOut] demorou demais
    [WriteZero] nada pôde ser gravado
    [StorageFull] o disco está cheio
    [NotSeekable] não se pode mudar de posição
    [QuotaExceeded] a cota do disco está esgotada
    [FileTooLarge] o arquivo é grande demais
    [ResourceBusy] está em uso
    [ExecutableFileBusy] o programa está em uso
    [Deadlock] dois processos se esperam
    [CrossesDevices] está em outro sistema de arquivos
    [TooManyLinks] há vínculos demais
    [InvalidFilename] o nome do arquivo não é válido
    [ArgumentListTooLong] há argumentos demais
    [Interrupted] foi interrompido
    [Unsupported] o sistema não o oferece
    [UnexpectedEof] os dados terminaram cedo demais
    [OutOfMemory] falta memória
    [WouldBlock] está ocupado
    [Unix5] o aparelho falhou ao ler ou gravar
    [Unix23] há arquivos abertos demais
    [Unix24] há arquivos abertos demais
   *[other] o sistema recusou
} ({ $words }, os error { $number })
input-error = { $kind ->
    [NotFound] não existe
    [PermissionDenied] falta a permissão
    [ConnectionRefused] a conexão foi recusada
    [ConnectionReset] a conexão foi encerrada
    [ConnectionAborted] a conexão foi encerrada
    [NotConnected] não há conexão
    [HostUnreachable] a máquina não é alcançada
    [NetworkUnreachable] a rede não é alcançada
    [NetworkDown] a rede está fora do ar
    [AddrInUse] o endereço está em uso
    [AddrNotAvailable] o endereço não é desta máquina
    [BrokenPipe] o leitor se foi
    [AlreadyExists] já existe
    [NotADirectory] não é um diretório
    [IsADirectory] é um diretório
    [DirectoryNotEmpty] o diretório não está vazio
    [ReadOnlyFilesystem] o sistema de arquivos é só para leitura
    [StaleNetworkFileHandle] o arquivo remoto não está mais lá
    [InvalidInput] o sistema não aceita o valor
    [InvalidData] os dados não são válidos
    [TimedOut] demorou demais
    [WriteZero] nada pôde ser gravado
    [StorageFull] o disco está cheio
    [NotSeekable] não se pode mudar de posição
    [QuotaExceeded] a cota do disco está esgotada
    [FileTooLarge] o arquivo é grande demais
    [ResourceBusy] está em uso
    [ExecutableFileBusy] o programa está em uso
    [Deadlock] dois processos se esperam
    [CrossesDevices] está em outro sistema de arquivos
    [TooManyLinks] há vínculos demais
    [InvalidFilename] o nome do arquivo não é válido
    [ArgumentListTooLong] há argumentos demais
    [Interrupted] foi interrompido
    [Unsupported] o sistema não o oferece
    [UnexpectedEof] os dados terminaram cedo demais
    [OutOfMemory] falta memória
    [WouldBlock] está ocupado
   *[other] o sistema recusou
} ({ $words })
json-error = { $kind ->
    [eof] o JSON termina na linha { $line } antes de estar completo
    [data] a linha { $line } tem outros dados do que se espera
   *[other] a linha { $line } não é JSON válido
} ({ $words })
words-of-others = texto original: { $words }

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
    [RECIPIENT] DESTINATÁRIO
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
