//! The catalogues agree with one another and with the sources: no message is missing, unused, or called with other
//! arguments. A language that the test makes up shows that one more is a folder and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use chaveiro_lang::{Languages, Text, Value};
use fluent_syntax::ast::{self, Entry, Expression, InlineExpression, PatternElement};
use fluent_syntax::{parser, serializer};
use jiff::tz::TimeZone;
use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The crates whose sources name messages.
const CRATES: [&str; 5] = ["lang", "agent", "cli", "auth", "server"];

/// Messages that are found by a name of something else; tests of the programs compare them with all there are.
const FOUND_OTHERWISE: [&str; 4] = ["help-cli", "help-agent", "api-", "aadsts-"];

type Resource = ast::Resource<String>;
type Pattern = ast::Pattern<String>;
/// The arguments of each message, and of each attribute by `id.attribute`.
type Signatures = BTreeMap<String, BTreeSet<String>>;

fn catalogue() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("catalogue")
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let read = std::fs::read_dir(folder).expect("a folder");
    let mut found: Vec<_> = read.map(|entry| entry.expect("an entry").path()).collect();
    found.sort();
    found
}

fn name(path: &Path) -> String {
    path.file_name().expect("a name").to_string_lossy().into_owned()
}

/// Each folder with its files.
fn languages() -> BTreeMap<String, Vec<(PathBuf, Resource)>> {
    let read = |file: PathBuf| {
        let text = std::fs::read_to_string(&file).expect("text");
        let parsed = parser::parse(text).unwrap_or_else(|(_, errors)| panic!("{}: {errors:?}", file.display()));
        (file, parsed)
    };
    let of = |folder: PathBuf| (name(&folder), entries(&folder).into_iter().map(read).collect());
    entries(&catalogue()).into_iter().map(of).collect()
}

/// The patterns of the messages and of their attributes.
fn patterns(resource: &Resource) -> Vec<(String, &Pattern)> {
    let mut found = Vec::new();
    for entry in &resource.body {
        let Entry::Message(message) = entry else { continue };
        found.extend(message.value.as_ref().map(|pattern| (message.id.name.clone(), pattern)));
        let attributes = message.attributes.iter();
        found.extend(attributes.map(|one| (format!("{}.{}", message.id.name, one.id.name), &one.value)));
    }
    found
}

fn arguments(pattern: &Pattern, found: &mut BTreeSet<String>) {
    for element in &pattern.elements {
        if let PatternElement::Placeable { expression } = element {
            of_expression(expression, found);
        }
    }
}

fn of_expression(expression: &Expression<String>, found: &mut BTreeSet<String>) {
    match expression {
        Expression::Inline(inline) => of_inline(inline, found),
        Expression::Select { selector, variants } => {
            of_inline(selector, found);
            variants.iter().for_each(|variant| arguments(&variant.value, found));
        }
    }
}

fn of_inline(inline: &InlineExpression<String>, found: &mut BTreeSet<String>) {
    match inline {
        InlineExpression::VariableReference { id } => drop(found.insert(id.name.clone())),
        InlineExpression::Placeable { expression } => of_expression(expression, found),
        InlineExpression::StringLiteral { .. } | InlineExpression::NumberLiteral { .. } => {}
        // Others would hide arguments from this test.
        other => panic!("not used in these catalogues: {other:?}"),
    }
}

fn signatures(files: &[(PathBuf, Resource)]) -> Signatures {
    let mut signatures = BTreeMap::new();
    for (file, resource) in files {
        for (id, pattern) in patterns(resource) {
            let mut found = BTreeSet::new();
            arguments(pattern, &mut found);
            assert!(signatures.insert(id.clone(), found).is_none(), "{id} is there twice: {}", file.display());
        }
    }
    signatures
}

/// The differences of a language from English.
fn differences(english: &Signatures, other: &Signatures) -> Vec<String> {
    let missing = english.keys().filter(|id| !other.contains_key(*id)).map(|id| format!("missing: {id}"));
    let extra = other.keys().filter(|id| !english.contains_key(*id)).map(|id| format!("not in English: {id}"));
    let differs = english.iter().filter(|(id, arguments)| other.get(*id).is_some_and(|theirs| theirs != *arguments));
    missing.chain(extra).chain(differs.map(|(id, _)| format!("other arguments: {id}"))).collect()
}

#[test]
fn every_language_has_the_same_messages_with_the_same_arguments() {
    let all: BTreeMap<_, _> = languages().into_iter().map(|(name, files)| (name, signatures(&files))).collect();
    assert!(all.len() >= 2 && all["en"].len() > 300, "{:?}", all.keys());
    for (name, signatures) in &all {
        assert_eq!(differences(&all["en"], signatures), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn every_difference_of_a_language_is_found() {
    let of = |text: &str| signatures(&[(PathBuf::from("x"), parser::parse(text.to_owned()).expect("Fluent"))]);
    let english = of("a = { $x } is { $y }\n    .hint = do { $x }\nb = b\n");
    let same = of("a = { $y ->\n    [one] { $x }\n   *[other] { $x }s\n}\n    .hint = { $x }\nb = c\n");
    assert_eq!(differences(&english, &same), Vec::<String>::new());
    for (text, found) in [
        ("a = { $x } is { $y }\n    .hint = do { $x }\n", "missing: b"),
        ("a = { $x } is { $y }\nb = b\n", "missing: a.hint"),
        ("a = { $x }\n    .hint = do { $x }\nb = b\n", "other arguments: a"),
        ("a = { $x } is { $y }\n    .hint = do { $z }\nb = b\n", "other arguments: a.hint"),
        ("a = { $x } is { $y }\n    .hint = do { $x }\nb = b\nc = c\n", "not in English: c"),
    ] {
        assert_eq!(differences(&english, &of(text)), [found], "{text}");
    }
}

/// A use of a message in a source: its id, and the names of its arguments.
type Use = (String, BTreeSet<String>);

/// Every `text!(..)` in these tokens, also inside of other macros.
fn uses(tokens: TokenStream, found: &mut Vec<Use>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        let TokenTree::Group(group) = token else { continue };
        let is = |back: usize, word: &str| at.checked_sub(back).is_some_and(|at| tokens[at].to_string() == word);
        if is(1, "!") && is(2, "text") && group.delimiter() == Delimiter::Parenthesis {
            found.extend(of_call(group.stream()));
        }
        uses(group.stream(), found);
    }
}

/// The id and the names of `"id", name = value, ...`.
fn of_call(tokens: TokenStream) -> Option<Use> {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let id = tokens.first()?.to_string();
    let id = id.strip_prefix('"')?.strip_suffix('"')?.to_owned();
    let names = tokens.windows(3).filter_map(|three| match three {
        [TokenTree::Punct(comma), TokenTree::Ident(name), TokenTree::Punct(equals)] => {
            (comma.as_char() == ',' && equals.as_char() == '=').then(|| name.to_string())
        }
        _ => None,
    });
    Some((id, names.collect()))
}

fn sources(folder: &Path, found: &mut Vec<Use>) {
    for path in entries(folder) {
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = std::fs::read_to_string(&path).expect("text");
            uses(text.parse().unwrap_or_else(|error| panic!("{}: {error}", path.display())), found);
        }
    }
}

/// The faults of uses: messages that are not there, or are called with other arguments; and messages without a use.
fn faults(signatures: &Signatures, uses: &[Use]) -> Vec<String> {
    let mut messages: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (id, arguments) in signatures {
        let of = id.split('.').next().unwrap_or(id);
        messages.entry(of).or_default().extend(arguments.iter().cloned());
    }
    let mut faults = BTreeSet::new();
    for (id, names) in uses {
        match messages.get(id.as_str()) {
            None => drop(faults.insert(format!("missing: {id}"))),
            Some(arguments) if arguments != names => {
                faults.insert(format!("{id} is called with {names:?} and has {arguments:?}"));
            }
            Some(_) => {}
        }
    }
    let used: BTreeSet<&str> = uses.iter().map(|(id, _)| id.as_str()).collect();
    let of_others = |id: &str| FOUND_OTHERWISE.iter().any(|begin| id.starts_with(begin));
    let unused = messages.keys().filter(|id| !used.contains(*id) && !of_others(id));
    faults.extend(unused.map(|id| format!("unused: {id}")));
    faults.into_iter().collect()
}

#[test]
fn every_message_is_used_with_its_arguments_and_every_use_has_its_message() {
    let mut found = Vec::new();
    for name in CRATES {
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name).join("src"), &mut found);
    }
    assert!(found.len() > 150, "{}", found.len());
    assert_eq!(faults(&signatures(&languages()["en"]), &found), Vec::<String>::new());
}

#[test]
fn every_fault_of_a_use_is_found() {
    let messages = parser::parse("a = { $x }\n    .hint = { $y }\nb = b\nhelp-cli = c\n".to_owned()).expect("Fluent");
    let signatures = signatures(&[(PathBuf::from("x"), messages)]);
    let found = |source: &str| {
        let mut found = Vec::new();
        uses(source.parse().expect("Rust"), &mut found);
        faults(&signatures, &found)
    };
    assert_eq!(found(r#"f(text!("a", x = g(1), y = text!("b")))"#), Vec::<String>::new());
    assert_eq!(found(r#"json!({"k": text!("a", x = 1, y = 2)}); text!("b")"#), Vec::<String>::new());
    assert_eq!(found(r#"text!("a", x = 1, y = 2)"#), ["unused: b"]);
    assert_eq!(found(r#"text!("a", x = y == z); text!("b")"#), [r#"a is called with {"x"} and has {"x", "y"}"#]);
    let more = r#"a is called with {"x", "y", "z"} and has {"x", "y"}"#;
    assert_eq!(found(r#"text!("a", x = 1, y = 2, z = 3); text!("b"); text!("c")"#), [more, "missing: c"]);
}

/// Gives the words of a pattern accents, and makes them longer: what stays English, and what is cut, is seen at once.
fn accent(pattern: &mut Pattern) {
    for element in &mut pattern.elements {
        match element {
            PatternElement::TextElement { value } => *value = accented(value),
            PatternElement::Placeable { expression: Expression::Select { variants, .. } } => {
                variants.iter_mut().for_each(|variant| accent(&mut variant.value));
            }
            PatternElement::Placeable { .. } => {}
        }
    }
}

fn accented(words: &str) -> String {
    let accent = |letter| match letter {
        'a' => "áà".to_owned(),
        'e' => "éè".to_owned(),
        'i' => "ïí".to_owned(),
        'o' => "öô".to_owned(),
        'u' => "ûü".to_owned(),
        other => other.to_string(),
    };
    words.chars().map(accent).collect()
}

#[test]
fn one_more_language_is_one_folder_and_nothing_else() {
    let english = languages().remove("en").expect("English");
    let mut files = Vec::new();
    for (_, resource) in &english {
        let mut resource = resource.clone();
        files.push(("en", serializer::serialize(&resource)));
        for entry in &mut resource.body {
            let Entry::Message(message) = entry else { continue };
            message.value.iter_mut().for_each(accent);
            message.attributes.iter_mut().for_each(|attribute| accent(&mut attribute.value));
        }
        files.push(("en-XA", serializer::serialize(&resource)));
    }
    let files: Vec<_> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let languages: &'static Languages = Box::leak(Box::new(Languages::of(&files)));
    let spoken: Vec<_> = languages.all().map(|lang| lang.tag().to_owned()).collect();
    assert_eq!(spoken, ["en", "en-XA"]);
    let lang = languages.named("en-XA").expect("it is spoken");
    let mut said = 0;
    for (id, arguments) in signatures(&english).into_iter().filter(|(id, _)| !id.contains('.')) {
        let values: Vec<_> = arguments.iter().map(|name| (name.clone(), Value::from("42"))).collect();
        let text = Text::known(id.clone(), values).unwrap_or_else(|| panic!("{id} is not compiled in"));
        let words = text.say_in(lang, &TimeZone::UTC);
        assert!(!words.contains(['a', 'e', 'i', 'o', 'u']) && !words.contains("{$"), "{id}: {words}");
        said += 1;
    }
    assert!(said > 200, "{said}");
}
