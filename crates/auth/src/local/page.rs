//! The few pages that people see here: plain HTML, no script, English or Brazilian Portuguese by `Accept-Language`.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chaveiro_core::Timestamp;
use chaveiro_core::application::Application;
use chaveiro_core::digest::sha256;
use chaveiro_core::sign_in::{SignIn, plain_code, spoken_code};
use http::{StatusCode, header};

use super::error::meaning;
use super::grants::find_application;
use super::http::{Endpoint, query};

const STYLE: &str = "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem}\
    code{font-size:1.2em}input,button{font:inherit;padding:.3rem .6rem}";

/// English, Portuguese.
type Both = (&'static str, &'static str);

const SIGN_IN: Both = ("Sign in", "Entrar");
const CODE: Both = ("The code that the program shows:", "O código que o programa mostra:");
const NEXT: Both = ("Continue", "Continuar");
const NOTHING_WAITS: Both = (
    "No sign-in waits under this code. It may be over, or decided already. Look at the program and begin again if needed.",
    "Nenhuma entrada aguarda sob este código. Ele pode ter expirado ou já ter sido decidido. Olhe o programa e comece de novo se preciso.",
);
const ASKS: Both = ("This program asks to act for you:", "Este programa pede para agir em seu nome:");
const FROM: Both = ("The request came from the address", "O pedido veio do endereço");
const UNKNOWN: Both = ("unknown", "desconhecido");
const SINCE: Both = ("Asked at", "Pedido às");
const UNTIL: Both = ("waits until", "espera até");
const IF_YOU: Both = (
    "If you started it yourself, a moment ago: give an operator of this server this code, in person or in a call that you began. She runs",
    "Se foi você que o iniciou, há instantes: passe este código a um operador deste servidor, pessoalmente ou numa ligação que você fez. Ele executa",
);
const IF_NOT: Both = (
    "If somebody sent you this code or this page: do nothing, and tell your help desk. Whoever sent it would act in your name.",
    "Se alguém lhe enviou este código ou esta página: não faça nada e avise o suporte. Quem o enviou agiria em seu nome.",
);
const NO_BROWSER: Both = ("There is no sign-in in the browser here", "Aqui não se entra pelo navegador");
const NO_BROWSER_TEXT: Both = (
    "This server keeps no passwords. Use the device code flow of your program (DeviceCodeCredential, chaveiro login), or an identity provider that the server trusts.",
    "Este servidor não guarda senhas. Use o fluxo de código de dispositivo do seu programa (DeviceCodeCredential, chaveiro login) ou um provedor de identidade em que o servidor confie.",
);
const SIGN_OUT: Both = ("Sign out", "Sair");
const SIGN_OUT_TEXT: Both = (
    "The browser is not signed in here, so there is nothing to end. Sign out in the program: chaveiro logout.",
    "O navegador não está com sessão aberta aqui; não há o que encerrar. Saia no programa: chaveiro logout.",
);
const ERROR: Both = ("What an error means", "O que um erro significa");
const UNKNOWN_ERROR: Both = ("This server has no error of that number.", "Este servidor não tem erro com esse número.");

pub(super) async fn device_login(State(endpoint): State<Arc<Endpoint>>, request: Request) -> Response {
    let say = language(&request);
    let typed = query(request.uri().query(), "otc").unwrap_or_default();
    let plain = plain_code(&typed);
    if plain.is_empty() {
        let form = format!(
            "<form action=\"/devicelogin\"><label>{} <input name=\"otc\" autocomplete=\"off\" autofocus></label> <button>{}</button></form>",
            say(CODE),
            say(NEXT)
        );
        return page(StatusCode::OK, say(SIGN_IN), &form);
    }
    let (code, now) = (spoken_code(&plain), endpoint.now());
    let found = endpoint.store.read(move |view| {
        let Some(sign_in) = view.sign_in_by_code(&plain)?.filter(|sign_in| sign_in.is_waiting(now)) else {
            return Ok(None);
        };
        let application = find_application(view, sign_in.tenant, sign_in.application)?;
        Ok(application.map(|application| (sign_in, application)))
    });
    match found.await {
        Ok(Some((sign_in, application))) => {
            page(StatusCode::OK, say(SIGN_IN), &waiting(say, &code, &application, &sign_in))
        }
        Ok(None) => page(StatusCode::NOT_FOUND, say(SIGN_IN), &format!("<p>{}</p>", say(NOTHING_WAITS))),
        Err(error) => {
            tracing::error!(%error, "a sign-in was not read");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

fn waiting(say: fn(Both) -> &'static str, code: &str, application: &Application, sign_in: &SignIn) -> String {
    let time = |at: Timestamp| at.strftime("%H:%M:%S UTC").to_string();
    format!(
        "<p>{} <strong>{}</strong> (<code>{}</code>). {} <strong>{}</strong>. {} {}, {} {}.</p><p>{}</p>\
        <p><code>chaveiro sign-in approve {code} --user …</code></p><p><strong>{}</strong></p>",
        say(ASKS),
        escaped(&application.display_name),
        application.id,
        say(FROM),
        sign_in.address.map_or_else(|| say(UNKNOWN).to_owned(), |address| address.to_string()),
        say(SINCE),
        time(sign_in.created),
        say(UNTIL),
        time(sign_in.expires),
        say(IF_YOU),
        say(IF_NOT),
    )
}

pub(super) async fn no_browser_sign_in(request: Request) -> Response {
    let say = language(&request);
    page(StatusCode::BAD_REQUEST, say(NO_BROWSER), &format!("<p>{}</p>", say(NO_BROWSER_TEXT)))
}

pub(super) async fn sign_out(request: Request) -> Response {
    let say = language(&request);
    page(StatusCode::OK, say(SIGN_OUT), &format!("<p>{}</p>", say(SIGN_OUT_TEXT)))
}

/// Where `error_uri` leads. The meanings are what programs get too, in English.
pub(super) async fn error(request: Request) -> Response {
    let say = language(&request);
    let code = query(request.uri().query(), "code").and_then(|code| code.parse().ok());
    match code.and_then(|code| Some((code, meaning(code)?))) {
        Some((code, meaning)) => {
            page(StatusCode::OK, say(ERROR), &format!("<p><strong>AADSTS{code}</strong>: {}</p>", escaped(meaning)))
        }
        None => page(StatusCode::NOT_FOUND, say(ERROR), &format!("<p>{}</p>", say(UNKNOWN_ERROR))),
    }
}

/// The texts of the language that the browser asks for first.
fn language(request: &Request) -> fn(Both) -> &'static str {
    let asked = request.headers().get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    match asked.unwrap_or_default().trim_start().to_ascii_lowercase().starts_with("pt") {
        true => |both| both.1,
        false => |both| both.0,
    }
}

fn page(status: StatusCode, title: &str, body: &str) -> Response {
    let html = format!(
        "<!doctype html><html><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
        <title>Chaveiro</title><style>{STYLE}</style></head><body><h1>{title}</h1>{body}</body></html>"
    );
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        STANDARD.encode(sha256(STYLE.as_bytes()))
    );
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, policy.as_str()),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::VARY, "Accept-Language"),
    ];
    (status, headers, html).into_response()
}

fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut escaped, character| {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
        escaped
    })
}
