//! A Graph client: what the verbs about devices use, as any other script would.

#[cfg(feature = "host")]
mod operator;

use anyhow::{Result, bail};
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::Value;
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use crate::args::{Common, Why};
use crate::on_host;
use crate::question::Question;
use crate::reach::Unreached;
use crate::session::{Issuer, Session, http_client};
use crate::verbs::whoami::right_of;
use chaveiro_lang::{Explain, Text, Value as Argument, text};

/// Calls the Graph listener with one token.
pub(crate) struct GraphClient {
    client: reqwest::Client,
    base_url: String,
    token: Mutex<Zeroizing<String>>,
    /// The reasons that the person gives, sent with each request.
    why: HeaderMap,
    /// True if the person gave the root certificate of the server.
    has_root: bool,
    /// True if the stored session gives another token for one that was revoked.
    renews: bool,
}

impl GraphClient {
    /// A client of the server where this person is signed in.
    pub(crate) async fn signed_in(session: Session) -> Result<Self> {
        let (issuer, token) = session.access_token(None).await?;
        Ok(Self { renews: true, ..Self::with_token(issuer, token)? })
    }

    /// A client of that server with a token that is not renewed.
    pub(crate) fn with_token(issuer: Issuer, token: Zeroizing<String>) -> Result<Self> {
        let client = http_client(issuer.ca.as_deref())?;
        let (has_root, base_url) = (issuer.ca.is_some(), issuer.server);
        let (token, why) = (Mutex::new(token), HeaderMap::new());
        Ok(Self { client, base_url, token, why, has_root, renews: false })
    }

    /// The address of the server.
    pub(crate) fn server(&self) -> &str {
        &self.base_url
    }

    /// One request; the answer's body, `null` when it has none.
    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<(StatusCode, Value)> {
        let request = self.request(method, path);
        self.answer(if let Some(body) = body { request.json(body) } else { request }).await
    }

    /// Adds the person's reason to every request, and the reason for breaking the glass, which passes a hold.
    pub(crate) fn saying(mut self, why: &Why) -> Result<Self> {
        let said = [("x-chaveiro-reason", &why.reason), ("x-chaveiro-break-glass", &why.break_glass)];
        for (name, reason) in said {
            if let Some(reason) = reason {
                let value = HeaderValue::from_bytes(reason.as_bytes()).explain(|| text!("reason-malformed"))?;
                self.why.insert(name, value);
            }
        }
        Ok(self)
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base_url)).headers(self.why.clone())
    }

    /// Sends the request and returns the answer. If the token was revoked and can be renewed, it renews the token and sends the
    /// request once more. The tokens of an application may have ended while the person is still signed in.
    async fn answer(&self, request: RequestBuilder) -> Result<(StatusCode, Value)> {
        let again = request.try_clone().filter(|_| self.renews);
        let token = self.token.lock().await.clone();
        let answered = self.send(request, &token).await?;
        let (true, Some(again)) = (is_revoked(&answered.1), again) else { return Ok(answered) };
        let session = Session::load()?.explain(|| text!("session-gone"))?;
        let (issuer, next) = session.access_token(Some(&token)).await?;
        if issuer.server != self.base_url {
            bail!(text!("session-changed", server = &issuer.server));
        }
        self.token.lock().await.clone_from(&next);
        self.send(again, &next).await
    }

    async fn send(&self, request: RequestBuilder, token: &str) -> Result<(StatusCode, Value)> {
        let request = request.bearer_auth(token);
        let unreached = |error| Unreached::of(&self.base_url, self.has_root, &error);
        let response = request.send().await.map_err(unreached)?;
        let status = response.status();
        let bytes = Zeroizing::new(response.bytes().await.map_err(unreached)?.to_vec());
        Ok((status, serde_json::from_slice(&bytes).unwrap_or_default()))
    }

    /// Sends the request, and returns an error with the server's text unless it succeeds.
    pub(crate) async fn expect(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value> {
        let (status, answer) = self.call(method, path, body).await?;
        if !status.is_success() && answer.is_null() {
            bail!(text!("server-foreign", server = &self.base_url, status = status.as_u16()));
        }
        succeeded((status, answer))
    }

    /// The answer to a look; `None` while the server is away: not reached, or busy, or on its way up or down.
    pub(crate) async fn look(&self, path: &str) -> Result<Option<Value>> {
        const BUSY: [StatusCode; 4] = [
            StatusCode::TOO_MANY_REQUESTS,
            StatusCode::BAD_GATEWAY,
            StatusCode::SERVICE_UNAVAILABLE,
            StatusCode::GATEWAY_TIMEOUT,
        ];
        match self.call(Method::GET, path, None).await {
            Ok((status, _)) if BUSY.contains(&status) => Ok(None),
            Ok(answered) => succeeded(answered).map(Some),
            Err(error) if is_unreached(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Every item of a collection that is known to be small.
    pub(crate) async fn all(&self, path: &str) -> Result<Vec<Value>> {
        let (mut items, mut pages) = (Vec::new(), self.pages(path));
        while let Some(page) = pages.next().await? {
            items.extend(page);
        }
        Ok(items)
    }

    /// The pages of a list, none of which is asked for before it is wanted.
    pub(crate) fn pages(&self, path: &str) -> Pages<'_> {
        Pages { client: self, next: Some(path.to_owned()) }
    }

    /// The first page of a list.
    pub(crate) async fn some(&self, question: &Question) -> Result<Vec<Value>> {
        Ok(self.pages(&question.url()).next().await?.unwrap_or_default())
    }
}

/// The pages of a list.
pub(crate) struct Pages<'a> {
    client: &'a GraphClient,
    next: Option<String>,
}

impl Pages<'_> {
    /// The next page, if there is one.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<Value>>> {
        let Some(path) = self.next.take() else { return Ok(None) };
        let mut page = self.client.expect(Method::GET, &path, None).await?;
        self.next = page["@odata.nextLink"].as_str().and_then(path_of);
        match page["value"].take() {
            Value::Array(items) => Ok(Some(items)),
            _ => Ok(None),
        }
    }

    /// Returns true if the server has more pages.
    pub(crate) fn has_more(&self) -> bool {
        self.next.is_some()
    }
}

/// The path and query of a link. The server may be known here by another name than it gives itself.
fn path_of(link: &str) -> Option<String> {
    let (_, rest) = link.split_once("://")?;
    Some(rest[rest.find('/')?..].to_owned())
}

/// A client of the server where the person is signed in, if this machine is no server. A data directory that is named is
/// always used.
pub(crate) async fn signed_in_elsewhere(common: &Common) -> Result<Option<GraphClient>> {
    if on_host::is_here(common) {
        return Ok(None);
    }
    let Some(session) = Session::load()? else { return Ok(None) };
    if let Some(asked) = common.tenant.as_ref().filter(|asked| **asked != session.issuer.tenant) {
        bail!(text!("session-of-other-tenant", tenant = &session.issuer.tenant, asked = asked));
    }
    Ok(Some(GraphClient::signed_in(session).await?))
}

/// Returns true if a request failed on its way, so that the server may answer another one.
fn is_unreached(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.is::<Unreached>())
}

/// The answer of a request that succeeded; otherwise an error with the server's own words.
pub(crate) fn succeeded((status, answer): (StatusCode, Value)) -> Result<Value> {
    if is_revoked(&answer) {
        bail!(text!("token-revoked"));
    }
    if !status.is_success() {
        return Err(refusal(status, &answer).into());
    }
    Ok(answer)
}

/// The words for a refusal of the server: those of the catalogues for its code, or else its own.
pub(crate) fn refusal(status: StatusCode, answer: &Value) -> Text {
    let inner = &answer["error"]["innerError"];
    let argument = |(name, value): (&String, &Value)| {
        let moment =
            || value.as_str().and_then(|text| text.parse::<chaveiro_core::Timestamp>().ok()).map(Argument::from);
        let number = || value.as_i64().map(Argument::from);
        let words = || match (name.as_str(), value.as_str()) {
            ("found", Some(found)) => text!("found-words", words = found).into(),
            ("found", None) => text!("found-end").into(),
            (_, words) => words.unwrap_or_default().into(),
        };
        (name.clone(), moment().or_else(number).unwrap_or_else(words))
    };
    let arguments = inner["chaveiro_arguments"].as_object();
    // A right in words, for the messages that tell it.
    let right = arguments.and_then(|arguments| arguments.get("action")?.as_str()).map(right_of);
    let right = right.map(|right| ("right".to_owned(), right.into()));
    let words = message(answer);
    let own = ("words".to_owned(), words.as_str().into());
    let arguments = arguments.into_iter().flatten().map(argument).chain(right).chain([own]);
    let known = inner["chaveiro_code"].as_str().and_then(|code| Text::known(api_id(code), arguments));
    let said = || text!("server-said", status = status.as_u16(), words = &words);
    known.unwrap_or_else(said)
}

/// The id of the message for a code of the API.
pub(crate) fn api_id(code: &str) -> String {
    let words = code.chars().map(|letter| match letter.is_ascii_uppercase() {
        true => format!("-{}", letter.to_ascii_lowercase()),
        false => letter.to_string(),
    });
    format!("api-{}", words.collect::<String>())
}

/// Says whether the server refused the token as revoked. It has done nothing then.
fn is_revoked(answer: &Value) -> bool {
    message(answer).contains("TokenIssuedBeforeRevocationTimestamp")
}

/// The words of a Graph error, without its outer layers: `UnknownError` has two of them (an Intune object in a Graph one).
fn message(answer: &Value) -> String {
    let mut text =
        answer["error"]["message"].as_str().map_or_else(|| text!("no-reason-given").to_string(), str::to_owned);
    // Each layer is shorter than the one around it, so that this ends.
    while let Some(inner) = inner_message(&text) {
        text = inner;
    }
    let text = text.split(" - Operation ID").next().unwrap_or(&text);
    // The beginning that Intune gives to each text says nothing.
    text.strip_prefix("An error has occurred: ").unwrap_or(text).to_owned()
}

/// The `Message` or `message` of a text that is itself an object.
fn inner_message(text: &str) -> Option<String> {
    let object: Value = serde_json::from_str(text).ok()?;
    let inner = ["Message", "message"].into_iter().find_map(|name| object[name].as_str());
    inner.map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::path::Path;

    use chaveiro_lang::Lang;
    use serde_json::json;

    use super::*;

    /// A source of the API.
    fn source(file: &str) -> String {
        let file = format!("{}/../graph/src/{file}", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(file).expect("the source")
    }

    /// The sources of the API without their tests.
    fn sources(folder: &Path) -> Vec<String> {
        let mut texts = Vec::new();
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                texts.extend(sources(&path));
            } else {
                let text = std::fs::read_to_string(&path).expect("a source");
                texts.extend(text.split("#[cfg(test)]\nmod tests").next().map(str::to_owned));
            }
        }
        texts
    }

    /// The codes of the API with the names of their arguments, from the rows of its errors.
    fn rows() -> Vec<(String, BTreeSet<String>)> {
        let sources = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../graph/src"));
        let call = |rest: &str| {
            let mut depth = 1;
            let closes = |letter: char| {
                depth += i32::from(letter == '(') - i32::from(letter == ')');
                depth == 0
            };
            let inside = &rest[..rest.find(closes).expect("an end")];
            let (code, arguments) = inside.split_once('"').expect("a code");
            let name = |argument: &str| Some(argument.split_once(" = ")?.0.trim().to_owned());
            (code.to_owned(), arguments.split(',').filter_map(name).collect())
        };
        let calls = sources.iter().flat_map(|source| source.split("coded!(").skip(1));
        calls.filter_map(|rest| rest.trim_start().strip_prefix('"')).map(call).collect()
    }

    #[test]
    fn every_code_of_the_api_has_a_message_with_its_arguments_and_every_message_its_code() {
        let mut codes = BTreeMap::new();
        for (code, names) in rows() {
            assert!(codes.insert(api_id(&code), names).is_none(), "{code} stands for two errors");
        }
        assert!(codes.len() > 90, "{}", codes.len());
        let messages = Lang::english().messages().into_iter().map(|(id, _)| id).filter(|id| id.starts_with("api-"));
        let messages: BTreeSet<_> = messages.collect();
        assert_eq!(messages, codes.keys().cloned().collect());
        for (id, names) in codes {
            let right = names.contains("action").then_some("right".to_owned());
            let more = right.into_iter().chain(["words".to_owned()]);
            let values = names.iter().cloned().chain(more).map(|name| (name, Argument::from("7")));
            let text = Text::known(id.clone(), values).expect("it is known");
            for lang in Lang::all() {
                let words = format!("{} {:?}", text.say(lang), text.hint(lang, &jiff::tz::TimeZone::UTC));
                assert!(!words.contains("{$"), "{id} has another argument than {names:?}: {words}");
            }
        }
    }

    /// The details that a source makes: the code of each, with the names of its values.
    fn details(source: &str) -> Vec<(String, Vec<String>)> {
        let detail = |rest: &str| {
            let rest = rest.trim_start().strip_prefix('"')?;
            let (code, rest) = rest.split_once('"')?;
            let values =
                rest.split("{").skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name.to_owned()));
            let known = ["name", "entity", "expected", "found", "most"];
            let values = values.take_while(|name| known.contains(&name.as_str()));
            Some((code.to_owned(), values.collect()))
        };
        source.split("detail!(").skip(1).filter_map(detail).collect()
    }

    #[test]
    fn every_detail_of_an_option_is_told_in_every_language_with_its_values() {
        let files = ["filter", "order", "scan", "expand", "fields", "options", "mod"];
        let mut sources: Vec<_> = files.iter().map(|file| source(&format!("query/{file}.rs"))).collect();
        sources.extend(["kinds/directory_device.rs", "handlers/expand.rs"].map(source));
        let details: Vec<_> = sources.iter().flat_map(|source| details(source)).collect();
        assert!(details.len() > 50, "{details:?}");
        for (lang, (code, names)) in Lang::all().flat_map(|lang| details.iter().map(move |detail| (lang, detail))) {
            let mut arguments = json!({"option": "$filter", "at": 7, "place": "GET /x", "given": "y"});
            for name in names {
                arguments[name.as_str()] = format!("<{name}>").into();
            }
            let told = ["optionSyntax", "optionValueInvalid", "optionUnsupported"].map(|of| {
                let mut arguments = arguments.clone();
                let code_of = ["problem", "expected", "advice"];
                let place =
                    ["optionSyntax", "optionValueInvalid", "optionUnsupported"].iter().position(|one| *one == of);
                arguments[code_of[place.expect("one")]] = code.as_str().into();
                let inner = json!({"chaveiro_code": of, "chaveiro_arguments": arguments});
                let text = refusal(
                    StatusCode::BAD_REQUEST,
                    &json!({"error": {"message": "THE SERVER'S WORDS", "innerError": inner}}),
                );
                let hint = text.hint(lang, &jiff::tz::TimeZone::UTC).unwrap_or_default();
                (text.say(lang), hint)
            });
            // One of the three has words for it, and these have its values.
            let other = ["leave it out", "deixe-a de fora"];
            let is_told = |(said, hint): &(String, String)| {
                let fits = |name: &String| {
                    let value = format!("<{name}>");
                    said.contains(&value) || hint.contains(&value) || (code == name)
                };
                !said.contains("THE SERVER'S WORDS")
                    && (hint.is_empty() || !other.contains(&hint.as_str()) || code == "noneSupported")
                    && names.iter().all(fits)
            };
            assert!(told.iter().any(is_told), "{code} {names:?} in {lang:?}: {told:#?}");
        }
    }

    #[test]
    fn a_filter_that_is_wrong_is_told_with_its_place_in_the_language_of_the_reader() {
        let arguments = json!({"option": "$filter", "at": 12, "problem": "quoteOpen", "name": null});
        let inner = json!({"chaveiro_code": "optionSyntax", "chaveiro_arguments": arguments});
        let text = refusal(StatusCode::BAD_REQUEST, &json!({"error": {"message": "English", "innerError": inner}}));
        let told = text.say(Lang::choose(Some("pt")));
        assert_eq!(told, "$filter, no caractere 12: as aspas que abrem ali não são fechadas");
    }

    #[test]
    fn an_error_of_the_api_is_told_in_the_language_of_the_reader_and_an_unknown_one_as_the_server_words_it() {
        let inner = json!({"chaveiro_code": "deviceRetired", "chaveiro_arguments": {}});
        let known = json!({"error": {"message": "the device is retired; ..", "innerError": inner}});
        let text = refusal(StatusCode::BAD_REQUEST, &known);
        assert!(text.say(Lang::choose(Some("pt"))).starts_with("o dispositivo não é mais gerenciado"), "{text}");
        let inner = json!({"chaveiro_code": "ofTomorrow"});
        let unknown = json!({"error": {"message": "An error has occurred: the moon is full", "innerError": inner}});
        let text = refusal(StatusCode::BAD_REQUEST, &unknown);
        assert_eq!(text.say(Lang::choose(Some("pt"))), "o servidor recusou (HTTP 400): the moon is full");
        assert_eq!(text.say(Lang::english()), "the moon is full (HTTP 400)");
    }

    #[test]
    fn a_missing_right_is_told_in_words_and_by_its_name() {
        let arguments = json!({"action": "Microsoft.Intune_RemoteTasks_ResetPasscode"});
        let inner = json!({"chaveiro_code": "roleLacksAction", "chaveiro_arguments": arguments});
        let text = refusal(StatusCode::FORBIDDEN, &json!({"error": {"innerError": inner}}));
        let name = "(Microsoft.Intune_RemoteTasks_ResetPasscode)";
        assert_eq!(text.say(Lang::english()), format!("your roles do not allow you to recover passcodes there {name}"));
        let portuguese = text.say(Lang::choose(Some("pt")));
        assert_eq!(portuguese, format!("suas funções não permitem recuperar senhas ali {name}"));
    }
}
