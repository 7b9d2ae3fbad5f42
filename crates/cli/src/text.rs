//! What people read, in English and Brazilian Portuguese: one table. Identifiers stay English.

use chaveiro_lang::Lang;

/// A text; `{}` is filled in, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Text {
    Initialised,
    NextServe,
    NextApp,
    NextToken,
    Serving,
    TenantCreated,
    TenantChanged,
    PasscodesFromNow,
    AppRegistered,
    AppGranted,
    SecretOnce,
    SecretsReplaced,
    SecretRemoved,
    CertificateAdded,
    CertificateRemoved,
    AppRevoked,
    ForeignAppRevoked,
    TokensLiveOn,
    OperatorTokensRevoked,
    AppDeleted,
    LoginCode,
    LoginOperator,
    LoggedIn,
    NotLoggedIn,
    LoggedOut,
    LoggedOutHere,
    SignInApproved,
    Unknown,
    SignInDenied,
    SignInsRevoked,
    ForeignTokensRevoked,
    IssuerRotated,
    AuditRotated,
    KeyProblem,
    RecipientAdded,
    KeyAccepted,
    IngestOnlyOn,
    IngestOnlyOff,
    EnrollToken,
    EnrollHow,
    EnrollHowLinux,
    DeviceRetired,
    DeviceComanaged,
    DeviceTagged,
    RoleAssigned,
    UnknownUser,
    UnknownApplication,
    RoleUnassigned,
    HoldReleased,
    ReadingReleased,
    LocksUntold,
    LocksNotYetTold,
    PasscodeUncertain,
    Accepted,
    Waiting,
    Exported,
    Sound,
    NewestCheckpoint,
    AuditKeyFollowed,
    AuditKeyBroken,
    Continues,
    ClockWentBack,
    SoundUnpinned,
    NotSound,
    HintNotSound,
    RowsSound,
    RowsRemoved,
    RowsAccepted,
    RowsUnsound,
    HintRows,
    TokenOfApplication,
    TokenOfPerson,
    StaysApplication,
    PersonUnlessProven,
    ProveApplications,
    NoForeignApplications,
    Nothing,
    Error,
    Hint,
    NoServer,
    HintServe,
    NoDataDirectory,
    HintInitOrLogin,
    HostAlone,
    HintHost,
    SeveralHolds,
    HintNameHold,
    NoHold,
    HintHolds,
    BackedUp,
    KeysBackedUp,
    KeysNotBackedUp,
    BackupWhole,
    BackupOlderSchema,
    RestoreAccepted,
    RestoreReview,
    MoveAccepted,
    BeforeRestore,
    NothingDoubtful,
    HintSnapshot,
    NotMoved,
    HintNotMoved,
}

/// English, Portuguese; in the order of the enum.
const TABLE: &[(Text, &str, &str)] = &[
    (
        Text::Initialised,
        "The data directory {} is ready. Tenant {} ({}).",
        "O diretório de dados {} está pronto. Locatário {} ({}).",
    ),
    (Text::NextServe, "Run the server:      chaveiro serve --data {}", "Inicie o servidor:   chaveiro serve --data {}"),
    (
        Text::NextApp,
        "Register a program:  chaveiro app register helpdesk --permission DeviceManagementManagedDevices.PrivilegedOperations.All --data {}",
        "Registre um programa: chaveiro app register helpdesk --permission DeviceManagementManagedDevices.PrivilegedOperations.All --data {}",
    ),
    (
        Text::NextToken,
        "Enrol a device:      chaveiro device enroll-token --data {}",
        "Inscreva um dispositivo: chaveiro device enroll-token --data {}",
    ),
    (
        Text::Serving,
        "Graph on {}, devices on {}. Stop with Ctrl+C.",
        "Graph em {}, dispositivos em {}. Pare com Ctrl+C.",
    ),
    (Text::TenantCreated, "Tenant {} was made: {}.", "O locatário {} foi criado: {}."),
    (Text::TenantChanged, "Tenant {} was changed.", "O locatário {} foi alterado."),
    (
        Text::PasscodesFromNow,
        "Linux devices make passcodes of {} bits of entropy from now on.",
        "A partir de agora os dispositivos Linux criam códigos com {} bits de entropia.",
    ),
    (
        Text::AppRegistered,
        "Application {} was registered. Client id: {}",
        "A aplicação {} foi registrada. Id de cliente: {}",
    ),
    (
        Text::AppGranted,
        "{} may do this, and nothing else.\n  As itself:  {}\n  For people: {}\nIts tokens follow within the hour, or at once with: chaveiro app revoke {}",
        "{} pode isto, e nada mais.\n  Por si:       {}\n  Por pessoas:  {}\nOs tokens dela seguem dentro de uma hora, ou já, com: chaveiro app revoke {}",
    ),
    (
        Text::SecretOnce,
        "Client secret, shown this once, valid until {}: {}",
        "Segredo do cliente, mostrado só agora, válido até {}: {}",
    ),
    (
        Text::SecretsReplaced,
        "The older secrets of {} were taken away.",
        "Os segredos anteriores de {} foram retirados.",
    ),
    (Text::SecretRemoved, "The secret was taken away from {}.", "O segredo foi retirado de {}."),
    (
        Text::CertificateAdded,
        "The certificate {} was registered. Thumbprint {}, valid until {}.",
        "O certificado {} foi registrado. Impressão digital {}, válido até {}.",
    ),
    (Text::CertificateRemoved, "The certificate was taken away.", "O certificado foi retirado."),
    (
        Text::AppRevoked,
        "Every token of {} that was given until now has ended. Its clients fetch new ones, if they still can.",
        "Todo token de {} dado até agora foi encerrado. Os clientes dela buscam novos, se ainda puderem.",
    ),
    (
        Text::ForeignAppRevoked,
        "No application {} is registered here. Tokens of other issuers for it that were given until now have ended.",
        "Nenhuma aplicação {} está registrada aqui. Os tokens de outros emissores para ela, dados até agora, foram encerrados.",
    ),
    (
        Text::TokensLiveOn,
        "Tokens that were given with it live for up to an hour. If somebody else may have one: chaveiro app revoke {}",
        "Os tokens dados com ele valem por até uma hora. Se outra pessoa puder ter um: chaveiro app revoke {}",
    ),
    (
        Text::OperatorTokensRevoked,
        "Every operator token of {} that is out has ended.",
        "Todo token de operador de {} já emitido foi encerrado.",
    ),
    (
        Text::AppDeleted,
        "The application was removed, and its tokens have ended.",
        "A aplicação foi removida, e os tokens dela foram encerrados.",
    ),
    (Text::LoginCode, "Open {} and enter the code {}.", "Abra {} e digite o código {}."),
    (
        Text::LoginOperator,
        "An operator of the server vouches for you with: chaveiro sign-in approve {} --user YOU. Waiting …",
        "Um operador do servidor responde por você com: chaveiro sign-in approve {} --user VOCÊ. Aguardando …",
    ),
    (Text::LoggedIn, "{} is signed in to {}.", "{} entrou em {}."),
    (Text::NotLoggedIn, "Nobody is signed in here.", "Ninguém está com sessão aberta aqui."),
    (Text::LoggedOut, "Signed out of {}.", "Sessão encerrada em {}."),
    (
        Text::LoggedOutHere,
        "The session of {} is gone here, but the server could not be told ({}). It ends there by itself, some time after its last use.",
        "A sessão de {} foi apagada aqui, mas o servidor não pôde ser avisado ({}). Lá ela termina sozinha, algum tempo após o último uso.",
    ),
    (
        Text::SignInApproved,
        "{} may sign in. {} asked for it, from the address {}, at {}.",
        "{} pode entrar. {} pediu a entrada, do endereço {}, em {}.",
    ),
    (Text::Unknown, "unknown", "desconhecido"),
    (Text::SignInDenied, "The sign-in with the code {} was denied.", "A entrada com o código {} foi negada."),
    (
        Text::SignInsRevoked,
        "{} is signed out. Sign-ins ended: {}. Every access token has ended, too.",
        "{} está sem sessão. Entradas encerradas: {}. Todos os tokens de acesso também foram encerrados.",
    ),
    (
        Text::ForeignTokensRevoked,
        "Every token that names a person {} and was given until now has ended. End her sign-in at her issuer, too.",
        "Todo token que chama uma pessoa de {} e foi dado até agora foi encerrado. Encerre também a entrada dela no emissor.",
    ),
    (
        Text::IssuerRotated,
        "Tokens are signed with key {} from now on.",
        "Os tokens passam a ser assinados com a chave {}.",
    ),
    (
        Text::AuditRotated,
        "Checkpoints are signed with {} from now on, and the key before it vouches for it. Tell your auditors.",
        "Os pontos de verificação passam a ser assinados com {}, e a chave anterior responde por ela. Avise os auditores.",
    ),
    (Text::KeyProblem, "Problem: {}", "Problema: {}"),
    (
        Text::RecipientAdded,
        "Passcodes sealed from now on also open with key {}.",
        "Códigos selados a partir de agora também abrem com a chave {}.",
    ),
    (
        Text::KeyAccepted,
        "The key {} that is in place now is the one of this database. This is recorded.",
        "A chave {} que está no lugar agora é a deste banco. Isso fica registrado.",
    ),
    (
        Text::IngestOnlyOn,
        "The private escrow key of {} may be kept elsewhere from now on: move {} there.",
        "A chave privada da custódia de {} pode ficar em outro lugar a partir de agora: mova {} para lá.",
    ),
    (
        Text::IngestOnlyOff,
        "The private escrow key of {} is here: {}.",
        "A chave privada da custódia de {} está aqui: {}.",
    ),
    (
        Text::EnrollToken,
        "Enrolment token, shown this once, valid until {}: {}",
        "Token de inscrição, mostrado só agora, válido até {}: {}",
    ),
    (
        Text::EnrollHow,
        "On Windows: Settings, Accounts, Access work or school, Enroll only in device management; server {}, this token as the password.",
        "No Windows: Configurações, Contas, Acessar trabalho ou escola, Registrar somente no gerenciamento de dispositivo; servidor {}, este token como senha.",
    ),
    (
        Text::EnrollHowLinux,
        "On Linux: sudo chaveiro-agent enroll {} --token-file - --root-certificate root.pem, and the token typed.",
        "No Linux: sudo chaveiro-agent enroll {} --token-file - --root-certificate root.pem, e o token digitado.",
    ),
    (
        Text::DeviceRetired,
        "The device was retired. Its record and escrow are kept.",
        "O dispositivo foi aposentado. Seu registro e sua custódia são mantidos.",
    ),
    (Text::DeviceComanaged, "Saved: comanaged is {}.", "Salvo: comanaged é {}."),
    (Text::DeviceTagged, "Saved: its scope tags are {}.", "Salvo: as etiquetas de escopo dele são {}."),
    (Text::RoleAssigned, "Assigned: {} to {} ({}).", "Atribuído: {} a {} ({})."),
    (
        Text::UnknownUser,
        "No user {} is known here; the role counts when an issuer names her so.",
        "Nenhum usuário {} é conhecido aqui; o papel vale quando um emissor o nomear assim.",
    ),
    (
        Text::UnknownApplication,
        "No application {} is known here; the role counts when an issuer names it so.",
        "Nenhuma aplicação {} é conhecida aqui; o papel vale quando um emissor a nomear assim.",
    ),
    (Text::RoleUnassigned, "The assignment was taken back.", "A atribuição foi retirada."),
    (
        Text::HoldReleased,
        "The hold since {} was released; recoveries are possible again.",
        "A retenção desde {} foi liberada; recuperações voltam a ser possíveis.",
    ),
    (
        Text::ReadingReleased,
        "The hold on reading since {} was released; passcodes can be read again.",
        "A retenção da leitura desde {} foi liberada; as senhas voltam a poder ser lidas.",
    ),
    (
        Text::LocksUntold,
        "{} ({}) does not say beforehand what can be recovered; only Linux devices do.",
        "{} ({}) não diz de antemão o que pode ser recuperado; só dispositivos Linux dizem.",
    ),
    (
        Text::LocksNotYetTold,
        "{} ({}) has not said yet what can be recovered; it does in every session.",
        "{} ({}) ainda não disse o que pode ser recuperado; ele o diz em cada sessão.",
    ),
    (
        Text::PasscodeUncertain,
        "Warning: it is not certain that the passcode marked uncertain opens the device. Try it, and the one before; otherwise recover again.",
        "Aviso: não é certo que o código marcado como incerto abra o dispositivo. Tente-o, e o anterior; senão, recupere de novo.",
    ),
    (
        Text::Accepted,
        "Accepted: the passcode of {} will be recovered when the device comes in.",
        "Aceito: o código de {} será recuperado quando o dispositivo se conectar.",
    ),
    (Text::Waiting, "Waiting for the device …", "Aguardando o dispositivo …"),
    (Text::Exported, "{} events, {} checkpoints.", "{} eventos, {} pontos de verificação."),
    (
        Text::Sound,
        "The record is sound: {} events from {} to {}, {} checkpoints, signed through event {}.",
        "O registro está íntegro: {} eventos de {} a {}, {} pontos de verificação, assinado até o evento {}.",
    ),
    (
        Text::NewestCheckpoint,
        "Newest checkpoint, to keep where the server's operators cannot write: {}",
        "Ponto de verificação mais novo, a guardar onde os operadores do servidor não escrevem: {}",
    ),
    (
        Text::AuditKeyFollowed,
        "The key was followed on {} by {}; the older key signed that.",
        "A chave foi sucedida em {} por {}; a chave anterior assinou isso.",
    ),
    (
        Text::AuditKeyBroken,
        "The key was replaced on {} by {}, and no older key vouches for that.",
        "A chave foi substituída em {} por {}, e nenhuma chave anterior responde por isso.",
    ),
    (
        Text::Continues,
        "It continues the earlier record, which reached event {}.",
        "Ele continua o registro anterior, que chegava ao evento {}.",
    ),
    (
        Text::ClockWentBack,
        "The server's clock was set back before event {}.",
        "O relógio do servidor foi atrasado antes do evento {}.",
    ),
    (
        Text::SoundUnpinned,
        "The key is the export's own claim ({}). Give --key to be sure of its origin.",
        "A chave é a que a própria exportação declara ({}). Informe --key para ter certeza da origem.",
    ),
    (Text::NotSound, "the record is NOT sound: {}", "o registro NÃO está íntegro: {}"),
    (
        Text::HintNotSound,
        "keep this file as evidence, export again, and compare both with what was kept: --since",
        "guarde este arquivo como prova, exporte de novo, e compare ambos com o que foi guardado: --since",
    ),
    (Text::RowsSound, "Every row that grants rights verifies.", "Toda linha que concede direitos confere."),
    (Text::RowsRemoved, "Rows that were removed: {}.", "Linhas removidas: {}."),
    (Text::RowsAccepted, "Rows that were accepted as they stand: {}.", "Linhas aceitas como estão: {}."),
    (
        Text::RowsUnsound,
        "{} rows were changed by another program; they grant nothing",
        "{} linhas foram alteradas por outro programa; elas não concedem nada",
    ),
    (
        Text::HintRows,
        "find out who wrote the database, then: chaveiro audit rows --remove, and --accept for what is left",
        "descubra quem escreveu no banco, depois: chaveiro audit rows --remove, e --accept para o que restar",
    ),
    (
        Text::TokenOfApplication,
        "The token counts as an application's: {}. Its subject is {}.",
        "O token conta como de uma aplicação: {}. O titular é {}.",
    ),
    (
        Text::TokenOfPerson,
        "The token counts as a person's, through the application {}. Its subject is {}; a person needs a role.\nIf it is the application itself, name that subject in application-subjects of the issuer (docs/identity.md).",
        "O token conta como de uma pessoa, pela aplicação {}. O titular é {}; uma pessoa precisa de um papel.\nSe é a própria aplicação, indique esse titular em application-subjects do emissor (docs/identity.md).",
    ),
    (Text::StaysApplication, "an application: registered here", "uma aplicação: registrada aqui"),
    (Text::PersonUnlessProven, "a person, unless proven", "uma pessoa, salvo prova"),
    (
        Text::ProveApplications,
        "Not registered here are applications of other issuers, and clients through which people acted whom the record did not tell apart. What only read devices is in no record.\nFor each application that acts by itself: let Entra ID write the claim idtyp, or name its subject in application-subjects (docs/identity.md).\nLook at one of its tokens with: chaveiro doctor tokens --token FILE",
        "Não registradas aqui são aplicações de outros emissores, e clientes pelos quais agiram pessoas que o registro não distinguiu. Quem só leu dispositivos não está em registro algum.\nPara cada aplicação que age por si: faça o Entra ID escrever a claim idtyp, ou indique o titular dela em application-subjects (docs/identity.md).\nOlhe um token dela com: chaveiro doctor tokens --token ARQUIVO",
    ),
    (
        Text::NoForeignApplications,
        "No application of another issuer acted here or has a role.",
        "Nenhuma aplicação de outro emissor agiu aqui nem tem papel.",
    ),
    (Text::Nothing, "There is nothing to list.", "Não há nada para listar."),
    (Text::Error, "error", "erro"),
    (Text::Hint, "hint", "dica"),
    (Text::NoServer, "no server runs on this data directory", "nenhum servidor usa este diretório de dados"),
    (Text::HintServe, "start it with: chaveiro serve", "inicie-o com: chaveiro serve"),
    (Text::NoDataDirectory, "the data directory {} does not exist", "o diretório de dados {} não existe"),
    (
        Text::HintInitOrLogin,
        "make it with: chaveiro init --data {}, or sign in to a server with: chaveiro login --server URL",
        "crie-o com: chaveiro init --data {}, ou entre num servidor com: chaveiro login --server URL",
    ),
    (
        Text::HostAlone,
        "this verb works on the server's host alone",
        "este verbo só funciona na máquina do próprio servidor",
    ),
    (
        Text::HintHost,
        "run it there, or name its data directory with --data",
        "execute-o lá, ou indique o diretório de dados dele com --data",
    ),
    (Text::SeveralHolds, "several holds stand", "há várias retenções"),
    (
        Text::HintNameHold,
        "name one by its id: chaveiro hold release ID; see: chaveiro hold list",
        "indique uma pelo id: chaveiro hold release ID; veja: chaveiro hold list",
    ),
    (Text::NoHold, "nothing is on hold", "nada está retido"),
    (Text::HintHolds, "see: chaveiro hold list", "veja: chaveiro hold list"),
    (Text::BackedUp, "The backup {} is whole: {}, up to commit {}.", "O backup {} está inteiro: {}, até o commit {}."),
    (
        Text::KeysBackedUp,
        "The keys were copied to {}. Keep them where the backup is not: together they open passcodes.",
        "As chaves foram copiadas para {}. Guarde-as longe do backup: juntos eles abrem senhas.",
    ),
    (
        Text::KeysNotBackedUp,
        "The keys are not in it. Copy them to another place once, with: --keys DIR",
        "As chaves não estão nele. Copie-as uma vez para outro lugar, com: --keys DIR",
    ),
    (
        Text::BackupWhole,
        "The backup {} is whole. Made {}, {} ago. {} tenants, {} audit events, every link right.",
        "O backup {} está inteiro. Feito em {}, há {}. {} locatários, {} eventos de auditoria, cada elo correto.",
    ),
    (
        Text::BackupOlderSchema,
        "Its schema has version {}; it is brought to version {} when it is restored.",
        "O esquema dele é da versão {}; passa à versão {} quando for restaurado.",
    ),
    (
        Text::RestoreAccepted,
        "Accepted. {} results are marked as of before the restore; {} sign-ins, {} enrolment tokens and {} disclosure windows have ended, and every token.",
        "Aceito. {} resultados ficaram marcados como anteriores à restauração; {} sessões, {} tokens de inscrição e {} janelas de leitura terminaram, e todo token.",
    ),
    (
        Text::RestoreReview,
        "Now look at what may have come back: chaveiro app list, chaveiro role assignments, chaveiro device list. Then start the server.",
        "Agora veja o que pode ter voltado: chaveiro app list, chaveiro role assignments, chaveiro device list. Depois inicie o servidor.",
    ),
    (
        Text::MoveAccepted,
        "Accepted as moved. Nothing is marked, and nothing has ended.",
        "Aceito como movido. Nada foi marcado, e nada terminou.",
    ),
    (
        Text::BeforeRestore,
        "This result is of before the restore of {}. The device may have another passcode since; recover it again to be sure.",
        "Este resultado é anterior à restauração de {}. O dispositivo pode ter outra senha desde então; recupere-a de novo para ter certeza.",
    ),
    (
        Text::NothingDoubtful,
        "the database is the newest state that was promised",
        "o banco é o estado mais novo que foi prometido",
    ),
    (
        Text::HintSnapshot,
        "there is nothing to accept, unless the whole machine was set back; then add --snapshot",
        "não há o que aceitar, a menos que a máquina inteira tenha voltado a um estado anterior; então acrescente --snapshot",
    ),
    (Text::NotMoved, "the data directory was not only moved: {}", "o diretório de dados não foi só movido: {}"),
    (
        Text::HintNotMoved,
        "put the newest copy in its place, or accept it without --moved",
        "ponha a cópia mais nova no lugar, ou aceite-o sem --moved",
    ),
];

impl Text {
    /// The text in that language, with its places filled in.
    pub(crate) fn say(self, lang: Lang, places: &[&str]) -> String {
        let (_, english, portuguese) = TABLE[self as usize];
        let template = lang.pick(english, portuguese);
        let mut places = places.iter();
        let mut parts = template.split("{}");
        let mut text = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            text.push_str(places.next().unwrap_or(&""));
            text.push_str(part);
        }
        text
    }
}

/// Titles of tables, English and Portuguese.
const TITLES: &[(&str, &str)] = &[
    ("Id", "Id"),
    ("Name", "Nome"),
    ("Uncertain", "Incerto"),
    ("Licence", "Licença"),
    ("Entra tenant", "Locatário Entra"),
    ("Key", "Chave"),
    ("Fingerprint", "Impressão digital"),
    ("Problem", "Problema"),
    ("Line", "Linha"),
    ("Setting", "Ajuste"),
    ("Value", "Valor"),
    ("Client id", "Id de cliente"),
    ("Permissions", "Permissões"),
    ("Delegated", "Delegadas"),
    ("Public", "Pública"),
    ("Secrets", "Segredos"),
    ("Certificates", "Certificados"),
    ("Secret", "Segredo"),
    ("Begins with", "Começa com"),
    ("Made", "Criado"),
    ("Ends", "Termina"),
    ("Certificate", "Certificado"),
    ("Subject", "Titular"),
    ("Registered", "Registrado"),
    ("System", "Sistema"),
    ("User", "Usuário"),
    ("State", "Estado"),
    ("Last sync", "Última sincronização"),
    ("Action", "Ação"),
    ("Outcome", "Desfecho"),
    ("Device status", "Status do dispositivo"),
    ("Passcode", "Senha"),
    ("Withheld", "Retida por"),
    ("Updated", "Atualizado"),
    ("Opens", "Abre"),
    ("Reason", "Motivo"),
    ("Since", "Desde"),
    ("After", "Após"),
    ("Caused by", "Causada por"),
    ("Released", "Liberada"),
    ("By", "Por"),
    ("Role", "Papel"),
    ("For", "Para"),
    ("Kind", "Tipo"),
    ("Tags", "Etiquetas"),
    ("Code, state", "Código, estado"),
    ("Begun, ends", "Início, término"),
    ("Application, user, address", "Aplicação, usuário, endereço"),
    ("Table", "Tabela"),
    ("Row", "Linha"),
    ("Tenant", "Locatário"),
    ("Before restore", "Antes da restauração"),
    ("Events", "Eventos"),
    ("Last event", "Último evento"),
    ("Counts as", "Conta como"),
];

/// What roles are for, English and Portuguese.
const ROLES_ABOUT: &[(&str, &str)] = &[
    ("Everything but break-glass, which is assigned by itself", "Tudo, menos quebrar o vidro, que se atribui à parte"),
    ("Roles and applications; neither devices nor passcodes", "Papéis e aplicações; nem dispositivos nem senhas"),
    ("Find a device, recover its passcode, read it out", "Achar um dispositivo, recuperar a senha dele, ditá-la"),
    (
        "As the help desk, and change what is written about devices",
        "Como o suporte, e mudar o que está escrito sobre dispositivos",
    ),
    ("See devices, scripts and the audit record", "Ver dispositivos, scripts e o registro de auditoria"),
    ("Ask for recoveries; somebody else reads the passcode", "Pedir recuperações; outra pessoa lê a senha"),
    ("Read passcodes that somebody else asked for", "Ler senhas que outra pessoa pediu"),
    ("Look at what happened and release a hold; no passcodes", "Ver o que houve e liberar uma retenção; sem senhas"),
    (
        "As the help desk, and pass a hold for one device with a reason; always alerted",
        "Como o suporte, e passar por uma retenção para um dispositivo, com motivo; sempre alertado",
    ),
];

/// The title of a column in that language; those that are not ours stay as they are.
pub(crate) fn title_in(lang: Lang, title: &str) -> &str {
    found(TITLES, lang, title)
}

/// What a role is for, in that language.
pub(crate) fn role_about(lang: Lang, about: &str) -> &str {
    found(ROLES_ABOUT, lang, about)
}

fn found<'a>(table: &[(&'static str, &'static str)], lang: Lang, english: &'a str) -> &'a str {
    let row = table.iter().find(|(known, _)| *known == english);
    row.map_or(english, |(_, portuguese)| lang.pick(english, portuguese))
}

/// What is wrong and what to do, in the language of the reader. Others print it in English.
#[derive(Debug)]
pub(crate) struct Complaint {
    what: Text,
    hint: Text,
    place: String,
}

impl Complaint {
    /// With what fills the places of both.
    pub(crate) fn new(what: Text, hint: Text, place: &str) -> Self {
        Self { what, hint, place: place.to_owned() }
    }

    pub(crate) fn no_server() -> Self {
        Self::new(Text::NoServer, Text::HintServe, "")
    }

    pub(crate) fn several_holds() -> Self {
        Self::new(Text::SeveralHolds, Text::HintNameHold, "")
    }

    pub(crate) fn no_hold() -> Self {
        Self::new(Text::NoHold, Text::HintHolds, "")
    }

    /// In that language, parted as all errors are.
    pub(crate) fn say(&self, lang: Lang) -> String {
        format!("{}; {}", self.what.say(lang, &[&self.place]), self.hint.say(lang, &[&self.place]))
    }
}

impl std::fmt::Display for Complaint {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.say(Lang::English))
    }
}

impl std::error::Error for Complaint {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_and_every_title_of_a_table_has_its_portuguese() {
        for role in chaveiro_core::role::ROLES {
            assert_ne!(role_about(Lang::Portuguese, role.about), role.about);
        }
        let verbs = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/verbs")).expect("the sources");
        let mut titles = 0;
        for file in verbs {
            let source = std::fs::read_to_string(file.expect("an entry").path()).expect("text");
            // A column is written ("Title", "member"), a setting ("--flag", "member", "unit").
            for part in source.split("(\"").skip(1) {
                let mut words = part.splitn(4, '"');
                let (title, comma, _, rest) = (words.next(), words.next(), words.next(), words.next());
                let column = comma == Some(", ") && rest.is_some_and(|rest| rest.starts_with(')'));
                let Some(title) = title.filter(|title| column && title.starts_with(char::is_uppercase)) else {
                    continue;
                };
                assert!(TITLES.iter().any(|(english, _)| *english == title), "{title} has no Portuguese");
                titles += 1;
            }
        }
        assert!(titles > 40, "{titles}");
    }

    #[test]
    fn every_text_stands_at_its_place_and_both_languages_have_the_same_places() {
        for (index, (text, english, portuguese)) in TABLE.iter().enumerate() {
            assert_eq!(*text as usize, index);
            assert_eq!(english.matches("{}").count(), portuguese.matches("{}").count(), "{english}");
        }
        assert_eq!(Text::HintNotMoved as usize + 1, TABLE.len());
    }
}
