### A demonstração.

demo-pin = O dispositivo tem um PIN de { $digits } dígitos que ninguém lembra.
demo-audit = cadeia de auditoria: { $events } eventos, { $checkpoints } pontos de verificação, verificada com a chave fixada até o evento { $event }
demo-next = O servidor continua ativo, e os dois dispositivos voltam a cada poucos segundos; pare com Ctrl+C. Experimente:
demo-python = { $install }; depois, em Python:
demo-python-trust = com { $variables }
demo-title = Chaveiro: uma senha, recuperada de sete maneiras; depois, uma máquina Linux
demo-kept = mantido
demo-temporary = temporário; --data DIR o mantém
demo-devices = dispositivos
demo-licence = licença ativa
demo-signed-in = por credenciais de cliente do emissor local
demo-enrolled = inscrito: descoberta, política, pedido de certificado, provisionamento
demo-state = estado
demo-device-came = o dispositivo se conecta
demo-same-pin = = o PIN do dispositivo
demo-other-pin = não é o PIN do dispositivo
demo-machine = E uma máquina Linux, com o agente real.
demo-account = inscrita: conta
demo-no-cryptsetup = falta o cryptsetup aqui, e só a senha de entrada é recuperada; para o disco também: apt-get install cryptsetup-bin
demo-in-escrow = uma senha está em custódia antes que alguém peça, e
demo-machine-came = a máquina se conecta: uma senha é criada lá, selada, aplicada, comprovada ({ $commands } comandos)
demo-former = o segredo anterior
demo-recovered = a senha recuperada
demo-own = a frase secreta do próprio usuário
demo-opens = abre
demo-refused = não abre
demo-yes = sim
demo-no = NÃO
demo-opens-device = abre
demo-label-server = servidor
demo-label-data = dados
demo-label-tenant = locatário
demo-label-application = aplicativo
demo-label-token = token
demo-label-user = usuária
demo-label-device = dispositivo
demo-label-first-session = 1ª sessão
demo-label-created = criado
demo-label-disk = disco
demo-url = URL

## Erros

demo-error-answer = POST { $path } foi respondido com { $status }: { $words }
demo-error-no-token = nenhum token foi dado: { $words }
demo-error-linux-not-enrolled = a máquina Linux não se inscreveu
demo-error-disk-not-in-escrow = a senha do disco não está em custódia
demo-error-linux-session = uma sessão da máquina Linux falhou
demo-error-linux-endless = o servidor sempre tinha algo mais para a máquina Linux fazer
demo-error-no-action = o dispositivo não mostra ação alguma
demo-error-no-secret = um aplicativo confidencial tem um segredo
demo-error-not-enrolled = o dispositivo não se inscreveu
demo-error-first-session = a primeira sessão falhou
demo-error-session = uma sessão falhou
demo-error-no-user = o dispositivo não tem usuário
demo-error-walks = foram feitos três caminhos
demo-error-no-id = o que foi criado não tem id
