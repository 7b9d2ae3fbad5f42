//! Help in Brazilian Portuguese: one table from the English of `args`.

use chaveiro_lang::HelpTexts;

/// Every help text of [`crate::args`].
pub(crate) const HELP: HelpTexts = HelpTexts(&[
    (
        "Self-hosted passcode recovery that speaks Microsoft Graph",
        "Recuperação de senhas de dispositivos em servidor próprio, que fala Microsoft Graph",
    ),
    ("The data directory; /var/lib/chaveiro by default", "O diretório de dados; por padrão /var/lib/chaveiro"),
    ("Print JSON for machines", "Imprime JSON para máquinas"),
    (
        "Language of messages: en or pt. By default that of the system",
        "Idioma das mensagens: en ou pt. Por padrão, o do sistema",
    ),
    (
        "The tenant: its id or name. Not needed while there is only one",
        "O locatário: id ou nome. Desnecessário enquanto houver um só",
    ),
    (
        "Make a data directory: database, keys, certificate authority, first tenant",
        "Cria um diretório de dados: banco, chaves, autoridade certificadora, primeiro locatário",
    ),
    ("Name of the first tenant", "Nome do primeiro locatário"),
    (
        "The Entra tenant of its Windows users, so that EnablePinRecovery can be set",
        "O locatário Entra dos usuários de Windows, para que EnablePinRecovery seja definido",
    ),
    ("Run the server", "Executa o servidor"),
    (
        "Show the whole product on this machine: a simulated Windows device, and a Linux system below a directory",
        "Mostra o produto inteiro nesta máquina: um dispositivo Windows simulado, e um sistema Linux dentro de um diretório",
    ),
    (
        "Show the whole product on this machine: a simulated Windows device, and a Linux system below a directory.\n\nWith --data the data is kept in that fresh directory; otherwise it is temporary.",
        "Mostra o produto inteiro nesta máquina: um dispositivo Windows simulado, e um sistema Linux dentro de um diretório.\n\nCom --data os dados ficam nesse diretório novo; sem ele, são temporários.",
    ),
    (
        "Leave the server running and print what to try next",
        "Deixa o servidor em execução e diz o que experimentar em seguida",
    ),
    ("Tenants: who is served", "Locatários: quem é atendido"),
    ("Applications that sign in with the local issuer", "Aplicações que entram pelo emissor local"),
    (
        "Mint an operator token for the Graph API, for this tenant",
        "Emite um token de operador para a API Graph, para este locatário",
    ),
    (
        "What the token permits; by default reading, without passcodes. Repeat for more",
        "O que o token permite; por padrão, ler, sem senhas. Repita para mais",
    ),
    ("Minutes it lives", "Minutos de validade"),
    (
        "Keys: signing keys of the local issuer, recipients of the escrow",
        "Chaves: de assinatura do emissor local e destinatários da custódia",
    ),
    ("Managed devices", "Dispositivos gerenciados"),
    ("Recover the passcode of a device", "Recupera a senha de um dispositivo"),
    ("The device: its id or name", "O dispositivo: id ou nome"),
    ("Wait until the device has answered", "Espera até que o dispositivo responda"),
    ("Show the passcode when it is there. This is recorded", "Mostra a senha quando ela chegar. Isso fica registrado"),
    ("Seconds to wait at the most", "Segundos de espera, no máximo"),
    ("Remote actions of a device", "Ações remotas de um dispositivo"),
    (
        "Show the passcode, when it may be shown. This is recorded",
        "Mostra a senha, quando pode ser mostrada. Isso fica registrado",
    ),
    ("The audit record", "O registro de auditoria"),
    (
        "Look for what an operator should know or change. Nothing is changed",
        "Procura o que um operador deve saber ou mudar. Nada é alterado",
    ),
    (
        "List the applications whose tokens count as a person's unless they prove otherwise",
        "Lista as aplicações cujos tokens contam como de uma pessoa, a menos que provem o contrário",
    ),
    (
        "List the applications whose tokens count as a person's unless they prove otherwise.\n\nThese are applications of other issuers. The record names them and not the subjects of their tokens, so it cannot tell which of them prove it. With --token one token is looked at.",
        "Lista as aplicações cujos tokens contam como de uma pessoa, a menos que provem o contrário.\n\nSão aplicações de outros emissores. O registro as nomeia, e não os titulares dos tokens delas; por isso não sabe dizer quais o provam. Com --token olha-se um token.",
    ),
    (
        "A token of another issuer, in a file or - for the standard input. Its signature and times are not checked",
        "Um token de outro emissor, num arquivo, ou - para a entrada padrão. A assinatura e a validade não são conferidas",
    ),
    ("Every route, with the permission it needs", "Todas as rotas, com a permissão que exigem"),
    ("Every configuration key, as a file to fill in", "Todas as chaves de configuração, como arquivo a preencher"),
    ("Completions for a shell", "Complementos para um shell"),
    ("Which shell", "Qual shell"),
    ("The manual page", "A página de manual"),
    (
        "Another configuration file than chaveiro.toml of the data directory",
        "Outro arquivo de configuração em lugar do chaveiro.toml do diretório de dados",
    ),
    ("Address and port for Graph clients", "Endereço e porta para clientes Graph"),
    ("Address and port for devices", "Endereço e porta para dispositivos"),
    ("The address that Graph clients use", "O endereço que os clientes Graph usam"),
    ("The address that devices use", "O endereço que os dispositivos usam"),
    (
        "PEM file with the certificate chain of both listeners",
        "Arquivo PEM com a cadeia de certificados das duas portas",
    ),
    ("PEM file with its private key", "Arquivo PEM com a chave privada dele"),
    (
        "Milliseconds between two goes of linking the audit chain",
        "Milissegundos entre duas rodadas de encadeamento da auditoria",
    ),
    ("Seconds that open requests have at the end", "Segundos que os pedidos abertos têm no encerramento"),
    ("What is logged", "O que vai para o log"),
    ("List them", "Lista todos"),
    ("Make one, with its escrow key", "Cria um, com a chave de custódia dele"),
    ("Its name", "O nome"),
    ("The Entra tenant of its Windows users", "O locatário Entra dos usuários de Windows"),
    (
        "Change its licence or settings; without an option, show them",
        "Muda a licença ou os ajustes; sem opção, mostra os atuais",
    ),
    ("active or inactive", "active (ativa) ou inactive (inativa)"),
    (
        "Minutes in which the first reader may read a passcode again",
        "Minutos em que o primeiro leitor pode reler uma senha",
    ),
    ("Days that an unread passcode is kept", "Dias que uma senha não lida é guardada"),
    ("Days that an action waits for its device", "Dias que uma ação espera pelo dispositivo"),
    ("Hours that a person stays signed in without using it", "Horas que uma pessoa continua com a sessão sem usá-la"),
    ("What a recovery recovers on Linux", "O que uma recuperação recupera no Linux"),
    (
        "What passcodes are made of that Linux devices make",
        "De que são feitas as senhas que os dispositivos Linux criam",
    ),
    (
        "Their length in characters or words; by default what suits the form",
        "O comprimento em caracteres ou palavras; por padrão, o que convém à forma",
    ),
    (
        "Whether a recovered login password must be changed at the next sign-in",
        "Se uma senha de entrada recuperada deve ser trocada no próximo acesso",
    ),
    (
        "Whether open sessions of the account are locked when its password was recovered",
        "Se as sessões abertas da conta são bloqueadas quando a senha dela foi recuperada",
    ),
    (
        "Sign in to a server, from anywhere: prints a code for which an operator there vouches",
        "Entra num servidor, de qualquer lugar: mostra um código pelo qual um operador de lá responde",
    ),
    ("The server's address for Graph clients", "O endereço do servidor para clientes Graph"),
    (
        "PEM file with the root that signed its certificate, when this machine does not trust it anyway",
        "Arquivo PEM com a raiz que assinou o certificado dele, se esta máquina já não confia nela",
    ),
    ("Sign out: the stored session ends here and on the server", "Sai: a sessão guardada termina aqui e no servidor"),
    (
        "People who sign in: who waits, who may, who is signed in",
        "Pessoas que entram: quem espera, quem pode, quem entrou",
    ),
    ("List who waits for an operator and who is signed in", "Lista quem espera por um operador e quem entrou"),
    (
        "Vouch for the person who shows this code. Be sure who she is, and that she began it herself",
        "Responde pela pessoa que mostra este código. Tenha certeza de quem ela é, e de que foi ela que começou",
    ),
    ("The code", "O código"),
    (
        "Who she is: principal name or id of a user of the tenant",
        "Quem ela é: nome principal ou id de um usuário do locatário",
    ),
    ("Say no to a code", "Nega um código"),
    (
        "End every sign-in and every access token of a person, at once",
        "Encerra imediatamente todas as entradas e todos os tokens de acesso de uma pessoa",
    ),
    (
        "Whose: principal name or id of a user, or the object id (oid) of somebody whom another issuer alone knows",
        "De quem: nome principal ou id de um usuário, ou o id de objeto (oid) de alguém que só outro emissor conhece",
    ),
    (
        "The same for somebody who is no user here, as tokens of another issuer name her: oid, sub or principal name",
        "O mesmo para alguém que não é usuário aqui, como os tokens de outro emissor a chamam: oid, sub ou nome principal",
    ),
    (
        "Show one: its permissions, its secrets and certificates with their ends",
        "Mostra uma: permissões, segredos e certificados com o fim de cada um",
    ),
    ("Register one; its secret is shown once", "Registra uma; o segredo dela é mostrado uma só vez"),
    (
        "An application permission, for what it does as itself; repeat for more",
        "Uma permissão de aplicação, para o que ela faz por si; repita para mais",
    ),
    (
        "A delegated permission, for what it does for people who sign in with it; repeat for more",
        "Uma permissão delegada, para o que ela faz por quem entra com ela; repita para mais",
    ),
    (
        "It runs on people's machines and can keep no secret",
        "Ela roda nas máquinas das pessoas e não pode guardar segredo",
    ),
    ("Days until its secret ends", "Dias até o fim do segredo dela"),
    (
        "Give it another secret, beside the one it has: then switch over, then remove the old one",
        "Dá a ela outro segredo, além do que tem: depois troque, depois retire o antigo",
    ),
    ("Days until the secret ends", "Dias até o fim do segredo"),
    (
        "Say anew what it may do. Say all of it: what is not named goes",
        "Diz de novo o que ela pode. Diga tudo: o que não for citado se perde",
    ),
    ("Nothing at all: take every permission away", "Absolutamente nada: retira todas as permissões"),
    ("Take a secret away from its application", "Retira um segredo da aplicação dele"),
    ("The secret's id, as `chaveiro app show` prints it", "O id do segredo, como `chaveiro app show` o mostra"),
    (
        "Register the public certificate of a key that it signs assertions with",
        "Registra o certificado público de uma chave com que ela assina asserções",
    ),
    ("PEM file with the certificate, without its key", "Arquivo PEM com o certificado, sem a chave"),
    ("Take a certificate away from an application", "Retira um certificado de uma aplicação"),
    ("The certificate's thumbprint, SHA-1 or SHA-256", "A impressão digital do certificado, SHA-1 ou SHA-256"),
    ("Its client id", "O client id"),
    ("Take the older secrets away", "Retira os segredos mais antigos"),
    (
        "End every token that was given until now, because somebody else may have one",
        "Encerra todo token dado até agora, porque outra pessoa pode ter um",
    ),
    (
        "End every token that it has, those of people who signed in with it included. It may fetch new ones",
        "Encerra todos os tokens dela, inclusive os de pessoas que entraram por ela. Ela pode buscar novos",
    ),
    (
        "Its client id, as its tokens have it; also of an application of another issuer",
        "O client id, como está nos tokens dela; também de uma aplicação de outro emissor",
    ),
    (
        "Mint none: end every operator token of the tenant that is out",
        "Não emite nenhum: encerra todo token de operador do locatário já emitido",
    ),
    ("Remove it, and end every token that it has", "Remove a aplicação e encerra todos os tokens dela"),
    (
        "Make a new signing key for the local issuer; old tokens stay valid until they end",
        "Cria nova chave de assinatura do emissor local; tokens antigos valem até expirar",
    ),
    (
        "Give the audit key a successor, which the older key signs. Stop the server first",
        "Dá à chave de auditoria uma sucessora, que a chave anterior assina. Pare o servidor antes",
    ),
    (
        "List the keys of the server: where each lies, and whether it is the one that the database knows",
        "Lista as chaves do servidor: onde está cada uma, e se é a que o banco conhece",
    ),
    (
        "Accept the key file that is in place now, where another was lost for ever",
        "Aceita o arquivo de chave que está no lugar agora, onde outra se perdeu para sempre",
    ),
    ("The name, as listed", "O nome, como na lista"),
    ("Make the key anew first, where none is", "Antes cria a chave, onde não houver nenhuma"),
    (
        "Declare that the tenant's private escrow key is kept elsewhere: passcodes are taken in, and cannot be read here",
        "Declara que a chave privada da custódia do locatário fica em outro lugar: senhas entram, e não podem ser lidas aqui",
    ),
    ("on, or off when the key is here again", "on, ou off quando a chave estiver aqui de novo"),
    (
        "Seconds of steady running before what is over is destroyed",
        "Segundos de execução estável antes que seja destruído o que terminou",
    ),
    ("List who can open the tenant's passcodes", "Lista quem pode abrir as senhas do locatário"),
    (
        "Add a recipient, for instance an offline recovery key",
        "Acrescenta um destinatário, por exemplo uma chave de recuperação guardada fora",
    ),
    ("`p256 BASE64 name`", "`p256 BASE64 nome`"),
    (
        "Back up the database while the server runs: a copy, its mark and checksums. The keys go to another place",
        "Faz backup do banco com o servidor em execução: cópia, marca e somas de verificação. As chaves vão para outro lugar",
    ),
    ("A new directory for the backup", "Um diretório novo para o backup"),
    (
        "A new directory for a copy of the keys. Keep it where the backup is not: together they open passcodes",
        "Um diretório novo para uma cópia das chaves. Guarde-o longe do backup: juntos eles abrem senhas",
    ),
    (
        "Check that a backup is whole, and say how old it is; needs no data directory",
        "Verifica se um backup está inteiro e diz a idade dele; dispensa diretório de dados",
    ),
    ("The directory of the backup", "O diretório do backup"),
    ("Go on after a restore", "Segue em frente depois de uma restauração"),
    (
        "Accept a database that may not be the newest state. Results are marked as uncertain; tokens and sign-ins end",
        "Aceita um banco que pode não ser o estado mais novo. Resultados ficam marcados como incertos; tokens e sessões terminam",
    ),
    ("Why. This is recorded, and people are alerted", "Por quê. Isso fica registrado, e pessoas são alertadas"),
    (
        "The data directory was moved as a whole while no server ran: nothing is missing, and nothing is marked",
        "O diretório de dados foi movido inteiro com o servidor parado: nada falta, e nada é marcado",
    ),
    (
        "The whole machine or its disk was set back, which the server cannot notice",
        "A máquina inteira ou o disco dela voltou a um estado anterior, o que o servidor não percebe",
    ),
    ("Show one", "Mostra um"),
    ("Its id or name", "O id ou o nome"),
    (
        "Say which of its locks could be recovered today, and what stands in the way of the others",
        "Diz quais das fechaduras dele poderiam ser recuperadas hoje, e o que impede as outras",
    ),
    (
        "Make a one-time token with which a device enrols",
        "Cria um token de uso único com que um dispositivo se inscreve",
    ),
    (
        "The user who will own it: principal name or id, known to the server",
        "O usuário que será o dono: nome principal ou id, conhecido do servidor",
    ),
    ("Hours it is valid", "Horas de validade"),
    (
        "Say whether another agent manages it too: then it is also among comanagedDevices",
        "Diz se outro agente também o gerencia: então está também em comanagedDevices",
    ),
    ("Take it back", "Desfaz"),
    (
        "Retire it: its record and escrow are kept, it must enrol again",
        "Retira o dispositivo: registro e custódia ficam, ele precisa se inscrever de novo",
    ),
    (
        "Pass a hold for this one device, and say why. This is recorded, and people are alerted",
        "Passa por uma retenção só para este dispositivo, e diz por quê. Isso fica registrado, e pessoas são alertadas",
    ),
    ("Roles: who may do what, on which devices", "Papéis: quem pode o quê, em quais dispositivos"),
    (
        "Holds: recoveries and readings that wait until somebody has looked",
        "Retenções: recuperações e leituras que esperam até que alguém tenha olhado",
    ),
    ("Writes of one application in one tenant in 20 seconds", "Escritas de uma aplicação num locatário em 20 segundos"),
    ("Writes in one tenant in 20 seconds", "Escritas num locatário em 20 segundos"),
    (
        "Requests of one application in one tenant in 20 seconds",
        "Pedidos de uma aplicação num locatário em 20 segundos",
    ),
    (
        "Tokens that one application gets for itself in 20 seconds",
        "Tokens que uma aplicação obtém para si em 20 segundos",
    ),
    (
        "Tokens that applications of one tenant get in 20 seconds",
        "Tokens que as aplicações de um locatário obtêm em 20 segundos",
    ),
    (
        "New device codes for one client address in 15 minutes",
        "Novos códigos de dispositivo para um endereço de cliente em 15 minutos",
    ),
    (
        "Wrong secrets, assertions and device codes of one application from one client address in 5 minutes",
        "Segredos, asserções e códigos de dispositivo errados de uma aplicação, de um endereço de cliente, em 5 minutos",
    ),
    (
        "Connections of both listeners, a quarter of them for Graph clients",
        "Conexões das duas portas, um quarto delas para clientes do Graph",
    ),
    (
        "Connections from one address that have shown neither a certificate nor a valid token",
        "Conexões de um endereço que não mostraram certificado nem token válido",
    ),
    (
        "Seconds that a client has for the head of a request",
        "Segundos que um cliente tem para o cabeçalho de um pedido",
    ),
    (
        "Seconds after which a connection without a request is closed",
        "Segundos após os quais uma conexão sem pedido é fechada",
    ),
    (
        "Proxies in front of the listeners whose headers say who the client is",
        "Proxies diante dos endereços de escuta cujos cabeçalhos dizem quem é o cliente",
    ),
    (
        "Header in which those proxies hand on the certificate of a device",
        "Cabeçalho em que esses proxies repassam o certificado de um dispositivo",
    ),
    (
        "Only Linux machines that have not shown their certificate yet: a digest alone speaks for them",
        "Só máquinas Linux que ainda não mostraram o certificado: só um resumo criptográfico fala por elas",
    ),
    (
        "The device whose place it takes: its id or name. Without, it is a new device",
        "O dispositivo cujo lugar ele toma: id ou nome. Sem isso, é um dispositivo novo",
    ),
    ("Requests in one tenant in 20 seconds", "Pedidos num locatário em 20 segundos"),
    (
        "Requests of one application over all tenants in 10 seconds",
        "Pedidos de uma aplicação em todos os locatários em 10 segundos",
    ),
    ("Recoveries that one caller asks for in a minute", "Recuperações que um solicitante pede num minuto"),
    ("Where alerts are posted as JSON", "Para onde os alertas são enviados como JSON"),
    (
        "Recoveries within the window before further ones are put on hold; 0 for no hold",
        "Recuperações na janela antes que outras sejam retidas; 0 para nunca reter",
    ),
    (
        "The same in percent of the managed devices, beyond the first ten; 0 for any",
        "O mesmo em porcentagem dos dispositivos gerenciados, além das dez primeiras; 0 para qualquer uma",
    ),
    ("Minutes of that window", "Minutos dessa janela"),
    (
        "Passcodes read in the tenant within the window before further reading is put on hold; 0 for no limit",
        "Senhas lidas no locatário dentro da janela antes que a leitura seja retida; 0 para nenhum limite",
    ),
    (
        "The same for one person or application; 0 for no limit",
        "O mesmo para uma pessoa ou aplicação; 0 para nenhum limite",
    ),
    (
        "The limit of the tenant in percent of the managed devices, beyond the first twenty; 0 for any",
        "O limite do locatário em porcentagem dos dispositivos gerenciados, além dos vinte primeiros; 0 para qualquer número",
    ),
    ("Minutes of the window of both limits", "Minutos da janela dos dois limites"),
    ("Which, by its id; needed when several stand", "Qual, pelo id; necessário quando há várias"),
    (
        "Give it scope tags, by which role assignments find it, in place of those it has",
        "Dá a ele etiquetas de escopo, pelas quais as atribuições de papéis o encontram, em lugar das que tem",
    ),
    (
        "The tags; 0 is that of devices that nobody has tagged",
        "As etiquetas; 0 é a dos dispositivos que ninguém etiquetou",
    ),
    ("List the roles", "Lista os papéis"),
    ("Show what a role allows", "Mostra o que um papel permite"),
    ("Its key or name", "A chave ou o nome"),
    ("Assign a role", "Atribui um papel"),
    ("A person: object id or principal name", "Uma pessoa: id de objeto ou nome principal"),
    ("A group, as the groups claim of tokens names it", "Um grupo, como a claim groups dos tokens o nomeia"),
    ("An application that acts by itself: its client id", "Uma aplicação que age por si: o client id"),
    (
        "Devices with this scope tag alone; repeat for more. Without, all devices",
        "Só dispositivos com esta etiqueta de escopo; repita para mais. Sem ela, todos",
    ),
    ("Take an assignment back", "Retira uma atribuição"),
    ("Its id", "O id"),
    ("List the assignments", "Lista as atribuições"),
    ("List them, the newest first", "Lista todas, as mais novas primeiro"),
    (
        "Release the one that stands; as many as before are possible again",
        "Libera a que vigora; voltam a ser possíveis tantas quanto antes",
    ),
    ("Minutes in which no other hold is placed", "Minutos em que nenhuma outra retenção é imposta"),
    ("Why. This is recorded", "Por quê. Isso fica registrado"),
    ("Write the tenant's whole chain as JSON lines", "Grava a cadeia inteira do locatário como linhas JSON"),
    ("Where; standard output otherwise", "Onde; senão, na saída padrão"),
    (
        "Verify an export offline; needs no data directory",
        "Verifica uma exportação sem o servidor; dispensa diretório de dados",
    ),
    ("The export", "A exportação"),
    ("The key that must have signed it", "A chave que deve tê-la assinado"),
    (
        "What it must continue: an earlier export, a file of checkpoints, or POSITION:HASH as this verb printed it",
        "O que ela deve continuar: uma exportação anterior, um arquivo de pontos de verificação, ou POSIÇÃO:HASH como este verbo mostrou",
    ),
    (
        "Accept events after the last checkpoint, which nothing proves",
        "Aceita eventos após o último ponto de verificação, que nada comprova",
    ),
    (
        "Verify the rows that grant rights: applications, roles, tenants, holds, and what else decides",
        "Verifica as linhas que concedem direitos: aplicações, papéis, locatários, retenções e o mais que decide",
    ),
    (
        "Remove those that do not verify, as far as nothing is lost but what they would grant",
        "Remove as que não conferem, desde que nada se perca além do que concederiam",
    ),
    (
        "Accept those that do not verify as they stand: look at them first",
        "Aceita como estão as que não conferem: examine-as antes",
    ),
    (
        "A file to which checkpoints of the audit record are appended",
        "Arquivo ao qual se acrescentam os pontos de verificação da auditoria",
    ),
    (
        "The socket of the local syslog that gets checkpoints",
        "O soquete do syslog local que recebe os pontos de verificação",
    ),
    ("Where checkpoints are posted as JSON", "Para onde os pontos de verificação são enviados como JSON"),
    ("Print the key that signs, to pin it elsewhere", "Imprime a chave que assina, para fixá-la em outro lugar"),
]);

#[cfg(test)]
mod tests {
    use chaveiro_lang::Lang;
    use clap::CommandFactory;

    use super::*;
    use crate::args::Cli;

    #[test]
    fn every_help_text_has_its_portuguese_and_no_translation_is_left_over() {
        assert_eq!(HELP.unmatched(&Cli::command()), Vec::<String>::new());
    }

    #[test]
    fn the_command_is_the_same_in_both_languages() {
        HELP.in_language(Cli::command(), Lang::Portuguese).debug_assert();
        let line = ["chaveiro", "recover", "ANA-LT1", "--wait", "--show", "--lang", "pt"];
        assert!(HELP.in_language(Cli::command(), Lang::Portuguese).try_get_matches_from(line).is_ok());
    }
}
