//! What goes wrong for a person at the machine, in English and Brazilian Portuguese: what, and after "; " what to do.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;

use chaveiro_device::transport::TransportError;
use omadm::syncml::DecodeError;

use crate::luks::LuksError;
use chaveiro_lang::Lang;

/// An error in words of our own. As an error it is English, as logs are.
#[derive(Debug)]
pub(crate) enum Complaint {
    NotEnrolled,
    EnrolledAlready,
    RootCertificate(PathBuf),
    EnrolmentFailed,
    NotRoot(PathBuf),
    Running,
    EnrolmentDamaged(PathBuf),
    IdentityDamaged,
    NotRemoved(PathBuf),
    Interrupted,
    JournalUnreadable(PathBuf),
    OnlyOurSlots(PathBuf),
    NotLookedAt(PathBuf),
    TokenNeeded,
    TokenFile(PathBuf),
    Expired,
    NotReached(TransportError),
    Status(u16),
    /// The server said so itself, in a session.
    Refused(u16),
    AnswerUnreadable(DecodeError),
    Endless(usize),
    NotTold,
    SlotsKept(PathBuf),
    OpenDisk(PathBuf),
    NoUuid(PathBuf),
    NoVolume,
    PassphraseFile(PathBuf),
    NobodyTypes,
    NoSystem(PathBuf),
}

impl Complaint {
    /// The whole text in that language.
    pub(crate) fn say(&self, lang: Lang) -> String {
        let (english, portuguese) = self.texts();
        lang.pick(english, portuguese).replace("{}", &self.value())
    }

    fn value(&self) -> Cow<'_, str> {
        match self {
            Self::RootCertificate(path)
            | Self::NotRoot(path)
            | Self::EnrolmentDamaged(path)
            | Self::NotRemoved(path)
            | Self::SlotsKept(path)
            | Self::OpenDisk(path)
            | Self::NoUuid(path)
            | Self::PassphraseFile(path)
            | Self::JournalUnreadable(path)
            | Self::OnlyOurSlots(path)
            | Self::NotLookedAt(path)
            | Self::TokenFile(path)
            | Self::NoSystem(path) => path.to_string_lossy(),
            Self::Status(status) | Self::Refused(status) => status.to_string().into(),
            Self::Endless(messages) => messages.to_string().into(),
            _ => "".into(),
        }
    }

    fn texts(&self) -> (&'static str, &'static str) {
        match self {
            Self::NotEnrolled => (
                "this machine is not enrolled; run: chaveiro-agent enroll https://SERVER --token TOKEN",
                "esta máquina não está inscrita; execute: chaveiro-agent enroll https://SERVIDOR --token TOKEN",
            ),
            Self::EnrolledAlready => (
                "this machine is enrolled already; add --again to enrol once more as the same device",
                "esta máquina já está inscrita; acrescente --again para inscrevê-la de novo como o mesmo dispositivo",
            ),
            Self::RootCertificate(_) => (
                "the root certificate {} cannot be read; name a PEM file with --root-certificate",
                "o certificado raiz {} não pode ser lido; indique um arquivo PEM com --root-certificate",
            ),
            Self::EnrolmentFailed => (
                "this machine was not enrolled; see whether the address is right, and whether the token is still unused",
                "esta máquina não foi inscrita; veja se o endereço está certo, e se o token ainda não foi usado",
            ),
            Self::NotRoot(_) => ("{} cannot be opened; run it as root", "{} não pode ser aberto; execute como root"),
            Self::Running => (
                "the agent is running and reports by itself; to do this by hand, first: systemctl stop chaveiro-agent",
                "o agente está em execução e faz contato por si; para fazer isto à mão, antes: systemctl stop chaveiro-agent",
            ),
            Self::EnrolmentDamaged(_) => {
                ("{} is damaged; unenrol and enrol again", "{} está danificado; desfaça a inscrição e inscreva de novo")
            }
            Self::IdentityDamaged => (
                "the identity is not PEM; unenrol and enrol again",
                "a identidade não é PEM; desfaça a inscrição e inscreva de novo",
            ),
            Self::NotRemoved(_) => {
                ("{} cannot be removed; run it as root", "{} não pode ser removido; execute como root")
            }
            Self::Interrupted => (
                "an interrupted recovery could not be taken back; when its cause is gone, run this again with --force",
                "uma recuperação interrompida não pôde ser desfeita; removida a causa, execute de novo com --force",
            ),
            Self::JournalUnreadable(_) => {
                ("the journal {} cannot be read; run it as root", "o diário {} não pode ser lido; execute como root")
            }
            Self::OnlyOurSlots(_) => (
                "nobody has a key slot of {} of their own; add one first: cryptsetup luksAddKey",
                "ninguém tem posição de chave própria em {}; acrescente uma antes: cryptsetup luksAddKey",
            ),
            Self::NotLookedAt(_) => (
                "recoveries would not look at {}; put it into `volumes` of /etc/chaveiro-agent.toml first",
                "as recuperações não olhariam para {}; ponha-o antes em `volumes` de /etc/chaveiro-agent.toml",
            ),
            Self::TokenNeeded => (
                "a token is needed; give --token-file FILE, or - for standard input",
                "é preciso um token; indique --token-file ARQUIVO, ou - para a entrada padrão",
            ),
            Self::TokenFile(_) => (
                "{} cannot be read; name the file with the token with --token-file",
                "{} não pode ser lido; indique com --token-file o arquivo com o token",
            ),
            Self::Expired => (
                "the certificate of this machine has expired; unenrol with --force, then enrol again",
                "o certificado desta máquina expirou; desfaça a inscrição com --force e inscreva de novo",
            ),
            Self::NotReached(_) => {
                ("the server was not reached; try again later", "o servidor não foi alcançado; tente mais tarde")
            }
            Self::Status(_) => (
                "the server answered with HTTP {}; try again later",
                "o servidor respondeu com HTTP {}; tente mais tarde",
            ),
            Self::Refused(_) => (
                "the server refuses this machine with status {}; it was retired or enrolled anew: unenrol, then enrol again",
                "o servidor recusa esta máquina com o status {}; ela foi retirada ou inscrita de novo: desfaça a inscrição e inscreva outra vez",
            ),
            Self::AnswerUnreadable(_) => {
                ("the server's answer is not readable", "a resposta do servidor não é legível")
            }
            Self::Endless(_) => {
                ("the session did not end after {} messages", "a sessão não terminou depois de {} mensagens")
            }
            Self::NotTold => (
                "the server was not told, and nothing was removed; `--force` removes the enrolment here alone",
                "o servidor não foi avisado, e nada foi removido; `--force` remove a inscrição só aqui",
            ),
            Self::SlotsKept(_) => {
                ("the key slots of {} were not removed", "as posições de chave de {} não foram removidas")
            }
            Self::OpenDisk(_) => (
                "{} is not on an encrypted disk, so that the key would lie in the open beside the volume it opens; move it, or accept that with --accept-open-disk",
                "{} não está em um disco cifrado, e a chave ficaria exposta ao lado do volume que ela abre; mude-o de lugar, ou aceite isso com --accept-open-disk",
            ),
            Self::NoUuid(_) => ("{} has no usable UUID", "{} não tem UUID utilizável"),
            Self::NoVolume => (
                "no encrypted volume is configured, nor in /etc/crypttab; put it into `volumes` of /etc/chaveiro-agent.toml",
                "nenhum volume cifrado está configurado, nem em /etc/crypttab; ponha-o em `volumes` de /etc/chaveiro-agent.toml",
            ),
            Self::PassphraseFile(_) => (
                "{} cannot be read; name a file that root can read with --passphrase-file",
                "{} não pode ser lido; indique com --passphrase-file um arquivo que root possa ler",
            ),
            Self::NobodyTypes => (
                "nobody is here to type a passphrase; use --passphrase-file",
                "não há ninguém para digitar uma frase secreta; use --passphrase-file",
            ),
            Self::NoSystem(_) => (
                "{} has no readable etc/passwd; name the top of a Linux system with --root",
                "{} não tem etc/passwd legível; indique com --root o topo de um sistema Linux",
            ),
        }
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.say(Lang::English))
    }
}

impl std::error::Error for Complaint {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NotReached(error) => Some(error),
            Self::AnswerUnreadable(error) => Some(error),
            _ => None,
        }
    }
}

/// An error as a person reads it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Told {
    /// What went wrong, and why.
    pub(crate) what: String,
    /// What to do, the nearest first.
    pub(crate) hints: Vec<String>,
}

/// Tells an error: what is ours in that language, causes that others word as they are.
pub(crate) fn tell(error: &anyhow::Error, lang: Lang) -> Told {
    // A complaint that is the context of another error hides from the chain; anyhow knows the outermost of these.
    let outermost = error.downcast_ref::<Complaint>();
    let (mut whats, mut hints) = (Vec::new(), Vec::new());
    for cause in error.chain() {
        let english = cause.to_string();
        let hidden = || outermost.filter(|complaint| complaint.to_string() == english);
        let of_luks = || cause.downcast_ref::<LuksError>().map(|error| error.say(lang));
        let ours = cause.downcast_ref::<Complaint>().or_else(hidden).map(|complaint| complaint.say(lang));
        let text = ours.or_else(of_luks).unwrap_or(english);
        let (what, hint) = text.split_once("; ").map_or((text.as_str(), None), |(what, hint)| (what, Some(hint)));
        whats.push(what.to_owned());
        hints.extend(hint.map(str::to_owned).filter(|hint| !hints.contains(hint)));
    }
    Told { what: whats.join(": "), hints }
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    fn every() -> Vec<Complaint> {
        let path = || PathBuf::from("/the/path");
        vec![
            Complaint::NotEnrolled,
            Complaint::EnrolledAlready,
            Complaint::RootCertificate(path()),
            Complaint::EnrolmentFailed,
            Complaint::NotRoot(path()),
            Complaint::Running,
            Complaint::EnrolmentDamaged(path()),
            Complaint::IdentityDamaged,
            Complaint::NotRemoved(path()),
            Complaint::Interrupted,
            Complaint::JournalUnreadable(path()),
            Complaint::OnlyOurSlots(path()),
            Complaint::NotLookedAt(path()),
            Complaint::TokenNeeded,
            Complaint::TokenFile(path()),
            Complaint::Expired,
            Complaint::NotReached(TransportError("no route".to_owned())),
            Complaint::Status(503),
            Complaint::Refused(403),
            Complaint::AnswerUnreadable(DecodeError::NotSyncMl),
            Complaint::Endless(50),
            Complaint::NotTold,
            Complaint::SlotsKept(path()),
            Complaint::OpenDisk(path()),
            Complaint::NoUuid(path()),
            Complaint::NoVolume,
            Complaint::PassphraseFile(path()),
            Complaint::NobodyTypes,
            Complaint::NoSystem(path()),
        ]
    }

    #[test]
    fn both_languages_have_the_same_places_and_a_hint_where_the_other_has_one() {
        for complaint in every() {
            let (english, portuguese) = complaint.texts();
            assert_ne!(english, portuguese);
            for part in ["{}", "; "] {
                assert_eq!(english.matches(part).count(), portuguese.matches(part).count(), "{part} in {english}");
            }
            assert_eq!(english.contains("{}"), !complaint.value().is_empty(), "{english}");
        }
    }

    #[test]
    fn what_is_ours_is_in_the_language_at_each_depth_and_what_others_say_stays() {
        let reached = Complaint::NotReached(TransportError("no route".to_owned()));
        let error = anyhow::Error::from(reached).context(Complaint::NotTold);
        let told = tell(&error, Lang::Portuguese);
        assert_eq!(
            told.what,
            "o servidor não foi avisado, e nada foi removido: o servidor não foi alcançado: no route"
        );
        assert_eq!(told.hints, ["`--force` remove a inscrição só aqui", "tente mais tarde"]);
        let told = tell(&error, Lang::English);
        assert!(told.what.ends_with("the server was not reached: no route"), "{told:?}");
        let wrong: Result<(), LuksError> = Err(LuksError::WrongPassphrase(PathBuf::from("/disk")));
        let error = wrong.context(Complaint::SlotsKept(PathBuf::from("/disk"))).expect_err("an error");
        let told = tell(&error, Lang::Portuguese);
        let what = "as posições de chave de /disk não foram removidas: nenhuma posição de chave de /disk abre";
        assert!(told.what.starts_with(what) && told.hints.len() == 1, "{told:?}");
    }

    #[test]
    fn an_error_of_others_is_told_as_it_is() {
        let told = tell(&anyhow::anyhow!("no space left"), Lang::Portuguese);
        assert_eq!(told, Told { what: "no space left".to_owned(), hints: Vec::new() });
    }
}
