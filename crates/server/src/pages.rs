//! The pages at `/` of both listeners: what this is, and where to go. `/enroll` of the device listener is where Windows
//! sends people who open the address that they were given.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::get;
use chaveiro_auth::{escaped, language, page};
use chaveiro_lang::{Lang, Text, text};
use http::StatusCode;

/// The public addresses of both listeners.
pub(crate) struct Addresses {
    pub(crate) graph: String,
    pub(crate) devices: String,
}

/// The page of the Graph listener.
pub(crate) fn for_callers(addresses: &Arc<Addresses>) -> Router {
    Router::new().route("/", get(callers)).with_state(Arc::clone(addresses))
}

/// The pages of the device listener.
pub(crate) fn for_devices(addresses: &Arc<Addresses>) -> Router {
    Router::new().route("/", get(devices)).route("/enroll", get(devices)).with_state(Arc::clone(addresses))
}

async fn callers(State(addresses): State<Arc<Addresses>>, request: Request) -> Response {
    let lang = language(&request);
    let (graph, devices) = (escaped(&addresses.graph), escaped(&addresses.devices));
    let rows = [
        (text!("page-for-people"), format!("<code>chaveiro login --server {graph}</code>")),
        (text!("page-for-codes"), "<a href=\"/devicelogin\">/devicelogin</a>".to_owned()),
        (text!("page-for-programs"), format!("<code>{graph}/beta</code>, <code>{graph}/v1.0</code>")),
        (text!("page-for-devices"), format!("<a href=\"{devices}/\">{devices}</a>")),
        (text!("page-for-operators"), "<a href=\"/readyz\">/readyz</a>, <code>docs/quickstart.md</code>".to_owned()),
    ];
    page(lang, StatusCode::OK, &text!("page-welcome"), &table(lang, &text!("page-welcome-text"), &rows))
}

async fn devices(State(addresses): State<Arc<Addresses>>, request: Request) -> Response {
    let lang = language(&request);
    let (graph, devices) = (escaped(&addresses.graph), escaped(&addresses.devices));
    let link = format!("ms-device-enrollment:?mode=mdm&amp;servername={devices}");
    let windows = format!("<a href=\"{link}\">{}</a>", text!("page-windows-link").say(lang));
    let rows = [
        (text!("page-windows"), windows),
        (text!("page-windows-by-hand"), format!("<code>{devices}</code>")),
        (text!("page-linux"), format!("<code>sudo chaveiro-agent enroll {devices} --token-file -</code>")),
        (text!("page-for-people"), format!("<a href=\"{graph}/\">{graph}</a>")),
    ];
    page(lang, StatusCode::OK, &text!("page-devices"), &table(lang, &text!("page-devices-text"), &rows))
}

/// A paragraph, and a list of terms with what belongs to each.
fn table(lang: Lang, about: &Text, rows: &[(Text, String)]) -> String {
    let rows: String = rows.iter().map(|(term, html)| format!("<dt>{}</dt><dd>{html}</dd>", term.say(lang))).collect();
    format!("<p>{}</p><dl>{rows}</dl>", about.say(lang))
}
