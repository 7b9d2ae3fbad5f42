//! The format of an answer: as `Accept`, `$format`, `OData-MaxVersion` and `Prefer` ask for it, or a refusal. Nothing is
//! answered in a format that the caller did not ask for.
//!
//! References: RFC 9110, 12.5.1; RFC 7240; OData 4.01 Protocol, 8.2.1, 8.2.6 to 8.2.8 and 11.2.12; OData JSON Format 4.01, 3.

use crate::shown::shown;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use thiserror::Error;

const MAX_VERSION: HeaderName = HeaderName::from_static("odata-maxversion");
const VERSION: HeaderName = HeaderName::from_static("odata-version");
const PREFER: HeaderName = HeaderName::from_static("prefer");

/// The names of the preference for small pages.
const PAGE_SIZES: [&str; 2] = ["odata.maxpagesize", "maxpagesize"];

/// Most media ranges of a caller that are looked at.
const MAX_RANGES: usize = 64;

/// A header, or `$format`, that cannot be obeyed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum HeaderError {
    /// None of the types is offered.
    #[error("'{asked}' in {by} names no format that is offered here. Ask for {offered}, or leave {by} out.")]
    NotAcceptable {
        /// `Accept` or `$format`.
        by: &'static str,
        /// The types as they were asked for.
        asked: String,
        /// The types that are offered.
        offered: &'static str,
    },
    /// Only a version of the protocol that is too old may be answered.
    #[error("OData-MaxVersion is '{0}', and answers have OData version 4.0. Send 4.0 or higher, or leave it out.")]
    MaxVersion(String),
    /// The request has a version that is not read.
    #[error(
        "OData-Version is '{0}', and requests are read in versions 4.0 and 4.01. Send one of them, or leave it out."
    )]
    Version(String),
}

/// The kinds of answers that are negotiated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// JSON, in each of its forms.
    Json,
    /// The model.
    Xml,
    /// A value as text.
    Text,
    /// A value as bytes.
    Binary,
}

impl Offer {
    /// The types, as errors and documents say them.
    pub fn described(self) -> &'static str {
        match self {
            Self::Json => {
                "application/json with odata.metadata=none, minimal or full and IEEE754Compatible=true or false"
            }
            Self::Xml => "application/xml",
            Self::Text => "text/plain",
            Self::Binary => "application/octet-stream",
        }
    }

    fn media_type(self) -> (&'static str, &'static str) {
        match self {
            Self::Json => ("application", "json"),
            Self::Xml => ("application", "xml"),
            Self::Text => ("text", "plain"),
            Self::Binary => ("application", "octet-stream"),
        }
    }
}

/// The control information that JSON has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Metadata {
    /// Next links and counts alone.
    None,
    /// The annotations that a client cannot compute by itself.
    #[default]
    Minimal,
    /// Everything.
    Full,
}

impl Metadata {
    pub(crate) const ALL: [Self; 3] = [Self::Minimal, Self::None, Self::Full];

    fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Minimal => "minimal",
            Self::Full => "full",
        }
    }
}

/// A form of JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Format {
    /// The control information.
    pub metadata: Metadata,
    /// The client does not ask for payloads that it can read as a stream. Those of this server are such in any case.
    pub at_once: bool,
    /// Numbers of 64 bits are texts, because JavaScript rounds them.
    pub ieee754: bool,
}

impl Format {
    /// Every form, the one that is preferred first.
    fn all() -> impl Iterator<Item = Self> {
        let forms = |metadata| {
            let at_once = move |at_once| [false, true].map(|ieee754| Self { metadata, at_once, ieee754 });
            [false, true].into_iter().flat_map(at_once)
        };
        Metadata::ALL.into_iter().flat_map(forms)
    }

    /// The header that says this form.
    pub fn content_type(self) -> HeaderValue {
        let text = format!(
            "application/json;odata.metadata={};odata.streaming={};IEEE754Compatible={};charset=utf-8",
            self.metadata.name(),
            !self.at_once,
            self.ieee754
        );
        HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("application/json"))
    }

    /// Returns true if a parameter of a media range holds for this form. An unknown parameter holds for none.
    fn has(self, name: &str, value: &str) -> bool {
        match name.strip_prefix("odata.").unwrap_or(name) {
            "metadata" => value == self.metadata.name(),
            "streaming" => value == if self.at_once { "false" } else { "true" },
            "ieee754compatible" => value == if self.ieee754 { "true" } else { "false" },
            // No number of 64 bits is written with an exponent.
            "exponentialdecimals" => matches!(value, "true" | "false"),
            _ => is_utf8(name, value),
        }
    }
}

fn is_utf8(name: &str, value: &str) -> bool {
    name == "charset" && value == "utf-8"
}

/// The page size that a caller prefers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageSize {
    /// The name of the preference, as the caller spells it.
    pub name: &'static str,
    /// The most items of a page.
    pub size: usize,
}

/// The format and the page size that a request asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The form of JSON.
    pub format: Format,
    /// The size of pages.
    pub page: Option<PageSize>,
}

impl Wanted {
    /// Reads headers and `$format`, for an answer of that kind; `None` for one whose format is not negotiated.
    pub fn read(headers: &HeaderMap, format: Option<&str>, offer: Option<Offer>) -> Result<Self, HeaderError> {
        versions(headers)?;
        let accept = together(headers, &header::ACCEPT).filter(|text| !text.trim().is_empty());
        let format = match (offer, format, accept) {
            (Some(offer), Some(format), _) => accepted(offer, "$format", media_type(format))?,
            (Some(offer), None, Some(accept)) => accepted(offer, "Accept", &accept)?,
            (Some(_), None, None) | (None, _, _) => Format::default(),
        };
        Ok(Self { format, page: page_size(headers) })
    }
}

/// Every line of a header as one text; bytes that are no text match nothing.
fn together(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let lines: Vec<_> = headers.get_all(name).iter().map(|line| String::from_utf8_lossy(line.as_bytes())).collect();
    (!lines.is_empty()).then(|| lines.join(","))
}

/// The media type that a value of `$format` means.
fn media_type(format: &str) -> &str {
    match format {
        short if short.eq_ignore_ascii_case("json") => "application/json",
        short if short.eq_ignore_ascii_case("xml") => "application/xml",
        other => other,
    }
}

/// Refuses a version of the protocol that this server does not speak.
fn versions(headers: &HeaderMap) -> Result<(), HeaderError> {
    let refused = |name: &HeaderName, fits: fn(u32, &str) -> bool| {
        let text = together(headers, name)?;
        let (major, minor) = text.trim().split_once('.').unwrap_or((text.trim(), "0"));
        let is_number = !minor.is_empty() && minor.bytes().all(|digit| digit.is_ascii_digit());
        let fits = is_number && major.parse().is_ok_and(|major| fits(major, minor));
        (!fits).then(|| shown(&text))
    };
    if let Some(version) = refused(&MAX_VERSION, |major, _| major >= 4) {
        return Err(HeaderError::MaxVersion(version));
    }
    match refused(&VERSION, |major, minor| major == 4 && matches!(minor, "0" | "01")) {
        Some(version) => Err(HeaderError::Version(version)),
        None => Ok(()),
    }
}

/// A media range with its parameters, in lower case.
struct Range {
    main: String,
    sub: String,
    parameters: Vec<(String, String)>,
    /// The weight in thousandths.
    weight: u32,
}

impl Range {
    fn read(text: &str) -> Option<Self> {
        let mut parts = split(text, ';').map(|part| part.trim().to_ascii_lowercase());
        let whole = parts.next()?;
        let (main, sub) = whole.split_once('/').filter(|(main, sub)| !main.is_empty() && !sub.is_empty())?;
        let mut range = Self { main: main.to_owned(), sub: sub.to_owned(), parameters: Vec::new(), weight: 1000 };
        for part in parts.filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=')?;
            let (name, value) = (name.trim(), value.trim().trim_matches('"'));
            match name {
                "q" => range.weight = weight(value)?,
                _ => range.parameters.push((name.to_owned(), value.to_owned())),
            }
        }
        Some(range)
    }

    /// The closeness of its description of a media type; `None` where it describes another.
    fn closeness(&self, (main, sub): (&str, &str), has: impl Fn(&str, &str) -> bool) -> Option<usize> {
        let of_type = match (self.main.as_str(), self.sub.as_str()) {
            ("*", "*") => 0,
            (one, "*") if one == main => 1,
            (one, other) if one == main && other == sub => 2,
            _ => return None,
        };
        let holds = self.parameters.iter().all(|(name, value)| has(name, value));
        holds.then_some(of_type * (MAX_RANGES + 1) + self.parameters.len().min(MAX_RANGES))
    }
}

/// A weight from 0 to 1 with up to three digits, in thousandths.
fn weight(text: &str) -> Option<u32> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = fraction.len() <= 3 && fraction.bytes().all(|digit| digit.is_ascii_digit());
    let thousandths: u32 = format!("{fraction:0<3}").parse().ok().filter(|_| digits)?;
    match whole {
        "0" => Some(thousandths),
        "1" if thousandths == 0 => Some(1000),
        _ => None,
    }
}

/// The parts of a text between separators, but not those inside of quotes.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |c| {
        quoted ^= c == '"';
        c == separator && !quoted
    })
}

/// The offered form that has the highest weight in the ranges.
fn accepted(offer: Offer, by: &'static str, ranges: &str) -> Result<Format, HeaderError> {
    let read: Vec<_> = split(ranges, ',').take(MAX_RANGES).filter_map(Range::read).collect();
    let weight_of = |format: Format| {
        let has = |name: &str, value: &str| match offer {
            Offer::Json => format.has(name, value),
            Offer::Xml | Offer::Text | Offer::Binary => is_utf8(name, value),
        };
        let closest = read.iter().filter_map(|range| Some((range.closeness(offer.media_type(), has)?, range.weight)));
        closest.max().map_or(0, |(_, weight)| weight)
    };
    let mut best = (0, Format::default());
    for format in Format::all() {
        let weight = weight_of(format);
        if weight > best.0 {
            best = (weight, format);
        }
    }
    match best {
        (0, _) => Err(HeaderError::NotAcceptable { by, asked: shown(ranges), offered: offer.described() }),
        (_, format) => Ok(format),
    }
}

/// The page size in `Prefer`. A preference that is not understood is none, as its definition has it.
fn page_size(headers: &HeaderMap) -> Option<PageSize> {
    let prefer = together(headers, &PREFER)?;
    split(&prefer, ',').take(MAX_RANGES).find_map(|one| {
        let (name, value) = split(one, ';').next()?.split_once('=')?;
        let name = PAGE_SIZES.into_iter().find(|known| known.eq_ignore_ascii_case(name.trim()))?;
        let digits = value.trim().trim_matches('"');
        let is_number = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
        // More digits than a number has are no bound on a page.
        let size = is_number.then(|| digits.parse().unwrap_or(usize::MAX))?;
        (size > 0).then_some(PageSize { name, size })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(accept: &str) -> Option<String> {
        let format = accepted(Offer::Json, "Accept", accept).ok()?;
        let form = format.content_type().to_str().expect("text").replace("application/json;odata.", "");
        Some(form.replace(";odata.streaming=true", "").replace(";charset=utf-8", ""))
    }

    #[test]
    fn the_form_with_the_highest_weight_is_chosen() {
        const NONE: Option<&str> = None;
        let plain = Some("metadata=minimal;IEEE754Compatible=false");
        for (accept, expected) in [
            ("application/json", plain),
            ("*/*", plain),
            ("application/*;q=0.1", plain),
            ("text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8", plain),
            ("application/xml, application/json", plain),
            ("APPLICATION/JSON; charset=UTF-8", plain),
            ("application/json;odata.metadata=none", Some("metadata=none;IEEE754Compatible=false")),
            ("application/json;metadata=full", Some("metadata=full;IEEE754Compatible=false")),
            (
                "application/json;odata.metadata=full;IEEE754Compatible=true",
                Some("metadata=full;IEEE754Compatible=true"),
            ),
            ("application/json;IEEE754Compatible=\"true\"", Some("metadata=minimal;IEEE754Compatible=true")),
            (
                "application/json;odata.metadata=none;q=0.5, application/json;odata.metadata=full;q=0.7",
                Some("metadata=full;IEEE754Compatible=false"),
            ),
            ("application/json;odata.metadata=none;q=0.5, application/json;q=0.9", plain),
            (
                "application/json;q=0, application/json;odata.metadata=none",
                Some("metadata=none;IEEE754Compatible=false"),
            ),
            (
                "application/json;odata.metadata=minimal;q=0, application/json",
                Some("metadata=none;IEEE754Compatible=false"),
            ),
            ("application/json;q=0, */*", NONE),
            ("application/json;q=0", NONE),
            ("application/json;q=2", NONE),
            ("application/json;q=0.1234", NONE),
            ("application/json;odata.metadata=verbose", NONE),
            ("application/json;odata=nometadata", NONE),
            ("application/json;charset=iso-8859-1", NONE),
            ("application/xml", NONE),
            ("text/plain;x=\"a,application/json\"", NONE),
            ("json", NONE),
            ("/", NONE),
            (",;,", NONE),
        ] {
            assert_eq!(json(accept).as_deref(), expected, "{accept}");
        }
    }

    #[test]
    fn a_type_that_an_answer_has_can_be_asked_for() {
        for format in Format::all() {
            let content_type = format.content_type();
            assert_eq!(accepted(Offer::Json, "Accept", content_type.to_str().expect("text")), Ok(format));
        }
    }

    #[test]
    fn a_page_size_is_found_among_other_preferences() {
        for (prefer, expected) in [
            (&["odata.maxpagesize=5"][..], Some(("odata.maxpagesize", 5))),
            (&["return=minimal; x=\"a,maxpagesize=9\", maxPageSize=\"7\";y"], Some(("maxpagesize", 7))),
            (&["respond-async", "maxpagesize=3"], Some(("maxpagesize", 3))),
            (&["maxpagesize=99999999999999999999999"], Some(("maxpagesize", usize::MAX))),
            (&["maxpagesize=0"], None),
            (&["maxpagesize=-1"], None),
            (&["maxpagesize"], None),
            (&["maxpagesizes=1"], None),
        ] {
            let mut headers = HeaderMap::new();
            for line in prefer {
                headers.append(PREFER, HeaderValue::from_static(line));
            }
            assert_eq!(page_size(&headers).map(|page| (page.name, page.size)), expected, "{prefer:?}");
        }
    }

    #[test]
    fn versions_of_the_protocol_are_obeyed_or_refused() {
        for (name, text, fits) in [
            (MAX_VERSION, "4.0", true),
            (MAX_VERSION, "4.01", true),
            (MAX_VERSION, "4", true),
            (MAX_VERSION, "5.0", true),
            (MAX_VERSION, "3.0", false),
            (MAX_VERSION, "3.99", false),
            (MAX_VERSION, "four", false),
            (MAX_VERSION, "", false),
            (VERSION, "4.0", true),
            (VERSION, "4.01", true),
            (VERSION, "4.2", false),
            (VERSION, "2.0", false),
        ] {
            let headers = HeaderMap::from_iter([(name.clone(), HeaderValue::from_static(text))]);
            assert_eq!(versions(&headers).is_ok(), fits, "{name}: {text}");
        }
    }
}
