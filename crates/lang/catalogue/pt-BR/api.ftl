### Erros da API pelos códigos estáveis, como a linha de comando os diz. O código de um servidor mais novo é dito nas palavras
### do servidor; qualquer mensagem pode citá-las.

api-device-not-found = nenhum dispositivo gerenciado é alcançado ali no seu locatário
    .hint = veja: chaveiro device list
api-device-retired = o dispositivo não é mais gerenciado: foi desativado, ou desinscrito no próprio dispositivo
    .hint = ele precisa se inscrever de novo antes que a senha possa ser recuperada
api-device-retired-before = o dispositivo já está desativado, ou foi desinscrito no próprio dispositivo
    .hint = o registro e a custódia dele são mantidos; veja: chaveiro device list --retired
api-device-not-enrolled = o dispositivo não está inscrito
    .hint = ele precisa se inscrever antes que a senha possa ser recuperada
api-action-not-on-platform = { $action } não é possível em { $platform }
    .hint = faça-o no próprio dispositivo
api-recovery-under-way = está em andamento uma recuperação só do disco
    .hint = peça de novo quando o dispositivo tiver respondido
api-recovery-on-hold = as recuperações deste locatário estão em bloqueio preventivo desde { $since } (bloqueio { $hold })
    .hint = avise uma pessoa cuja função encerra bloqueios, ou um operador na máquina do servidor, que o examina com: chaveiro hold list, e o encerra com: chaveiro hold release --reason TEXTO; para um dispositivo que não pode esperar, uma pessoa com a função break-glass (acesso de emergência) acrescenta --break-glass MOTIVO
api-break-glass-reason-invalid = o motivo do acesso de emergência é curto ou longo demais
    .hint = dê um de 10 a 256 caracteres
api-hold-released = o bloqueio preventivo foi encerrado em { $at }
    .hint = não há o que fazer
api-hold-of-caller = quem causou um bloqueio preventivo não pode encerrá-lo
    .hint = outra pessoa que possa encerrar bloqueios o faz, ou um operador na máquina do servidor com: chaveiro hold release --reason TEXTO
api-permission-missing = faltam ao token todas estas permissões: { $permissions }
    .hint = peça uma delas a um administrador
api-role-missing = você não tem função neste locatário
    .hint = peça uma a um administrador
api-role-lacks-action = suas funções não permitem { $right } ali ({ $action })
    .hint = peça a um administrador uma função que o permita
api-scope-not-held = você não tem a etiqueta de escopo { $tag }
    .hint = um dispositivo entra num escopo, ou sai dele, pelas mãos de quem o tem
api-application-beyond-caller = o aplicativo pode mais do que você
    .hint = um operador o faz na máquina do servidor com: chaveiro app add-secret ID
api-role-of-caller = você não pode mudar as atribuições das próprias funções
    .hint = outra pessoa que possa atribuir funções o faz, ou um operador na máquina do servidor com: chaveiro role assign ROLE --user NAME
api-role-beyond-caller = você não tem { $action } ali e não pode passá-lo adiante
    .hint = quem o tem atribui a função, ou um operador na máquina do servidor com: chaveiro role assign ROLE --user NAME
api-role-binds-application = sem ela o aplicativo pode o que você não pode: { $action }
    .hint = atribua-lhe antes outra função, ou peça a um operador que o faça na máquina do servidor com: chaveiro role unassign ID
api-role-assigned-already = já existe uma atribuição dessa função a esse principal nesse escopo
api-too-many-role-assignments = o locatário tem { $most } atribuições de funções, que é o máximo
    .hint = retire as que não se usam mais, ou atribua funções a grupos
api-tokens-ended-too-often = tokens do mesmo foram encerrados vezes demais há pouco
    .hint = tente de novo em { $seconds } s
api-entity-not-found = { $entity ->
    [application] nenhum aplicativo é alcançado
    [hold] nenhum bloqueio preventivo é alcançado
    [roleAssignment] nenhuma atribuição de função é alcançada
    [user] nenhum usuário é alcançado
   *[other] nada do tipo { $entity } é alcançado
} ali no seu locatário
    .hint = liste a coleção para ver o que há
api-entity-exists = já existe outro objeto com o mesmo { $entity }
api-entity-changed = a entidade mudou desde que foi lida
    .hint = leia-a de novo e então envie a mudança
api-tenant-unlicensed = o locatário não tem licença ativa
    .hint = fale com o operador do servidor
api-token-expired = o token expirou
    .hint = entre de novo com: chaveiro login
api-token-not-yet-valid = o token ainda não é válido
    .hint = o relógio do servidor está certo?
api-too-many-requests = pedidos demais; nada foi feito
    .hint = tente de novo em { $seconds } s
api-server-busy = o servidor está ocupado; nada foi feito
    .hint = tente de novo em instantes
api-server-disk-full = o disco do servidor está cheio
    .hint = avise o operador do servidor
api-escrow-not-ready = a custódia deste locatário não pode receber uma senha agora, por isso nenhum dispositivo é alterado
    .hint = peça ao operador do servidor que olhe /readyz
api-internal-error = o servidor falhou; nada foi feito
    .hint = o operador do servidor encontra o motivo no log

## Caminhos e métodos

api-method-not-allowed = { $method } não é possível ali, só { $allow }
api-no-user-signed-in = o pedido é sobre a pessoa que entrou, e nenhuma entrou
    .hint = entre com: chaveiro login
api-malformed-id = { $id } não é um id
api-path-too-long = o caminho é longo demais
api-path-too-deep = o caminho passa por etapas demais
api-path-not-text = o caminho não é texto
api-unknown-version = não existe a versão { $version } da API
    .hint = use /beta ou /v1.0
api-segment-not-offered = { $segment } existe na Microsoft, e este servidor não o oferece
    .hint = o servidor é mais antigo que este programa?
api-bulk-not-offered = vários dispositivos de uma vez não é possível
    .hint = peça para cada dispositivo
api-unknown-segment = o servidor não conhece { $segment }
    .hint = o servidor é mais antigo que este programa?
api-unknown-key = { $name } não é chave de { $collection }
api-alias-in-path = o alias { $alias } não é possível num caminho
api-function-call-invalid = { $function } não pode ser chamada como { $called }
api-property-without-raw-value = { $property } não tem um valor único

## Tokens

api-token-missing = o pedido não tem token
    .hint = entre de novo com: chaveiro login
api-token-malformed = o token está malformado
    .hint = entre de novo com: chaveiro login
api-token-of-other-audience = o token é para outro serviço
    .hint = entre de novo com: chaveiro login
api-token-of-unknown-issuer = o servidor não confia no emissor do token
    .hint = entre de novo com: chaveiro login
api-token-signature-invalid = a assinatura do token não confere
    .hint = entre de novo com: chaveiro login
api-token-algorithm-invalid = o token está assinado com um algoritmo que não é permitido
    .hint = entre de novo com: chaveiro login
api-token-without-tenant = o token não indica locatário
    .hint = entre de novo com: chaveiro login
api-token-claim-mistyped = a declaração { $claim } do token tem o tipo errado
    .hint = entre de novo com: chaveiro login
api-token-time-out-of-range = a declaração { $claim } do token está fora dos limites
    .hint = entre de novo com: chaveiro login
api-token-is-id-token = este é um ID token
    .hint = envie o token de acesso
api-token-is-logout-token = este é um token de saída
    .hint = envie o token de acesso
api-token-is-no-access-token = este não é um token de acesso
    .hint = envie o token de acesso
api-token-is-bound = o token está preso a uma chave, que o servidor não confere
    .hint = peça ao emissor um token de portador
api-token-without-client = o token não indica cliente
api-token-clients-disagree = o token indica dois clientes diferentes
api-token-without-subject = o token não indica titular
api-token-subject-unclear = o token não diz com clareza se é de uma pessoa ou de um aplicativo
    .hint = um operador lê sobre application-subjects em docs/identity.md
api-token-key-not-for-signing = o emissor não publica a chave do token para assinar
api-personal-account = contas pessoais da Microsoft não podem entrar
    .hint = use uma conta de trabalho ou escola
api-issuer-keys-too-old = as chaves conhecidas do emissor do token são antigas demais, e não há novas
    .hint = tente de novo em { $seconds } s
api-issuer-unavailable = as chaves do emissor do token não estão disponíveis
    .hint = tente de novo em { $seconds } s
api-token-revoked = o token foi revogado em { $since }
    .hint = entre de novo com: chaveiro login

## Usuários e aplicativos

api-user-name-has-role = uma função está atribuída ao nome { $name }, e o usuário que tem o nome tem a função
    .hint = retire antes a atribuição, ou atribua a função ao id do usuário; um operador do servidor pode mudar o nome
api-user-name-is-id = um nome de usuário não pode ter a forma de um id
    .hint = indique um como ana@contoso.example
api-setting-out-of-bounds = { $setting } deve ser de { $least } a { $most }
api-too-many-secrets = o aplicativo já tem { $most } segredos, { $secrets }
    .hint = remova o que não se usa
api-too-many-certificates = o aplicativo tem tantos certificados quantos pode ter
    .hint = remova o que não se usa
api-certificate-exists = o certificado { $certificate } já está registrado neste aplicativo
api-public-client-secret = o aplicativo é um cliente público, que não pode guardar segredo
api-public-client-permissions = um cliente público não guarda segredo, por isso não tem permissões próprias
    .hint = dê-lhe permissões delegadas
api-credential-not-found = não existe segredo ou certificado { $id }

## Opções de um pedido. Um problema é um código com os seus valores.

api-option-unsupported = a opção { $option } não tem suporte em { $place }
    .hint = { $advice ->
        [didYouMean] você quis dizer { $name }?
        [supported] existem { $expected }
        [aliasUnsupported] escreva o próprio valor no lugar do alias
       *[other] deixe-a de fora
    }
api-option-repeated = a opção { $option } aparece mais de uma vez
api-option-value-invalid = o valor de { $option } é '{ $given }', e deve ser { $expected ->
    [propertyNames] uma lista de nomes de propriedades
    [numberFromZero] um número a partir de 0
    [numberUpTo] um número até { $most }
    [trueOrFalse] true ou false
    [leftOut] deixado de fora: não tem sentido ali
    [leftOutBesideSkiptoken] deixado de fora ao lado de $skiptoken
    [otherProperty] outra propriedade que não { $name }
    [shorterPath] usado num caminho mais curto, ou com $top dentro
   *[other] outro ({ $words })
}
api-option-property-unknown = { $entity } não tem a propriedade { $name }
api-option-member-unknown = { $property } não tem o membro { $name }
api-option-syntax = { $option }, no caractere { $at }: { $problem ->
    [expected] esperava-se { $expected ->
        [property] uma propriedade
        [condition] uma propriedade, startswith, endswith, contains, not ou (
        [list] uma lista entre parênteses
        [commaOrParenthesis] , ou )
        [operatorOrEnd] and, or ou o fim
        [quotedText] um texto entre aspas
        [selectOrTop] $select= ou $top=
        [semicolonOrEnd] ; ou )
        [commaOrEnd] (, uma vírgula ou o fim
        [directionOrEnd] asc, desc, uma vírgula ou o fim
        [word] uma palavra
       *[other] { $expected }
    }, e está ali { $found }
    [filterTooLong] um filtro tem no máximo { $most } bytes, este tem { $found }
    [valueFirst] uma comparação começa com uma propriedade, como deviceName eq 'x'
    [caseFunction] { $name } não é preciso: texto é comparado sem distinguir maiúsculas
    [functionUnsupported] não existe a função { $name }, só startswith, endswith e contains
    [tooDeep] parênteses e not estão aninhados em mais de { $most } níveis
    [tooManyComparisons] há mais de { $most } comparações; peça em vários pedidos
    [notText] { $found } é para texto, e { $name } não o é
    [onlyForm] só { $expected } tem suporte
    [noProperty] { $entity } não tem a propriedade { $name }
    [leadsElsewhere] { $entity } não tem a propriedade { $name }; filtre uma lista desses
    [notFilteredByResults] listas não são filtradas por { $name }; peça /deviceManagement/remoteActionAudits
    [notFiltered] listas de { $entity } não são filtradas por { $name }
    [notFilteredOrOrdered] listas de { $entity } não são filtradas nem ordenadas por { $name }
    [withoutMembers] { $name } é um valor único; compare-o sozinho, sem '/'
    [operatorAfter] esperava-se eq, ne, gt, ge, lt, le ou in depois de { $name }, e está ali { $found }
    [operatorOrEndAfter] esperava-se eq, ne, in, and, or ou o fim depois de { $name }, e está ali { $found }
    [withoutOrder] { $name } não tem ordem; existem eq, ne e in
    [comparedWithText] { $name } é comparado com um texto entre aspas simples, como 'x', ou null, e não com { $found }
    [comparedWithBoolean] { $name } é comparado com true, false ou null, sem aspas, e não com { $found }
    [comparedWithNumber] { $name } é comparado com um número inteiro, sem aspas, ou null, e não com { $found }
    [comparedWithMoment] { $name } é comparado com uma data e hora sem aspas, como 2026-01-31T08:30:00Z, ou null, e não com { $found }
    [comparedWithMember] { $name } é comparado com null ou um destes: { $expected }, e não com { $found }
    [comparedByItems] { $name } é comparado pelos itens: any(t:t eq 'x'), e não com { $found }
    [comparedWithNull] { $name } é comparado só com null, e não com { $found }
    [orderOfCollection] { $name } é uma coleção e não tem ordem
    [tooManyKeys] há mais de { $most } propriedades
    [notSearched] { $entity } não pode ser pesquisado; use $filter
    [searchTooLong] uma pesquisa tem no máximo { $most } bytes
    [searchOfProperty] uma pesquisa não é por uma propriedade; use $filter=contains({ $name },'...')
    [nothingQuoted] não há nada entre as aspas
    [searchOperators] AND, OR e NOT não têm suporte; cada palavra deve ser encontrada
    [quotesNeeded] palavras com caracteres especiais ficam entre aspas duplas
    [tooManyWords] há mais de { $most } palavras
    [nothingToExpand] não há o que expandir
    [edgeExpected] esperava-se um destes: { $expected }
    [expandedTwice] { $name } é expandido duas vezes
    [topRange] $top é um número de 0 a { $most }
    [expandOption] dentro de $expand não há { $name }, só $select e $top
    [quoteOpen] as aspas que abrem ali não são fechadas
    [controlCharacter] um texto não tem caracteres de controle
   *[other] { $words }
}
api-option-out-of-sight = { $name } conta todos os dispositivos do locatário, e sua função mostra alguns
    .hint = deixe-o fora do filtro e da ordem
api-skiptoken-foreign = o cursor não é desta lista
    .hint = comece sem ele
api-skiptoken-of-portal = o cursor { $token } é uma forma do portal da Microsoft
    .hint = comece sem ele
api-list-too-costly = seria preciso ler demais para responder
    .hint = acrescente com and uma condição que encontre poucos, como startswith(deviceName,'ANA')
api-query-not-text = as opções não são texto

## Formatos

api-format-not-offered = o servidor não responde como { $asked } ({ $by })
api-max-version-too-low = o servidor não responde na versão { $version } de OData
api-version-not-read = o servidor não lê a versão { $version } de OData

## Corpos e lotes. Uma pessoa encontra poucos: os programas escrevem os corpos.

api-body-too-slow = o pedido não chegou em { $seconds } s
    .hint = a rede está lenta? Tente de novo
api-body-too-large = o pedido é maior que { $most } bytes
api-body-encoding-unsupported = a codificação { $encoding } não tem suporte
api-body-interrupted = o pedido terminou cedo demais
    .hint = tente de novo
api-body-corrupt = o pedido não é gzip válido
api-content-type-missing = o pedido não diz que é JSON
api-content-type-not-json = o pedido não é JSON
api-body-empty = o pedido está vazio
api-body-not-json = o pedido não é JSON na linha { $line }, coluna { $column } ({ $problem })
api-body-not-an-object = o pedido não é um objeto ({ $found })
api-property-twice = a propriedade { $name } de { $entity } aparece duas vezes
api-property-is-navigation = a propriedade { $name } de { $entity } não é definida assim ({ $words })
api-property-unknown = { $entity } não tem a propriedade { $name }
    .hint = o servidor é mais antigo que este programa?
api-parameter-unknown = { $operation } não tem o parâmetro { $name }
    .hint = o servidor é mais antigo que este programa?
api-parameter-missing = { $operation } precisa de { $name }
api-property-read-only = a propriedade { $name } de { $entity } não pode ser definida ({ $words })
api-property-not-kept = a propriedade { $name } de { $entity } não é guardada aqui ({ $words })
api-property-value-invalid = o valor de { $name } não é aceito ({ $words })
api-property-missing = { $entity } precisa de { $name }
api-bind-invalid = { $name } não leva aonde deveria ({ $words })
api-batch-malformed = o lote está malformado: { $found }
api-batch-member-invalid = { $place } do lote é inválido ({ $words })
api-batch-too-large = o lote tem { $requests } pedidos, que é demais
api-batch-id-invalid = o pedido { $at } do lote tem um id inválido
api-batch-id-repeated = o id { $id } aparece duas vezes no lote
api-batch-dependency-invalid = o pedido { $id } do lote não depende de nenhum anterior
api-batch-dependency-failed = o pedido { $id } do lote não foi enviado, porque um anterior falhou
api-batch-nested = um lote não pode conter outro
api-batch-url-invalid = { $url } não é endereço de um pedido num lote
api-batch-method-invalid = { $method } não é método de um pedido num lote
api-batch-header-invalid = o cabeçalho { $name } de um pedido num lote é inválido
api-batch-content-type-missing = um pedido num lote não diz que é JSON
api-batch-body-invalid = o corpo de um pedido num lote é inválido
