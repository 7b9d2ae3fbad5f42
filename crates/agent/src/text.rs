//! What people read, in English and Brazilian Portuguese.

use chaveiro_lang::Lang;

use crate::obstacle::Obstacle;

pub(crate) fn columns(lang: Lang) -> [&'static str; 4] {
    lang.pick(["recovery", "of", "state", "what to do"], ["recuperação", "de", "situação", "o que fazer"])
}

/// State, and what to do about it.
pub(crate) fn verdict(lang: Lang, obstacle: Option<&Obstacle>) -> (String, String) {
    let (english, portuguese) = texts(obstacle);
    let (state, hint) = lang.pick(english, portuguese);
    let (first, second) = match obstacle {
        Some(Obstacle::Missing(program, package)) => (*program, *package),
        Some(Obstacle::Volume(why)) => (why.as_str(), ""),
        _ => ("", ""),
    };
    (state.replace("{}", first), hint.replace("{}", second))
}

/// What the agent says of key slots that an interrupted recovery left, and what to do about it.
pub(crate) fn left_behind(lang: Lang, slots: &[u8]) -> (String, String) {
    let slots = slots.iter().map(u8::to_string).collect::<Vec<_>>().join(", ");
    let (state, hint) = lang.pick(
        (
            "key slots that an interrupted recovery left: {}",
            "the next session removes them; at once: chaveiro-agent clear-slots",
        ),
        (
            "posições de chave que uma recuperação interrompida deixou: {}",
            "a próxima sessão as remove; de imediato: chaveiro-agent clear-slots",
        ),
    );
    (state.replace("{}", &slots), hint.to_owned())
}

type Pair = (&'static str, &'static str);

/// English and Portuguese, each state and hint.
fn texts(obstacle: Option<&Obstacle>) -> (Pair, Pair) {
    let Some(obstacle) = obstacle else { return (("ready", ""), ("pronto", "")) };
    match obstacle {
        Obstacle::NotRoot => {
            (("this user may not look", "run it as root"), ("este usuário não pode examinar", "execute como root"))
        }
        Obstacle::NoAccount => (
            ("it is not known whose account is meant", "put `account` into /etc/chaveiro-agent.toml"),
            ("não se sabe de quem é a conta", "ponha `account` em /etc/chaveiro-agent.toml"),
        ),
        Obstacle::Directory => (
            ("not an account of this machine", "its password belongs to the directory; recover it there"),
            ("não é conta desta máquina", "a senha pertence ao diretório; recupere-a lá"),
        ),
        Obstacle::Homed => (
            ("managed by systemd-homed", "its password also opens the home; use the account's own recovery key"),
            (
                "gerenciada pelo systemd-homed",
                "a senha também abre a pasta pessoal; use a chave de recuperação da conta",
            ),
        ),
        Obstacle::Locked => (
            ("the account is locked", "if that is a mistake: usermod --unlock NAME"),
            ("a conta está bloqueada", "se for engano: usermod --unlock NOME"),
        ),
        Obstacle::Expired => (
            ("the account has expired", "if that is a mistake: chage --expiredate -1 NAME"),
            ("a conta expirou", "se for engano: chage --expiredate -1 NOME"),
        ),
        Obstacle::Passwordless => (
            ("the account has no password", "it signs in another way; give it one with passwd if it should"),
            ("a conta não tem senha", "ela entra de outro modo; dê-lhe uma com passwd, se for o caso"),
        ),
        Obstacle::NoShell => (
            ("its shell lets nobody in", "a service account; name a person's with --account"),
            ("o shell dela não deixa entrar", "conta de serviço; indique a de uma pessoa com --account"),
        ),
        Obstacle::Missing(..) => {
            (("{} is missing", "apt-get install {}"), ("falta o programa {}", "apt-get install {}"))
        }
        Obstacle::NoVolume => (
            ("no encrypted volume in /etc/crypttab", "name one with --volume if there is one"),
            ("nenhum volume cifrado em /etc/crypttab", "indique um com --volume, se houver"),
        ),
        Obstacle::Volume(_) => (
            ("not usable: {}", "a LUKS2 volume is needed; see cryptsetup luksDump"),
            ("não serve: {}", "é preciso um volume LUKS2; veja cryptsetup luksDump"),
        ),
        Obstacle::NoFreeSlot => (
            ("every key slot is taken", "free one with cryptsetup luksKillSlot: a replacement needs a spare slot"),
            (
                "todas as posições de chave estão ocupadas",
                "libere uma com cryptsetup luksKillSlot: a troca precisa de uma livre",
            ),
        ),
        Obstacle::FewFreeSlots => (
            (
                "one key slot is free at the most",
                "free some with cryptsetup luksKillSlot; cryptsetup luksDump shows them",
            ),
            (
                "há no máximo uma posição de chave livre",
                "libere algumas com cryptsetup luksKillSlot; cryptsetup luksDump as mostra",
            ),
        ),
        Obstacle::NotEscrowed => (
            ("the agent has no key of its own to it", "chaveiro-agent escrow PATH"),
            ("o agente não tem chave própria para ele", "chaveiro-agent escrow CAMINHO"),
        ),
    }
}

/// What the verbs say; `{}` is filled in.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Text {
    Enrolled,
    NotEnrolled,
    LastSync,
    CertificateExpires,
    Never,
    Synced,
    Escrowed,
    AskPassphrase,
    Left,
    LeftReleased,
    SlotsCleared,
    NothingLeft,
    Error,
    Hint,
}

impl Text {
    pub(crate) fn say(self, lang: Lang, value: &str) -> String {
        let (english, portuguese) = match self {
            Self::Enrolled => ("enrolled at {}", "inscrita em {}"),
            Self::NotEnrolled => (
                "not enrolled; run: chaveiro-agent enroll https://SERVER --token TOKEN",
                "não inscrita; execute: chaveiro-agent enroll https://SERVIDOR --token TOKEN",
            ),
            Self::LastSync => ("last report: {}", "último contato: {}"),
            Self::CertificateExpires => ("certificate ends: {}", "fim do certificado: {}"),
            Self::Never => ("never", "nunca"),
            Self::Synced => ("reported, in {} messages", "contato feito, em {} mensagens"),
            Self::Escrowed => (
                "{} can be recovered from now on; its passcode goes into escrow with the next session",
                "{} pode ser recuperado a partir de agora; seu código vai para a custódia na próxima sessão",
            ),
            Self::AskPassphrase => ("What opens {} now: ", "O que abre {} agora: "),
            Self::Left => (
                "no longer enrolled; key slots of the escrow stay (--release-slots removes them)",
                "não está mais inscrita; as posições de chave da custódia ficam (--release-slots as remove)",
            ),
            Self::LeftReleased => (
                "no longer enrolled; the key slots of the escrow are gone, nobody's own password or slot was touched",
                "não está mais inscrita; as posições de chave da custódia foram removidas, nenhuma senha ou posição de pessoas foi alterada",
            ),
            Self::SlotsCleared => (
                "{}: the key slots of interrupted recoveries are gone",
                "{}: as posições de chave de recuperações interrompidas foram removidas",
            ),
            Self::NothingLeft => {
                ("{}: no recovery left a key slot behind", "{}: nenhuma recuperação deixou posição de chave")
            }
            Self::Error => ("error", "erro"),
            Self::Hint => ("hint", "dica"),
        };
        lang.pick(english, portuguese).replace("{}", value)
    }
}
