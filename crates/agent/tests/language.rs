//! What `chaveiro-agent` says to a person in English and in Brazilian Portuguese, and to machines.

use std::process::{Command, Output};

use serde_json::Value;

/// In a system and with a state of nothing, so that no verb but the help succeeds.
fn agent(language: [&str; 2], arguments: &[&str]) -> (i32, String, String) {
    let nothing = tempfile::tempdir().expect("a directory");
    let mut command = Command::new(env!("CARGO_BIN_EXE_chaveiro-agent"));
    command.env_remove("CHAVEIRO_LANG").env_remove("LC_ALL").env_remove("LC_MESSAGES").env("LANG", "C.UTF-8");
    let command = command.env(language[0], language[1]).arg("--state").arg(nothing.path().join("state"));
    let Output { status, stdout, stderr } =
        command.arg("--root").arg(nothing.path()).args(arguments).output().expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (status.code().expect("a code"), text(stdout), text(stderr))
}

const ENGLISH: [&str; 2] = ["LC_ALL", "C.UTF-8"];

#[test]
fn help_is_in_the_language_of_the_flag_the_variable_or_the_system() {
    let asked = [
        (ENGLISH, &["--help", "--lang", "pt"][..]),
        (ENGLISH, &["--lang=pt-BR", "--help"]),
        (["CHAVEIRO_LANG", "pt"], &["--help"]),
        (["LC_ALL", "pt_BR.UTF-8"], &["--help"]),
    ];
    for (language, arguments) in asked {
        let (code, help, _) = agent(language, arguments);
        assert_eq!(code, 0, "{help}");
        for words in ["O lado do dispositivo", "Uso: chaveiro-agent", "Comandos:", "Inscreve esta máquina", "Opções:"]
        {
            assert!(help.contains(words), "{words} in {help}");
        }
    }
    let (_, help, _) = agent(ENGLISH, &["--help"]);
    assert!(help.contains("The device end of Chaveiro") && help.contains("Usage:"), "{help}");
}

#[test]
fn the_help_of_a_verb_and_the_manual_page_are_portuguese_too() {
    let (_, help, _) = agent(ENGLISH, &["escrow", "--help", "--lang", "pt"]);
    for words in ["Precisa de algo que abra o volume agora", "Exemplo:", "Argumentos:", "Mostra esta ajuda"] {
        assert!(help.contains(words), "{words} in {help}");
    }
    let (code, page, _) = agent(ENGLISH, &["man", "--lang", "pt"]);
    assert!(code == 0 && page.contains("Inscreve esta"), "{page}");
}

#[test]
fn an_error_says_what_and_on_a_line_of_its_own_what_to_do() {
    let (code, out, told) = agent(ENGLISH, &["sync"]);
    assert_eq!((code, out.as_str()), (2, ""));
    let hint = "hint: run the line that `chaveiro device enroll-token` prints on the server, or: chaveiro-agent enroll https://SERVER\n";
    assert_eq!(told, format!("error: this machine is not enrolled\n{hint}"));
    let (code, _, told) = agent(ENGLISH, &["sync", "--lang", "pt"]);
    assert_eq!(code, 2);
    let hint = "dica: execute a linha que `chaveiro device enroll-token` mostra no servidor, ou: chaveiro-agent enroll https://SERVIDOR\n";
    assert_eq!(told, format!("erro: esta máquina não está inscrita\n{hint}"));
}

#[test]
fn a_cause_of_the_system_is_told_in_the_language_with_its_words_and_number() {
    let (code, _, told) = agent(["CHAVEIRO_LANG", "pt"], &["escrow", "/disk", "--passphrase-file", "/nowhere/key"]);
    assert_eq!(code, 2);
    assert!(
        told.starts_with("erro: /nowhere/key não pode ser lido: não existe (No such file or directory, os error 2)"),
        "{told}"
    );
    assert!(told.contains("\ndica: indique com --passphrase-file"), "{told}");
}

#[test]
fn machines_are_told_the_same_in_every_language() {
    for language in ["en", "pt"] {
        let (code, _, told) = agent(ENGLISH, &["sync", "--json", "--lang", language]);
        let told: Value = serde_json::from_str(&told).expect("JSON");
        assert_eq!(code, 2);
        assert!(told["error"].as_str().expect("text").contains("not enrolled; run the line that"), "{told}");
    }
}
