//! Says a message and tells an error in every language: `cargo run -p chaveiro-lang --example every_language`.

use chaveiro_lang::{Lang, tell, tell_machines, text};

fn main() {
    let created = text!("tenant-created", tenant = "Contoso", id = "9c1f");
    let unknown = text!("role-unknown", role = "sheriff").into();
    for lang in Lang::all() {
        let told = tell(&unknown, lang, |_| None);
        println!("{}: {} {}; {}", lang.tag(), created.say(lang), told.what, told.hints.join("; "));
    }
    let portuguese = Lang::choose(Some("pt_BR.UTF-8"));
    assert_eq!(portuguese.tag(), "pt-BR");
    assert_ne!(created.say(portuguese), created.say(Lang::english()));
    // Logs and machines read English, and a code that stays when the words change.
    assert_eq!(created.to_string(), "Tenant Contoso was made: 9c1f.");
    let machines = tell_machines(&unknown, |_| None);
    assert_eq!((&machines["code"], &machines["arguments"]["role"]), (&"role-unknown".into(), &"sheriff".into()));
}
