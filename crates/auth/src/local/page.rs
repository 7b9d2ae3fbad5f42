//! The few pages that people see: plain HTML, no script, in the language that the browser asks for.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chaveiro_core::application::Application;
use chaveiro_core::digest::sha256;
use chaveiro_core::sign_in::{SignIn, plain_code, spoken_code};
use chaveiro_lang::{Lang, Text, text};
use http::{StatusCode, header};

use super::error::meaning;
use super::grants::find_application;
use super::http::{Endpoint, query};

const STYLE: &str = ":root{color-scheme:light dark}body{font:1.1rem/1.5 system-ui,sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem}\
    code{font-size:1.2em;overflow-wrap:anywhere}input,button{font:inherit;padding:.3rem .6rem}";

pub(super) async fn device_login(State(endpoint): State<Arc<Endpoint>>, request: Request) -> Response {
    let lang = language(&request);
    let typed = query(request.uri().query(), "otc").unwrap_or_default();
    let plain = plain_code(&typed);
    if plain.is_empty() {
        let form = format!(
            "<form action=\"/devicelogin\"><label>{} <input name=\"otc\" autocomplete=\"off\" autofocus></label> <button>{}</button></form>",
            text!("page-code").say(lang),
            text!("page-next").say(lang)
        );
        return page(lang, StatusCode::OK, &text!("page-sign-in"), &form);
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
            page(lang, StatusCode::OK, &text!("page-sign-in"), &waiting(lang, &code, &application, &sign_in))
        }
        Ok(None) => {
            page(lang, StatusCode::NOT_FOUND, &text!("page-sign-in"), &paragraph(lang, &text!("page-nothing-waits")))
        }
        Err(error) => {
            tracing::error!(%error, "a sign-in was not read");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

fn waiting(lang: Lang, code: &str, application: &Application, sign_in: &SignIn) -> String {
    let address = sign_in.address.map_or_else(|| text!("unknown").say(lang), |address| address.to_string());
    let from = text!("page-from", address = address, since = sign_in.created, until = sign_in.expires);
    format!(
        "<p>{} <strong>{}</strong> (<code>{}</code>). {}</p><p>{}</p>\
        <p><code>chaveiro sign-in approve {code} --user …</code></p><p><strong>{}</strong></p>",
        text!("page-asks").say(lang),
        escaped(&application.display_name),
        application.id,
        escaped(&from.say(lang)),
        text!("page-if-you").say(lang),
        text!("page-if-not").say(lang),
    )
}

pub(super) async fn no_browser_sign_in(request: Request) -> Response {
    let lang = language(&request);
    page(lang, StatusCode::BAD_REQUEST, &text!("page-no-browser"), &paragraph(lang, &text!("page-no-browser-text")))
}

pub(super) async fn sign_out(request: Request) -> Response {
    let lang = language(&request);
    page(lang, StatusCode::OK, &text!("page-sign-out"), &paragraph(lang, &text!("page-sign-out-text")))
}

/// The page to which `error_uri` leads. Programs get the meanings in English.
pub(super) async fn error(request: Request) -> Response {
    let lang = language(&request);
    let code = query(request.uri().query(), "code").and_then(|code| code.parse().ok());
    match code.and_then(|code| Some((code, meaning(code)?))) {
        Some((code, meaning)) => {
            let said = Text::known(format!("aadsts-{code}"), []).map(|text| text.say(lang));
            let meaning = escaped(said.as_deref().unwrap_or(meaning));
            let body = format!("<p><strong>AADSTS{code}</strong>: {meaning}</p>");
            page(lang, StatusCode::OK, &text!("page-error"), &body)
        }
        None => page(lang, StatusCode::NOT_FOUND, &text!("page-error"), &paragraph(lang, &text!("page-unknown-error"))),
    }
}

/// The language that the browser asks for first.
pub fn language(request: &Request) -> Lang {
    let asked = request.headers().get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    Lang::of_browser(asked.unwrap_or_default())
}

fn paragraph(lang: Lang, text: &Text) -> String {
    format!("<p>{}</p>", text.say(lang))
}

/// A page with that title and body (HTML). Its policy allows no script, no foreign content and no other style.
pub fn page(lang: Lang, status: StatusCode, title: &Text, body: &str) -> Response {
    let (tag, title) = (lang.tag(), title.say(lang));
    let html = format!(
        "<!doctype html><html lang=\"{tag}\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
        <title>Chaveiro</title><style>{STYLE}</style></head><body><main><h1>{title}</h1>{body}</main></body></html>"
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
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::VARY, "Accept-Language"),
    ];
    (status, headers, html).into_response()
}

/// The text with the characters that HTML reads as its own replaced.
pub fn escaped(text: &str) -> String {
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
