### O que o chaveiro-agent diz. Um erro tem uma dica: o que fazer.

## Verbos

agent-enrolled = inscrita em { $address }
agent-not-enrolled-yet = não inscrita; execute a linha que `chaveiro device enroll-token` mostra no servidor, ou: chaveiro-agent enroll https://SERVIDOR
agent-last-report = último contato: { $at }
agent-never-reported = último contato: nunca
agent-certificate-ends = fim do certificado: { $at }
agent-synced = { $messages ->
    [one] contato feito, em { $messages } mensagem
   *[other] contato feito, em { $messages } mensagens
}
agent-escrowed = { $volume } pode ser recuperado a partir de agora; a senha dele vai para a custódia na próxima sessão
agent-ask-token = Token de inscrição (não é mostrado):
agent-ask-passphrase = O que abre { $volume } agora:
agent-left = não está mais inscrita; as posições de chave da custódia ficam (--release-slots as remove)
agent-left-released = não está mais inscrita; as posições de chave da custódia foram removidas, as senhas e posições de chave das pessoas ficaram como estavam
agent-slots-cleared = { $volume }: as posições de chave de recuperações interrompidas foram removidas
agent-no-slots-left = { $volume }: nenhuma recuperação deixou posição de chave

## A tabela de `doctor`

agent-title-recovery = recuperação
agent-title-of = de
agent-title-state = situação
agent-title-hint = o que fazer
agent-ready = pronto
agent-slots-left-behind = posições de chave que uma recuperação interrompida deixou: { $slots }
    .hint = a próxima sessão as remove; de imediato: chaveiro-agent clear-slots

## Obstáculos a uma recuperação

obstacle-not-root = este usuário não pode examinar
    .hint = execute como root
obstacle-no-account = não se sabe de quem é a conta
    .hint = ponha `account` em /etc/chaveiro-agent.toml
obstacle-directory = não é conta desta máquina
    .hint = a senha pertence ao diretório; recupere-a lá
obstacle-homed = gerenciada pelo systemd-homed
    .hint = a senha também abre a pasta pessoal; use a chave de recuperação da conta
obstacle-locked = a conta está bloqueada
    .hint = se for engano: usermod --unlock NOME
obstacle-expired = a conta expirou
    .hint = se for engano: chage --expiredate -1 NOME
obstacle-passwordless = a conta não tem senha
    .hint = ela entra de outro modo; dê-lhe uma com passwd, se for o caso
obstacle-no-shell = o shell dela não deixa entrar
    .hint = conta de serviço; indique a de uma pessoa com --account
obstacle-missing = falta o programa { $program }
    .hint = apt-get install { $package }
obstacle-no-volume = nenhum volume cifrado em /etc/crypttab
    .hint = indique um com --volume, se houver
obstacle-volume = não serve: { $why }
    .hint = é preciso um volume LUKS2; veja cryptsetup luksDump
obstacle-no-free-slot = todas as posições de chave estão ocupadas
    .hint = libere uma com cryptsetup luksKillSlot: a troca precisa de uma livre
obstacle-few-free-slots = há no máximo uma posição de chave livre
    .hint = libere algumas com cryptsetup luksKillSlot; cryptsetup luksDump as mostra
obstacle-not-escrowed = o agente não tem chave própria para ele
    .hint = chaveiro-agent escrow CAMINHO

## Erros

not-enrolled = esta máquina não está inscrita
    .hint = execute a linha que `chaveiro device enroll-token` mostra no servidor, ou: chaveiro-agent enroll https://SERVIDOR
agent-enrolled-already = esta máquina já está inscrita
    .hint = acrescente --again para inscrevê-la de novo como o mesmo dispositivo
agent-root-certificate = o certificado raiz { $file } não pode ser lido
    .hint = indique um arquivo PEM com --root-certificate
agent-enrolment-failed = esta máquina não foi inscrita
agent-no-key-made = não foi possível criar uma chave
agent-needs-root = { $file } não pode ser aberto
    .hint = execute como root
agent-running = o agente está em execução e faz contato por si
    .hint = para fazer isto à mão, antes: systemctl stop chaveiro-agent
agent-enrolment-damaged = { $file } está danificado
    .hint = desfaça a inscrição e inscreva de novo
agent-identity-damaged = a identidade não é PEM
    .hint = desfaça a inscrição e inscreva de novo
agent-not-removed = { $file } não pode ser removido
    .hint = execute como root
agent-interrupted = uma recuperação interrompida não pôde ser desfeita
    .hint = removida a causa, execute de novo com --force
agent-journal-unreadable = o diário { $file } não pode ser lido
    .hint = execute como root
agent-journal-incomplete = o diário não tem começo
    .hint = execute: chaveiro-agent clear-slots
agent-escrowed-damaged = { $file } está danificado
    .hint = remova-o: a próxima recuperação o escreve de novo
agent-only-our-slots = o volume { $volume } não tem posição de chave de um usuário
    .hint = acrescente uma antes: cryptsetup luksAddKey
agent-not-configured = as recuperações não olhariam para { $volume }
    .hint = ponha-o antes em `volumes` de /etc/chaveiro-agent.toml
agent-token-needed = falta um token
    .hint = digite-o quando o terminal o pedir, ou indique --token-file ARQUIVO, ou - para a entrada padrão
agent-token-file = { $file } não pode ser lido
    .hint = indique com --token-file o arquivo com o token
agent-certificate-expired = o certificado desta máquina expirou
    .hint = desfaça a inscrição com --force e inscreva de novo
agent-not-reached = não foi possível alcançar o servidor
    .hint = tente mais tarde
agent-status = o servidor respondeu com HTTP { $status }
    .hint = tente mais tarde
agent-refused = o servidor recusa esta máquina com o status { $status }
    .hint = ela foi desativada ou inscrita de novo; execute: chaveiro-agent unenroll, depois inscreva-a com um token novo
agent-answer-unreadable = a resposta do servidor não é legível
agent-endless = a sessão não terminou depois de { $messages } mensagens
agent-not-told = o servidor não foi avisado, e nada foi removido
    .hint = para remover a inscrição só aqui, use --force
agent-slots-kept = as posições de chave de { $volume } não foram removidas
agent-open-disk = { $directory } não está em um disco cifrado, e a chave ficaria exposta ao lado do volume que ela abre
    .hint = mude-o de lugar, ou aceite isso com --accept-open-disk
agent-no-uuid = { $volume } não tem UUID utilizável
agent-no-volume = nenhum volume cifrado está configurado, nem em /etc/crypttab
    .hint = ponha-o em `volumes` de /etc/chaveiro-agent.toml
agent-passphrase-file = { $file } não pode ser lido
    .hint = indique com --passphrase-file um arquivo que root possa ler
agent-no-terminal = não há terminal para digitar uma frase secreta
    .hint = use --passphrase-file
agent-no-system = { $root } não tem etc/passwd legível
    .hint = indique com --root o topo de um sistema Linux
agent-no-machine-id = /etc/machine-id falta ou está vazio
    .hint = crie um com systemd-machine-id-setup
agent-not-a-password = o texto não é uma senha

## As respostas a uma inscrição

enroll-not-reached = não foi possível alcançar o servidor (texto original: { $fault })
    .hint = confira o endereço e se esta máquina o alcança
enroll-untrusted = nenhuma raiz em que esta máquina confia assinou o certificado do servidor, e nada foi enviado
    .hint = execute a linha que `chaveiro device enroll-token` imprime: ela tem o --root-fingerprint
enroll-other-root = o servidor não mostra um certificado raiz com esse --root-fingerprint, e o token não foi enviado
    .hint = compare a impressão digital com o operador do servidor: se estiver certa, outra máquina responde neste endereço
agent-fingerprint-malformed = deve ser sha256: e 64 dígitos hexadecimais, como `chaveiro device enroll-token` imprime
enroll-status = { $step ->
    [discovery] a descoberta do servidor
    [policy] o pedido da política
    [certificate-request] o pedido do certificado
   *[other] { $step }
} teve como resposta HTTP { $status }
    .hint = é este o endereço para dispositivos? O servidor mostra os endereços dele ao iniciar
enroll-token-refused = o servidor não aceita o token: já foi usado, venceu, ou o servidor não o conhece
    .hint = peça um novo ao operador do servidor, criado com: chaveiro device enroll-token
enroll-not-served = o servidor não inscreve dispositivos deste locatário
    .hint = pergunte ao operador do servidor se a licença está ativa
enroll-server-failed = o servidor não conseguiu inscrever esta máquina (texto original: { $fault })
    .hint = tente de novo, com o mesmo token
enroll-refused = o servidor recusa a inscrição (texto original: { $fault })
    .hint = o servidor é mais antigo que este agente?
enroll-fault = a resposta { $step ->
    [discovery] à descoberta do servidor
    [policy] ao pedido da política
    [certificate-request] ao pedido do certificado
   *[other] a { $step }
} não pode ser lida (texto original: { $fault })
    .hint = é este o endereço para dispositivos? O servidor mostra os endereços dele ao iniciar
enroll-document = o documento de provisionamento não serve (texto original: { $fault })
enroll-foreign-certificate = o documento de provisionamento traz um certificado para outra chave
enroll-no-key = não foi possível criar uma chave (texto original: { $fault })

## /etc/chaveiro-agent.toml

agent-config-unreadable = { $file } não pode ser lido: { $error }
    .hint = torne-o legível para root, ou remova-o
agent-config-toml = { $file } não é TOML válido; texto original:
    { $reason }
    .hint = corrija essa linha, ou ponha # antes dela
agent-config-unknown = { $file } tem a chave desconhecida { $key }
    .hint = corrija-a ou remova-a; as chaves são { $keys }
agent-config-unknown-similar = { $file } tem a chave desconhecida { $key }
    .hint = você quis dizer { $names }? Se não, corrija-a ou remova-a; as chaves são { $keys }
agent-config-value = { $key } em { $file } deve ser { $expected }, mas é { $value }
    .hint = corrija o valor, ou remova-o para ficar com o padrão
agent-config-account = o nome de uma conta local, como "ana"
agent-config-volumes = uma lista de caminhos absolutos, como ["/dev/nvme0n1p3"]
agent-config-poll-minutes = um número inteiro de 1 a 1440, como 60
agent-config-kdf = "default", "argon2id" ou "pbkdf2"
agent-config-iterations = um número inteiro de 1000 a 4294967295

## Senhas de contas

login-unusable = { $file } não pode ser usado: { $error }
    .hint = execute como root
login-outside = { $file } é um atalho para fora do sistema indicado
    .hint = indique aquele a que o atalho leva
login-no-account = { $name } não tem senha nesta máquina
    .hint = indique uma conta que tenha
login-damaged = a linha de { $name } em shadow está danificada
    .hint = examine-a com pwck -r
login-busy = outro programa esteve alterando senhas o tempo todo
    .hint = tente de novo quando ele terminar
login-changed-meanwhile = a senha foi alterada nesse meio-tempo e fica como está
    .hint = comece de novo
login-not-an-entry = o que iria para shadow não cabe lá, e shadow ficou como estava
    .hint = comece de novo
login-unwritten = shadow não pode ser escrito e ficou como estava: { $error }
    .hint = abra espaço no disco e tente de novo
login-unconfirmed = shadow foi substituído, mas o disco não confirmou: { $error }
    .hint = veja qual senha abre a conta
login-passcode = esta senha não pode ser digitada numa entrada: no máximo { $most } bytes, sem quebras de linha
    .hint = crie outra
login-scheme = o resumo da senha desta conta é de um tipo que só o sistema dela sabe conferir
    .hint = confira-o lá
login-program-missing = falta o programa { $program }
    .hint = apt-get install --reinstall { $package }
login-program-not-run = { $program } não executa: { $error }
    .hint = apt-get install --reinstall { $package }
login-program-no-answer = { $program } não respondeu ({ $status })
    .hint = apt-get install --reinstall { $package }
ended-with-code = terminou com { $code }
ended-by-signal = o sinal { $signal } o encerrou
login-program-attempts-kept = { $program } não esqueceu tentativa alguma ({ $status })
    .hint = apt-get install --reinstall { $package }

## Volumes cifrados

header-unreadable = não pode ser lido: { $error }
header-not-luks = não é um volume LUKS
header-version = é LUKS versão { $version }
header-damaged = o cabeçalho está danificado

luks-header = { $volume } não serve: { $why }
    .hint = veja cryptsetup luksDump { $volume }, que também conserta uma cópia do cabeçalho a partir da outra
luks-no-cryptsetup = falta o cryptsetup
    .hint = execute: apt-get install cryptsetup-bin
luks-wrong-passphrase = nenhuma posição de chave de { $volume } abre com o que foi dado
    .hint = dê o que se digita quando a máquina inicia, sem quebra de linha no fim
luks-too-long = a frase secreta ou o arquivo de chave tem mais de { $most } bytes
    .hint = dê um mais curto
luks-not-escrowed = o agente não tem chave que abra { $volume }
    .hint = execute: chaveiro-agent escrow { $volume }
luks-no-free-slot = todas as posições de chave de { $volume } estão ocupadas, ou não há espaço para outra
    .hint = libere uma com cryptsetup luksKillSlot
luks-slot-taken = a posição de chave { $slot } está em uso e fica como está
    .hint = escolha uma livre
luks-no-such-slot = não há posição de chave { $slot } com área íntegra
    .hint = veja cryptsetup luksDump
luks-not-ours = a posição de chave { $slot } não é de uma recuperação e fica como está
    .hint = remova-a com cryptsetup luksKillSlot, se for o caso
luks-last-slot = a posição de chave { $slot } é a última: sem ela nada abre o volume
    .hint = acrescente antes uma frase secreta com cryptsetup luksAddKey
luks-failed = cryptsetup { $verb } falhou com { $code } (texto original: { $words })
    .hint = resolva isso e tente de novo
luks-stuck = cryptsetup { $verb } não terminou a tempo e foi interrompido
    .hint = veja se falta memória à máquina e tente de novo
luks-io = { $file }: { $error }

## Arquivos de chave

key-file-missing = o arquivo de chave { $file } não existe
key-file-exists = o arquivo de chave { $file } já existe e não é sobrescrito
key-file-too-open = o arquivo de chave { $file } é acessível a outros (modo { $mode })
    .hint = se só o dono o leu, execute: chmod 600 { $file }
key-file-damaged = o arquivo de chave { $file } está danificado (texto original: { $what })
    .hint = restaure-o de um backup
key-file-unusable = o arquivo de chave { $file } não pode ser usado: { $error }
directory-not-made-because = não é possível criar o diretório { $directory }: { $error }
    .hint = indique outro, ou deixe que root o crie para este usuário
