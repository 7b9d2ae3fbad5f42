//! Help in Brazilian Portuguese: one table from the English of `args`.

use chaveiro_lang::HelpTexts;

/// Every help text of [`crate::args`].
pub(crate) const HELP: HelpTexts = HelpTexts(&[
    ("The device end of Chaveiro on Linux", "O lado do dispositivo do Chaveiro no Linux"),
    ("Print JSON for machines", "Imprime JSON para máquinas"),
    (
        "Language of messages: en or pt. By default that of the system",
        "Idioma das mensagens: en ou pt. Por padrão, o do sistema",
    ),
    ("Where the enrolment is kept", "Onde a inscrição é guardada"),
    ("Look at the system below this directory instead of /", "Examina o sistema abaixo deste diretório em vez de /"),
    (
        "Enrol this machine, with a key that is made here and never leaves it",
        "Inscreve esta máquina, com uma chave que é criada aqui e nunca sai dela",
    ),
    (
        "The address for devices, as the operator of the server gave it",
        "O endereço para dispositivos, como o operador do servidor o deu",
    ),
    (
        "The one-time token: what `chaveiro device enroll-token` printed. Others on this machine can see arguments",
        "O token de uso único: o que `chaveiro device enroll-token` imprimiu. Outros nesta máquina veem os argumentos",
    ),
    (
        "A file that begins with the token; - for standard input",
        "Um arquivo que começa com o token; - para a entrada padrão",
    ),
    ("Who enrols", "Quem se inscreve"),
    (
        "A PEM file with the only root certificate to trust, from now on; by default what the system trusts",
        "Um arquivo PEM com o único certificado raiz em que confiar, a partir de agora; por padrão, os do sistema",
    ),
    (
        "Enrol once more as the same device, proven by the certificate that this machine has; stop the service before",
        "Inscreve de novo como o mesmo dispositivo, provado pelo certificado que esta máquina tem; pare antes o serviço",
    ),
    (
        "Run as the service: report, then wait to be woken by the server",
        "Executa como serviço: faz contato e espera que o servidor o acorde",
    ),
    (
        "Report to the server once, and do what it asks. The service does it by itself",
        "Faz um contato com o servidor e cumpre o que ele pede. O serviço faz isso por si",
    ),
    (
        "Say whether this machine is enrolled, where, and when it last reported",
        "Diz se esta máquina está inscrita, onde, e quando foi o último contato",
    ),
    (
        "Give the agent a key slot of an encrypted volume, once; later recoveries need nobody to type anything",
        "Dá ao agente uma posição de chave de um volume cifrado, uma só vez; depois as recuperações dispensam quem digite",
    ),
    (
        "Give the agent a key slot of an encrypted volume, once; later recoveries need nobody to type anything.\n\nNeeds something that opens the volume now: the passphrase that the installer left in a file, one that is typed, or an existing recovery key. The header is backed up first; no slot of a person is touched.",
        "Dá ao agente uma posição de chave de um volume cifrado, uma só vez; depois as recuperações dispensam quem digite.\n\nPrecisa de algo que abra o volume agora: a frase secreta que o instalador deixou em um arquivo, uma que se digite, ou uma chave de recuperação que já exista. Antes é feita uma cópia do cabeçalho; nenhuma posição de pessoas é alterada.",
    ),
    (
        "The volumes; by default those of the configuration, or of /etc/crypttab",
        "Os volumes; por padrão os da configuração, ou os de /etc/crypttab",
    ),
    (
        "A file whose content, to the last byte, opens the volumes; without it the passphrase is asked for",
        "Um arquivo cujo conteúdo, até o último byte, abre os volumes; sem ele, a frase secreta é pedida",
    ),
    (
        "Accept that the agent's key lies on a disk that is not encrypted, or that cannot be told",
        "Aceita que a chave do agente fique em um disco que não é cifrado, ou do qual não se sabe",
    ),
    (
        "Say for each recovery whether this machine is ready for it; if not, why, and what to do",
        "Diz, para cada recuperação, se esta máquina está pronta; se não, por quê, e o que fazer",
    ),
    (
        "Say for each recovery whether this machine is ready for it; if not, why, and what to do.\n\nChanges nothing. Ends with 0 when everything is ready, with 1 otherwise. Needs root to read /etc/shadow.",
        "Diz, para cada recuperação, se esta máquina está pronta; se não, por quê, e o que fazer.\n\nNão altera nada. Termina com 0 quando tudo está pronto, com 1 caso contrário. Precisa de root para ler /etc/shadow.",
    ),
    (
        "The account whose password would be recovered; by default that of the configuration, or the one that signed in most recently",
        "A conta cuja senha seria recuperada; por padrão a da configuração, ou a que entrou por último",
    ),
    (
        "A LUKS2 volume; repeat for more. By default those of the configuration, or of /etc/crypttab",
        "Um volume LUKS2; repita para mais. Por padrão os da configuração, ou os de /etc/crypttab",
    ),
    (
        "Remove key slots that an interrupted recovery left, without the server. The service does it before each session",
        "Remove posições de chave que uma recuperação interrompida deixou, sem o servidor. O serviço faz isso antes de cada sessão",
    ),
    (
        "Remove key slots that an interrupted recovery left, without the server. The service does it before each session.\n\nOnly slots that the agent added itself go; what the escrow holds still opens the volume. Needs root, and the service stopped.",
        "Remove posições de chave que uma recuperação interrompida deixou, sem o servidor. O serviço faz isso antes de cada sessão.\n\nSó saem posições que o próprio agente acrescentou; o que está em custódia continua abrindo o volume. Precisa de root, e do serviço parado.",
    ),
    (
        "Tell the server that this machine leaves, and forget the enrolment. Nobody's own password or key slot is touched",
        "Avisa ao servidor que esta máquina sai, e esquece a inscrição. Nenhuma senha ou posição de chave de pessoas é alterada",
    ),
    ("Forget it even when the server cannot be told", "Esquece mesmo quando o servidor não pode ser avisado"),
    (
        "Remove the key slots of the agent and of the escrow; without it an escrowed passcode still opens the disk",
        "Remove as posições de chave do agente e da custódia; sem isso, um código em custódia ainda abre o disco",
    ),
    ("Print the description of the nodes of this machine (DDF)", "Imprime a descrição dos nós desta máquina (DDF)"),
    ("Completions for a shell", "Complementos para um shell"),
    ("Which shell", "Qual shell"),
    ("The manual page", "A página de manual"),
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
        let line = ["chaveiro-agent", "unenroll", "--force", "--release-slots", "--lang", "pt"];
        assert!(HELP.in_language(Cli::command(), Lang::Portuguese).try_get_matches_from(line).is_ok());
    }
}
