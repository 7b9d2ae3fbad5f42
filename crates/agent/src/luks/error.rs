//! What can go wrong with a volume, and what to do about it. No variant holds a secret.

use std::path::PathBuf;

use chaveiro_keyfile::KeyFileError;
use thiserror::Error;

use super::header::HeaderError;
use chaveiro_lang::Lang;

#[derive(Debug, Error)]
pub(crate) enum LuksError {
    #[error("{} cannot be used: {why}; see cryptsetup luksDump {}, which also repairs one copy of the header from the other", volume.display(), volume.display())]
    Header { volume: PathBuf, why: HeaderError },
    #[error("cryptsetup is missing; run: apt-get install cryptsetup-bin")]
    NoCryptsetup,
    #[error("no key slot of {} opens with what was given; give what is typed when the machine starts, without a newline at the end", .0.display())]
    WrongPassphrase(PathBuf),
    #[error("the passphrase or key file is longer than {0} bytes; give one that is shorter")]
    TooLong(usize),
    #[error("the agent has no key that opens {}; run: chaveiro-agent escrow {}", .0.display(), .0.display())]
    NotEscrowed(PathBuf),
    #[error("every key slot of {} is taken, or there is no room for another; free one with cryptsetup luksKillSlot", .0.display())]
    NoFreeSlot(PathBuf),
    #[error("key slot {0} is in use and is left as it is; take a free one")]
    SlotTaken(u8),
    #[error("there is no key slot {0} with a sound area; see cryptsetup luksDump")]
    NoSuchSlot(u8),
    #[error(
        "key slot {0} was not added by a recovery and is left as it is; remove it with cryptsetup luksKillSlot if it should go"
    )]
    NotOurs(u8),
    #[error(
        "key slot {0} is the last one: without it nothing opens the volume; add a passphrase with cryptsetup luksAddKey first"
    )]
    LastSlot(u8),
    #[error("cryptsetup {verb} failed with {code}: {words}; deal with that, then try again")]
    Failed { verb: &'static str, code: i32, words: String },
    #[error(
        "cryptsetup {0} did not end in time and was stopped; see whether the machine is short of memory, then try again"
    )]
    Stuck(&'static str),
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    #[error("{}: {error}", file.display())]
    Io { file: PathBuf, error: std::io::Error },
}

impl LuksError {
    /// The whole text in that language; what other programs and crates say stays as it is.
    pub(crate) fn say(&self, lang: Lang) -> String {
        match lang {
            Lang::English => self.to_string(),
            Lang::Portuguese => self.in_portuguese(),
        }
    }

    fn in_portuguese(&self) -> String {
        match self {
            Self::Header { volume, why } => {
                let (volume, why) = (volume.display(), why.in_portuguese());
                format!(
                    "{volume} não serve: {why}; veja cryptsetup luksDump {volume}, que também conserta uma cópia do cabeçalho a partir da outra"
                )
            }
            Self::NoCryptsetup => "falta o cryptsetup; execute: apt-get install cryptsetup-bin".to_owned(),
            Self::WrongPassphrase(volume) => format!(
                "nenhuma posição de chave de {} abre com o que foi dado; dê o que se digita quando a máquina inicia, sem quebra de linha no fim",
                volume.display()
            ),
            Self::TooLong(bytes) => {
                format!("a frase secreta ou o arquivo de chave tem mais de {bytes} bytes; dê um mais curto")
            }
            Self::NotEscrowed(volume) => {
                let volume = volume.display();
                format!("o agente não tem chave que abra {volume}; execute: chaveiro-agent escrow {volume}")
            }
            Self::NoFreeSlot(volume) => format!(
                "todas as posições de chave de {} estão ocupadas, ou não há espaço para outra; libere uma com cryptsetup luksKillSlot",
                volume.display()
            ),
            Self::SlotTaken(slot) => {
                format!("a posição de chave {slot} está em uso e fica como está; escolha uma livre")
            }
            Self::NoSuchSlot(slot) => {
                format!("não há posição de chave {slot} com área íntegra; veja cryptsetup luksDump")
            }
            Self::NotOurs(slot) => format!(
                "a posição de chave {slot} não é de uma recuperação e fica como está; remova-a com cryptsetup luksKillSlot, se for o caso"
            ),
            Self::LastSlot(slot) => format!(
                "a posição de chave {slot} é a última: sem ela nada abre o volume; acrescente antes uma frase secreta com cryptsetup luksAddKey"
            ),
            Self::Failed { verb, code, words } => {
                format!("cryptsetup {verb} falhou com {code}: {words}; resolva isso e tente de novo")
            }
            Self::Stuck(verb) => format!(
                "cryptsetup {verb} não terminou a tempo e foi interrompido; veja se falta memória à máquina e tente de novo"
            ),
            Self::KeyFile(_) | Self::Io { .. } => self.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_of_ours_has_its_portuguese_with_a_hint_where_the_english_has_one() {
        let volume = || PathBuf::from("/the/volume");
        for error in [
            LuksError::Header { volume: volume(), why: HeaderError::NotLuks },
            LuksError::Header { volume: volume(), why: HeaderError::Version(1) },
            LuksError::Header { volume: volume(), why: HeaderError::Damaged },
            LuksError::NoCryptsetup,
            LuksError::WrongPassphrase(volume()),
            LuksError::TooLong(512),
            LuksError::NotEscrowed(volume()),
            LuksError::NoFreeSlot(volume()),
            LuksError::SlotTaken(7),
            LuksError::NoSuchSlot(7),
            LuksError::NotOurs(7),
            LuksError::LastSlot(7),
            LuksError::Failed { verb: "luksAddKey", code: 1, words: "no".to_owned() },
            LuksError::Stuck("luksAddKey"),
        ] {
            let (english, portuguese) = (error.say(Lang::English), error.say(Lang::Portuguese));
            assert_ne!(english, portuguese);
            for part in ["; ", "/the/volume", "7", "512", "luksAddKey"] {
                assert_eq!(english.matches(part).count(), portuguese.matches(part).count(), "{part} in {english}");
            }
        }
    }
}
