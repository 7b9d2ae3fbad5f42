//! What stands in the way of a recovery, as devices name it, in the words of people.

use serde_json::{Value, json};

use chaveiro_lang::Lang;

/// What is wrong, and what to do about it.
type Words = (&'static str, &'static str);

/// The codes of `chaveiro-agent`, with the English and the Portuguese words for each.
const TABLE: &[(&str, Words, Words)] = &[
    (
        "notRoot",
        ("the agent may not look", "run it as root: systemctl restart chaveiro-agent"),
        ("o agente não pode examinar", "execute-o como root: systemctl restart chaveiro-agent"),
    ),
    (
        "noAccount",
        ("nobody has an account there", "name one: account in /etc/chaveiro-agent.toml"),
        ("ninguém tem conta lá", "indique uma: account em /etc/chaveiro-agent.toml"),
    ),
    (
        "directory",
        ("not an account of that machine", "its password belongs to the directory; recover it there"),
        ("não é conta daquela máquina", "a senha pertence ao diretório; recupere-a lá"),
    ),
    (
        "homed",
        ("managed by systemd-homed", "its password also opens the home; use the account's own recovery key"),
        ("gerenciada pelo systemd-homed", "a senha também abre a pasta pessoal; use a chave de recuperação da conta"),
    ),
    (
        "locked",
        ("the account is locked", "if that is a mistake: usermod --unlock NAME"),
        ("a conta está bloqueada", "se for engano: usermod --unlock NOME"),
    ),
    (
        "expired",
        ("the account has expired", "if that is a mistake: chage --expiredate -1 NAME"),
        ("a conta expirou", "se for engano: chage --expiredate -1 NOME"),
    ),
    (
        "passwordless",
        ("the account has no password", "it signs in another way; give it one with passwd if it should"),
        ("a conta não tem senha", "ela entra de outro modo; dê-lhe uma com passwd, se for o caso"),
    ),
    (
        "noShell",
        ("its shell lets nobody in", "a service account; name a person's in /etc/chaveiro-agent.toml"),
        ("o shell dela não deixa entrar", "conta de serviço; indique a de uma pessoa em /etc/chaveiro-agent.toml"),
    ),
    (
        "missingProgram",
        ("a program is missing", "apt-get install cryptsetup-bin libpam-modules-bin"),
        ("falta um programa", "apt-get install cryptsetup-bin libpam-modules-bin"),
    ),
    (
        "noVolume",
        ("no encrypted volume in /etc/crypttab", "if there is one: volumes in /etc/chaveiro-agent.toml"),
        ("nenhum volume cifrado em /etc/crypttab", "se houver um: volumes em /etc/chaveiro-agent.toml"),
    ),
    (
        "volumeUnusable",
        ("the volume cannot be used", "chaveiro-agent doctor says why; a LUKS2 volume is needed"),
        ("o volume não serve", "chaveiro-agent doctor diz por quê; é preciso um volume LUKS2"),
    ),
    (
        "noFreeSlot",
        ("every key slot is taken", "free one with cryptsetup luksKillSlot: a replacement needs a spare slot"),
        (
            "todas as posições de chave estão ocupadas",
            "libere uma com cryptsetup luksKillSlot: a troca precisa de uma livre",
        ),
    ),
    (
        "fewFreeSlots",
        ("one key slot is free at the most", "free some with cryptsetup luksKillSlot; luksDump shows them"),
        ("há no máximo uma posição de chave livre", "libere algumas com cryptsetup luksKillSlot; luksDump as mostra"),
    ),
    (
        "notEscrowed",
        ("the agent has no key of its own to it", "on the device: chaveiro-agent escrow PATH"),
        ("o agente não tem chave própria para ele", "no dispositivo: chaveiro-agent escrow CAMINHO"),
    ),
];

/// What the escrow holds of a lock, by the device's own test.
const ESCROW: &[(&str, &str, &str)] = &[
    ("never", "nothing yet", "nada ainda"),
    ("opens", "opens it", "abre"),
    ("changed", "no longer opens it", "não abre mais"),
];

/// Titles of the table, and the members of [`row`].
pub(crate) fn columns(lang: Lang) -> [(&'static str, &'static str); 6] {
    let titles = match lang {
        Lang::English => ["Lock", "Of", "Recoverable today", "Why not", "What to do", "Escrow"],
        Lang::Portuguese => ["Fechadura", "De", "Recuperável hoje", "Por que não", "O que fazer", "Custódia"],
    };
    let members = ["lock", "subject", "ready", "why", "hint", "escrow"];
    std::array::from_fn(|index| (titles[index], members[index]))
}

/// One entry of `chaveiro_recoverability`, in words. What is not known is shown as it is.
pub(crate) fn row(entry: &Value, lang: Lang) -> Value {
    let (why, hint) = match entry["obstacle"].as_str() {
        None => ("", ""),
        Some(code) => match (TABLE.iter().find(|(known, ..)| *known == code), lang) {
            (None, _) => (code, ""),
            (Some((_, english, _)), Lang::English) => *english,
            (Some((_, _, portuguese)), Lang::Portuguese) => *portuguese,
        },
    };
    let escrow = entry["escrow"].as_str().unwrap_or_default();
    let escrow = match (ESCROW.iter().find(|(known, ..)| *known == escrow), lang) {
        (None, _) => escrow,
        (Some((_, english, _)), Lang::English) => english,
        (Some((_, _, portuguese)), Lang::Portuguese) => portuguese,
    };
    let ready = match (entry["ready"] == true, lang) {
        (true, Lang::English) => "yes",
        (true, Lang::Portuguese) => "sim",
        (false, Lang::English) => "NO",
        (false, Lang::Portuguese) => "NÃO",
    };
    let (lock, subject) = (&entry["lock"], &entry["subject"]);
    json!({"lock": lock, "subject": subject, "ready": ready, "why": why, "hint": hint, "escrow": escrow})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_the_agent_has_words_and_no_words_are_left_over() {
        let source = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../agent/src/obstacle.rs"));
        let source = source.expect("the source of the agent");
        let (_, codes) = source.split_once("fn code(&self)").expect("its codes");
        let codes: Vec<&str> = codes
            .lines()
            .take_while(|line| *line != "}")
            .filter_map(|line| line.trim().strip_prefix("Self::")?.split('"').nth(1))
            .collect();
        assert!(codes.len() > 10, "{codes:?}");
        let known: Vec<&str> = TABLE.iter().map(|(code, ..)| *code).collect();
        assert_eq!(known, codes);
    }

    #[test]
    fn an_entry_is_told_in_the_language_of_the_reader() {
        let entry = json!({
            "lock": "luks2", "subject": "/dev/sda3", "ready": false, "obstacle": "noFreeSlot", "escrow": "changed",
        });
        let english = row(&entry, Lang::English);
        assert_eq!((&english["ready"], &english["why"]), (&"NO".into(), &"every key slot is taken".into()));
        assert_eq!(english["escrow"], "no longer opens it");
        let portuguese = row(&entry, Lang::Portuguese);
        assert_eq!((&portuguese["ready"], &portuguese["escrow"]), (&"NÃO".into(), &"não abre mais".into()));
        assert!(portuguese["hint"].as_str().is_some_and(|hint| hint.contains("luksKillSlot")));
    }

    #[test]
    fn a_code_of_a_newer_agent_is_shown_as_it_is() {
        let entry = json!({"lock": "login", "subject": "ana", "ready": false, "obstacle": "moon", "escrow": "tide"});
        let row = row(&entry, Lang::Portuguese);
        assert_eq!((&row["why"], &row["hint"], &row["escrow"]), (&"moon".into(), &"".into(), &"tide".into()));
    }
}
