### O que o chaveiro diz às pessoas.

## O que os verbos dizem

initialised = O diretório de dados { $data } está pronto. Locatário { $tenant } ({ $id }).
initialised-as-root = O diretório pertence a root. Se outro usuário vai rodar o servidor: chown -R chaveiro: { $data }
next-serve = Inicie o servidor:   chaveiro serve --data { $data }
next-app = Registre um programa: chaveiro app register helpdesk --permission DeviceManagementManagedDevices.PrivilegedOperations.All --data { $data }
next-token = Inscreva um dispositivo: chaveiro device enroll-token --data { $data }
serving = Graph em { $graph }, dispositivos em { $devices }. Pare com Ctrl+C.
serving-loopback = Só esta máquina alcança { $listen }. Para outras, ponha em { $file }:
      { $listen } = "0.0.0.0:{ $port }"
      { $url } = "https://NOME:{ $port }"
tenant-created = O locatário { $tenant } foi criado: { $id }.
tenant-changed = O locatário { $tenant } foi alterado.
passcodes-from-now = A partir de agora os dispositivos Linux criam senhas com { $bits } bits de entropia.
app-registered = O aplicativo { $app } foi registrado. Id de cliente: { $id }
app-granted = { $app } pode isto, e nada mais.
      Por si:       { $own }
      Por pessoas:  { $delegated }
    Os tokens dele seguem dentro de uma hora, ou já, com: chaveiro app revoke { $id }
secret-once = Segredo do cliente, mostrado só agora, válido até { $until }: { $secret }
secrets-replaced = Os segredos anteriores de { $app } foram retirados.
secret-removed = O segredo foi retirado de { $app }.
certificate-added = O certificado { $subject } foi registrado. Impressão digital { $thumbprint }, válido até { $until }.
certificate-removed = O certificado foi retirado.
app-revoked = Todo token de { $app } dado até agora foi encerrado. Os clientes dele buscam novos, se ainda puderem.
foreign-app-revoked = Nenhum aplicativo { $app } está registrado aqui. Os tokens de outros emissores para ele, dados até agora, foram encerrados.
tokens-live-on = Os tokens dados com ele valem por até uma hora. Se outra pessoa puder ter um: chaveiro app revoke { $id }
operator-tokens-revoked = Todo token de operador de { $tenant } já emitido foi encerrado.
app-deleted = O aplicativo foi removido, e os tokens dele foram encerrados.
login-code = Abra { $address } e digite o código { $code }.
login-operator = Um operador do servidor responde por você com: chaveiro sign-in approve { $code } --user VOCÊ. Aguardando …
logged-in = { $user } entrou em { $server }.
not-logged-in = Ninguém está com sessão aberta aqui.
whoami-named = Você é { $name } ({ $user }).
whoami-user = Você é { $user }.
whoami-where = Servidor { $server }, locatário { $tenant } ({ $id }).
whoami-until = Sua sessão vale até { $until }, e mais a cada uso.
whoami-without-role = Você não tem nenhuma função neste locatário. Peça uma a um administrador.
whoami-may = Você pode: { $rights }.
whoami-operator = Você é { $user }, operador na máquina do diretório de dados { $data }, e pode tudo.
whoami-runs = Um servidor está em execução nele: { $server }.
whoami-runs-not = Nenhum servidor está em execução nele.
all-devices = todos os dispositivos
right-on = { $right } (dispositivos com a etiqueta { $tags })
right = { $code ->
    [ManagedDevices_Read] ver dispositivos
    [ManagedDevices_Update] alterar dispositivos
    [ManagedDevices_Delete] desativar dispositivos
    [RemoteTasks_ResetPasscode] recuperar senhas
    [Chaveiro_Passcodes_Disclose] ler senhas
    [Chaveiro_BreakGlass_Use] passar por um bloqueio preventivo para um dispositivo
    [Chaveiro_Holds_Release] encerrar bloqueios preventivos
    [Audit_Read] ler a auditoria
    [Chaveiro_Scripts_Read] ver scripts
    [Chaveiro_Scripts_Write] alterar scripts
    [Chaveiro_Users_Read] ver usuários
    [Chaveiro_Users_Write] alterar usuários
    [Chaveiro_Applications_Manage] gerenciar aplicativos
    [Roles_Read] ver funções e suas atribuições
    [Chaveiro_Roles_Manage] atribuir funções
   *[other] { $code }
}
user-added = O usuário { $user } foi criado: { $id }.
user-disabled = { $user } está desativado: a sessão terminou, e não entra de novo até ser ativado.
user-enabled = { $user } está ativado e pode entrar.
user-deleted = { $user } foi removido e a sessão dele terminou. As atribuições de funções desse nome ficam; veja: chaveiro role assignments
list-cut = Estes são os primeiros { $limit }; há mais. Restrinja a lista, ou acrescente --all.
logged-out = Sessão encerrada em { $server }.
logged-out-here = A sessão de { $user } foi apagada aqui, mas o servidor não pôde ser avisado ({ $error }). Lá ela termina sozinha, algum tempo após o último uso.
sign-in-approved = { $user } pode entrar. { $app } pediu a entrada, do endereço { $address }, em { $at }.
unknown = desconhecido
sign-in-denied = A entrada com o código { $code } foi negada.
sign-ins-revoked = { $user } está sem sessão. Entradas encerradas: { $ended }. Todos os tokens de acesso também foram encerrados.
foreign-tokens-revoked = Todo token que chama uma pessoa de { $user } e foi dado até agora foi encerrado. Encerre também a entrada dela no emissor.
issuer-rotated = Os tokens passam a ser assinados com a chave { $key }.
audit-rotated = Os pontos de verificação passam a ser assinados com { $key }, e a chave anterior responde por ela. Avise os auditores.
key-problem = Problema: { $problem }
recipient-added = Senhas seladas a partir de agora também abrem com a chave { $key }.
recipient-made = A chave privada { $key } está em { $file }. Guarde-a onde nem o servidor nem os backups dele a alcancem, como num cofre.
recipient-to-add = No computador do servidor, execute: chaveiro keys add-recipient '{ $line }'
recipient-removed = Senhas seladas a partir de agora não abrem com a chave { $key }. { $passcodes ->
    [0] Nenhuma senha guardada abre com ela.
   *[other] Senhas guardadas que ainda abrem com ela: { $passcodes }. Isso vale até que novas as substituam ou o prazo delas termine; para encerrar antes, recupere de novo esses dispositivos.
}
recipient-removed-uncounted = Senhas seladas a partir de agora não abrem com a chave { $key }. Não foi possível contar as guardadas que ainda abrem com ela; veja: chaveiro keys recipients
opening-unrecorded = A abertura não está em registro algum, porque um backup só é lido. Anote quem abriu, quando e por quê.
not-opened = { $code ->
    [otherKey] selada para outras chaves
    [damaged] danificada, ou trazida de outro dispositivo
    [unsound] alterada por outro programa
   *[other] { $code }
}
key-accepted = A chave { $key } que está no lugar agora é a deste banco. Isso fica registrado.
ingest-only-on = A chave privada da custódia de { $tenant } pode ficar em outro lugar a partir de agora: mova { $file } para lá.
ingest-only-off = A chave privada da custódia de { $tenant } está aqui: { $file }.
enroll-token = Token de inscrição, mostrado só agora, válido até { $until }: { $token }
enroll-no-address = O endereço do servidor não é conhecido antes que ele rode: ponha-o no lugar de SERVER.
enroll-how = No Windows: Configurações, Contas, Acessar trabalho ou escola, Registrar-se somente no gerenciamento de dispositivo; servidor { $server }, este token como senha.
enroll-how-linux = No Linux, esta linha como está; nenhum arquivo é preciso. Ela pede o token, e assim nenhum histórico do shell o guarda:
device-retired = O dispositivo foi desativado. Seu registro e sua custódia são mantidos.
device-comanaged = Salvo: comanaged é { $state }.
device-tagged = Salvo: as etiquetas de escopo dele são { $tags }.
role-assigned = Atribuída: { $role } a { $principal } ({ $id }).
unknown-user = Nenhum usuário { $user } é conhecido aqui; a função vale quando um emissor externo usar esse nome.
unknown-application = Nenhum aplicativo { $app } está registrado aqui; a função vale quando um emissor externo usar esse id.
role-unassigned = A atribuição foi retirada.
hold-released = O bloqueio preventivo desde { $since } foi encerrado; recuperações voltam a ser possíveis.
reading-released = O bloqueio preventivo da leitura desde { $since } foi encerrado; as senhas voltam a poder ser lidas.
locks-untold = { $device } ({ $system }) não diz de antemão o que pode ser recuperado; só dispositivos Linux dizem.
locks-not-yet-told = { $device } ({ $system }) ainda não disse o que pode ser recuperado; ele o diz em cada sessão.
accepted = Aceito: a senha de { $device } será recuperada quando o dispositivo se conectar.
recovery-joined = Já há uma recuperação aberta de { $device }: { $who } a pediu em { $at }. Ela vale também para você.
nothing-asked = Nada foi alterado.

## A pergunta antes de uma recuperação

recover-question = Recuperar a senha de { $device }? [s/N]
recover-changes = Isto substitui { $what }. O que é substituído deixa de funcionar.
lock-secret = { $kind ->
    [login] a senha de { $subject }
    [luks2] a senha de recuperação do volume cifrado { $subject } (as que pessoas definiram ficam)
    [screen] o PIN do usuário
   *[other] a senha do usuário
}
lock-barred = Isto deixa de fora { $lock }: { $why }.
connected = conectado agora
not-connected = não conectado, visto por último em { $at }
last-seen = visto por último em { $at }

## A espera por uma recuperação

waiting = Aguardando o dispositivo …
waiting-for = Aguardando o dispositivo, visto por último em { $at } …
waiting-at-work = Aguardando: o dispositivo trabalha …
waiting-for-server = Aguardando o servidor …
waiting-stopped = A espera terminou. A recuperação continua aberta; veja mais tarde com: chaveiro action { $device } --show
server-away = O servidor não responde. A recuperação continua aberta; a espera continua.
step-accepted = aceito e registrado
step-called = dispositivo chamado
step-sealed = criada e selada lá
step-proven = aplicada e comprovada
step-applied = aplicada, segundo o dispositivo

## Uma senha que se dita

passcode-small-letters = minúsculas
passcode-capital-letters = maiúsculas
passcode-digits = números
passcode-signs = sinais
and = { $first } e { $last }
passcode-made-of = { $kinds }; escreve-se sem espaços
passcode-made-of-groups = { $kinds }; os hífens fazem parte
passcode-words = { $count } palavras em minúsculas; os hífens fazem parte
passcode-until = Você pode lê-la de novo até { $at }.
passcode-until-replaced = Ela pode ser lida até que uma mais nova a substitua.
passcode-recorded = Ficou registrado que você a viu.
passcode-uncertain = Aviso: não é certo que esta senha abra o dispositivo. Tente-a, e a anterior; senão, recupere de novo.

## Resultados de ações

result = { $action }: { $state }
by-at = { $who }, { $at }
not-proven = este dispositivo não pode comprová-lo
lock = { $kind ->
    [login] entrada de { $subject }
    [luks2] volume cifrado { $subject }
    [screen] bloqueio de tela
   *[other] { $kind } { $subject }
}
lock-of-any = { $kind ->
    [login] entrada
    [luks2] volume cifrado
    [screen] bloqueio de tela
   *[other] { $kind }
}
device-status = { $status ->
    [401] ele não conhece o servidor (401)
    [403] ele proíbe (403)
    [404] ele não tem isso (404)
    [405] ele não permite (405)
    [406] ele não oferece isso (406)
    [418] já foi feito antes (418)
    [425] falta-lhe o direito (425)
    [500] falhou lá (500)
    [501] lá não existe isso (501)
    [516] os dados são de outro tipo (516)
   *[other] status { $status }
}
withheld = { $code ->
    [missingPermission] o token não tem a permissão
    [notSelected] não foi pedida
    [notOpenable] o servidor não tem a chave dela
    [missingRole] suas funções não permitem
    [nothing] não há nenhuma
    [otherCaller] { $who ->
        [none] outra pessoa já a leu
       *[other] { $who } a leu primeiro, { $at }
    }
    [windowOver] o tempo para relê-la acabou
    [shredded] o prazo de guarda acabou
    [readingOnHold] leitura em bloqueio preventivo
    [breakGlassRole] suas funções não permitem acesso de emergência
    [breakGlassReason] o motivo do acesso de emergência é curto ou longo demais
   *[other] { $code }
}
    .hint = { $code ->
        [missingPermission] peça um token com DeviceManagementManagedDevices.PrivilegedOperations.All
        [notSelected] mostre-a com: chaveiro action { $device } --show
        [notOpenable] a chave privada da custódia está em outro lugar; veja docs/operations.md
        [missingRole] peça a um administrador uma função que leia senhas
        [nothing] peça uma com: chaveiro recover { $device } --show
        [otherCaller] peça uma nova com: chaveiro recover { $device } --show
        [windowOver] peça uma nova com: chaveiro recover { $device } --show
        [shredded] peça uma nova com: chaveiro recover { $device } --show
        [readingOnHold] uma pessoa com esse direito o encerra com: chaveiro hold release --reason TEXTO
        [breakGlassRole] peça a um administrador a função break-glass
        [breakGlassReason] dê de 10 a 256 caracteres com --break-glass
       *[other] {""}
    }
exported = { $events ->
        [one] { $events } evento
       *[other] { $events } eventos
    }, { $checkpoints ->
        [one] { $checkpoints } ponto de verificação
       *[other] { $checkpoints } pontos de verificação
    }.
sound = O registro está íntegro: { $events ->
        [one] { $events } evento
       *[other] { $events } eventos
    } de { $from } a { $to }, { $checkpoints ->
        [one] { $checkpoints } ponto de verificação
       *[other] { $checkpoints } pontos de verificação
    }, assinado até o evento { $signed }.
newest-checkpoint = Guarde este ponto de verificação, o mais novo, onde os operadores do servidor não escrevem: { $point }
audit-key-followed = A chave foi sucedida em { $at } por { $key }; a chave anterior assinou isso.
audit-key-broken = A chave foi substituída em { $at } por { $key }, e nenhuma chave anterior responde por isso.
continues = Ele continua o registro anterior, que chegava ao evento { $event }.
clock-went-back = O relógio do servidor foi atrasado antes do evento { $event }.
sound-unpinned = A própria exportação indica a chave que a confere ({ $key }). Informe --key para ter certeza de quem a assinou.
not-sound = o registro NÃO está íntegro: linha { $line }: { $fault }
    .hint = guarde este arquivo como prova, exporte de novo, e compare ambos com o que foi guardado: --since
rows-sound = Toda linha que concede direitos confere.
rows-removed = Linhas removidas: { $rows }.
rows-accepted = Linhas aceitas como estão: { $rows }.
rows-unsound = { $rows ->
        [one] uma linha foi alterada por outro programa; ela não concede nada
       *[other] { $rows } linhas foram alteradas por outro programa; elas não concedem nada
    }
    .hint = descubra quem escreveu no banco, depois: chaveiro audit rows --remove --reason TEXT, e --accept para o que restar
token-of-application = O token conta como de um aplicativo: { $app }. O titular é { $subject }.
token-of-person = O token conta como de uma pessoa, pelo aplicativo { $app }. O titular é { $subject }; uma pessoa precisa de uma função.
    Se é o próprio aplicativo, indique esse titular em application-subjects do emissor (docs/identity.md).
stays-application = um aplicativo: registrado aqui
person-unless-proven = uma pessoa, salvo prova
prove-applications = Não registrados aqui são aplicativos de outros emissores, e clientes pelos quais agiram pessoas que o registro não distinguiu. Quem só leu dispositivos não está em registro algum.
    Para cada aplicativo que age por si: faça o Entra ID escrever a claim idtyp, ou indique o titular dele em application-subjects (docs/identity.md).
    Olhe um token dele com: chaveiro doctor tokens --token ARQUIVO
no-foreign-applications = Nenhum aplicativo de outro emissor agiu aqui nem tem função.
nothing = Não há nada para listar.
no-server = nenhum servidor usa este diretório de dados
    .hint = inicie-o com: chaveiro serve
no-data-directory = você não tem uma sessão aberta num servidor, e esta máquina não tem o diretório de dados { $directory }
    .hint = entre com: chaveiro login --server URL
    Na máquina de um servidor, indique o diretório com --data, ou crie um com: chaveiro init
host-alone = este verbo só funciona na máquina do próprio servidor
    .hint = execute-o lá, ou indique o diretório de dados dele com --data
several-holds = há vários bloqueios preventivos
    .hint = indique um pelo id: chaveiro hold release ID --reason TEXTO; veja: chaveiro hold list
no-hold = não há bloqueio preventivo
    .hint = veja: chaveiro hold list
backed-up = O backup { $backup } está inteiro: { $size }, até o commit { $commits }.
keys-backed-up = As chaves foram copiadas para { $directory }. Guarde-as longe do backup: juntos eles abrem senhas.
keys-not-backed-up = As chaves não estão nele. Copie-as uma vez para outro lugar, com: --keys DIR
backup-whole = O backup { $backup } está inteiro. Foi feito em { $made }, há { $age }, e contém { $tenants ->
        [one] { $tenants } locatário
       *[other] { $tenants } locatários
    }, { $events ->
        [one] { $events } evento de auditoria
       *[other] { $events } eventos de auditoria
    }. Cada elo do registro está correto.
backup-older-schema = O esquema dele é da versão { $old }; passa à versão { $new } quando for restaurado.
restore-accepted = Aceito. { $results } resultados ficaram marcados como anteriores à restauração; { $sessions } sessões, { $tokens } tokens de inscrição e { $windows } janelas de leitura terminaram, e todo token.
restore-review = Agora veja o que pode ter voltado: chaveiro app list, chaveiro role assignments, chaveiro device list. Depois inicie o servidor.
move-accepted = Aceito como movido. Nada foi marcado, e nada terminou.
before-restore = Este resultado é anterior à restauração de { $at }. O dispositivo pode ter outra senha desde então; recupere-a de novo para ter certeza.
nothing-doubtful = o banco é o estado mais novo que foi prometido
    .hint = não há o que aceitar, a menos que a máquina inteira tenha voltado a um estado anterior; então acrescente --snapshot
not-moved = o diretório de dados não foi só movido: { $doubt }
    .hint = ponha a cópia mais nova no lugar, ou aceite-o sem --moved

## Títulos das tabelas

title-id = Id
title-name = Nome
title-licence = Licença
title-entra-tenant = Locatário Entra
title-key = Chave
title-fingerprint = Impressão digital
title-line = Linha
title-removed = Removido
title-passcodes = Senhas
title-sealed = Selada
title-standing = Vale como
title-setting = Ajuste
title-value = Valor
title-unit = Unidade
title-client-id = Id de cliente
title-permissions = Permissões
title-delegated = Delegadas
title-public = Público
title-secrets = Segredos
title-certificates = Certificados
title-secret = Segredo
title-begins-with = Começa com
title-made = Criado
title-ends = Termina
title-certificate = Certificado
title-subject = Titular
title-registered = Registrado
title-system = Sistema
title-user = Usuário
title-person = Pessoa
title-serial = Número de série
title-may-sign-in = Ativado
title-state = Estado
title-last-sync = Última sincronização
title-outcome = Resultado
title-device-status = Status do dispositivo
title-withheld = Não mostrada
title-ended = Terminada
title-asked-by = Pedida por
title-proven = Comprovado
title-opens = Abre
title-reason = Motivo
title-since = Desde
title-after = Após
title-caused-by = Causado por
title-released = Encerrado
title-by = Por
title-role = Função
title-for = Para
title-kind = Tipo
title-tags = Etiquetas
title-code-state = Código, estado
title-begun-ends = Início, término
title-application-user-address = Aplicativo, usuário, endereço
title-table = Tabela
title-row = Linha
title-tenant = Locatário
title-events = Eventos
title-last-event = Último evento
title-counts-as = Conta como
title-lock = O que abre
title-of = De
title-ready = Recuperável hoje
title-why = Por que não
title-what-to-do = O que fazer
title-escrow = Custódia

## Palavras de código das tabelas, como as pessoas as leem. O que não está aqui é mostrado como é.

yes = sim
no = não
word = { $code ->
    [recoverPasscode] recuperar senha
    [pending] aguardando
    [active] em andamento
    [done] concluída
    [failed] falhou
    [notSupported] sem suporte
    [canceled] cancelada
    [approved] aprovada
    [denied] negada
    [replaced] senha trocada
    [removed] senha removida
    [revealed] senha revelada
    [acknowledged] confirmada
    [valueNotDelivered] o dispositivo não entregou senha
    [deviceRefused] recusada pelo dispositivo
    [featureAbsent] o dispositivo não tem o recurso
    [contradictory] respostas contraditórias
    [uncertain] incerto
    [outcomeUnknown] resultado desconhecido
    [noSecret] nenhuma senha foi criada
    [expired] expirada
    [reenrolled] o dispositivo se inscreveu de novo
    [retired] o dispositivo foi desativado
    [unenrolled] desinscrito no próprio dispositivo
    [canceledByCaller] cancelada por quem pediu
    [managed] gerenciado
    [retireIssued] desativado
    [unknownFutureValue] desinscrito no próprio dispositivo
    [asking] recuperações
    [reading] leitura
    [user] usuário
    [group] grupo
    [application] aplicativo
    [login] entrada
    [luks2] volume cifrado
    [current] resultado da ação
    [history] atrasada ou substituída
    [void] de uma inscrição anterior
   *[other] { $code }
}

## A abertura, de antemão

lock-ready = sim
lock-not-ready = NÃO
lock-why = { $code ->
    [notRoot] o agente não pode examinar
    [noAccount] nenhum usuário tem conta lá
    [directory] não é conta daquela máquina
    [homed] gerenciada pelo systemd-homed
    [locked] a conta está bloqueada
    [expired] a conta expirou
    [passwordless] a conta não tem senha
    [noShell] o shell dela não deixa entrar
    [missingProgram] falta um programa
    [noVolume] nenhum volume cifrado em /etc/crypttab
    [volumeUnusable] o volume não serve
    [noFreeSlot] todas as posições de chave estão ocupadas
    [fewFreeSlots] há no máximo uma posição de chave livre
    [notEscrowed] o agente não tem chave própria para ele
   *[other] { $code }
}
    .hint = { $code ->
        [notRoot] execute-o como root: systemctl restart chaveiro-agent
        [noAccount] indique uma: account em /etc/chaveiro-agent.toml
        [directory] a senha pertence ao diretório; recupere-a lá
        [homed] a senha também abre a pasta pessoal; use a chave de recuperação da conta
        [locked] se for engano: usermod --unlock NOME
        [expired] se for engano: chage --expiredate -1 NOME
        [passwordless] ela entra de outro modo; dê-lhe uma com passwd, se for o caso
        [noShell] conta de serviço; indique a de uma pessoa em /etc/chaveiro-agent.toml
        [missingProgram] apt-get install cryptsetup-bin libpam-modules-bin
        [noVolume] se houver um: volumes em /etc/chaveiro-agent.toml
        [volumeUnusable] chaveiro-agent doctor diz por quê; é preciso um volume LUKS2
        [noFreeSlot] libere uma com cryptsetup luksKillSlot: a troca precisa de uma livre
        [fewFreeSlots] libere algumas com cryptsetup luksKillSlot; luksDump as mostra
        [notEscrowed] no dispositivo: chaveiro-agent escrow CAMINHO
       *[other] {""}
    }
lock-escrow = { $code ->
    [never] nada ainda
    [opens] abre
    [changed] não abre mais
   *[other] { $code }
}

## Funções

role-about = { $role ->
    [intune-administrator] Tudo, menos o acesso de emergência, que se atribui à parte
    [intune-role-administrator] Funções e aplicativos; nem dispositivos nem senhas
    [help-desk-operator] Achar um dispositivo, recuperar a senha dele, ditá-la
    [school-administrator] Como o suporte, e mudar o que está escrito sobre dispositivos
    [endpoint-security-manager] Ver dispositivos, scripts e o registro de auditoria
    [read-only-operator] Ver dispositivos, scripts e o registro de auditoria
    [passcode-requester] Pedir recuperações; outra pessoa lê a senha
    [passcode-reader] Ler senhas que outra pessoa pediu
    [hold-releaser] Ver o que houve e encerrar um bloqueio preventivo; sem senhas
    [break-glass] Como o suporte, e passar por um bloqueio preventivo para um dispositivo, com motivo; sempre gera alerta
   *[other] { $role }
}

## Tempos e tamanhos

duration = { $form ->
    [minutes] { $minutes } min
    [hours] { $hours } h { $minutes } min
   *[days] { $days } d { $hours } h { $minutes } min
}
size-kib = { $size } KiB
size-mib = { $whole },{ $tenths } MiB
unit = { $unit ->
    [minutes] minutos
    [days] dias
    [hours] horas
    [percent] por cento
   *[other] {""}
}
licence-active = ativa
licence-inactive = inativa
licence-until = ativa até { $at }

## Propriedades de um dispositivo

property = { $name ->
    [id] Id
    [deviceName] Nome
    [operatingSystem] Sistema
    [osVersion] Versão
    [manufacturer] Fabricante
    [model] Modelo
    [serialNumber] Número de série
    [userPrincipalName] Usuário
    [managementState] Estado
    [managementAgent] Agente
    [enrolledDateTime] Inscrição
    [lastSyncDateTime] Última sincronização
   *[other] { $name }
}

## Values of a configuration key

key-range = { $least } a { $most }, padrão { $default }
key-default = padrão { $default }
