//! Options of a request; what filters mean is in `filter`.

use chaveiro_core::query::{Cursor, DeviceField};

use uuid::Uuid;

use super::*;
use crate::kinds::MANAGED_DEVICE;

fn walk() -> Walk {
    crate::kinds::MODEL.parse("/beta/deviceManagement/managedDevices").expect("a walk")
}

fn device() -> &'static EntityType {
    &MANAGED_DEVICE
}

/// The options of a list.
fn parse(text: &str) -> Result<Query, QueryError> {
    parse_of(OF_LIST, text)
}

fn parse_of(options: &'static [&'static str], text: &str) -> Result<Query, QueryError> {
    Query::parse(Some(text), &Taken { options, place: "GET /here".to_owned() })
}

#[test]
fn an_option_that_a_request_does_not_take_is_refused_with_its_name_and_its_place() {
    for (options, text, name, advice) in [
        (OF_LIST, "$apply=a", "$apply", "Supported here: $select, $expand, $filter"),
        (OF_LIST, "%24compute=x", "$compute", "Leave it out"),
        (OF_LIST, "x=y", "x", "Supported here"),
        (OF_LIST, "$deltatoken", "$deltatoken", "Supported here"),
        (OF_LIST, "%24top%3D=1", "$top=", "Did you mean '$top'?"),
        (OF_LIST, "?$filter=a", "?$filter", "Did you mean '$filter'?"),
        (OF_LIST, "`$filter=a", "`$filter", "Did you mean '$filter'?"),
        (OF_LIST, "$top=1&amp;$filter=a", "amp;$filter", "Did you mean '$filter'?"),
        (OF_LIST, "$$filter=a", "$$filter", "Did you mean '$filter'?"),
        (OF_LIST, "$filter:=a", "$filter:", "Did you mean '$filter'?"),
        (OF_LIST, "%20$filter=a", " $filter", "Did you mean '$filter'?"),
        (OF_LIST, "=a", "", "Supported here"),
        (OF_LIST, "@k='x'", "@k", "aliases are not supported"),
        (OF_LIST, "_=x", "_", "Supported here"),
        (OF_LIST, "_", "_", "Supported here"),
        (OF_ENTITY, "$filter=a", "$filter", "Supported here: $select, $expand, $format"),
        (OF_COUNT, "$top=1", "$top", "Supported here: $filter, $search"),
        (OF_ANSWER, "$select=a", "$select", "Supported here: $format"),
        (&[], "$format=json", "$format", "Nothing was done; leave it out."),
        (&[], "_=1&a=b", "a", "leave it out"),
    ] {
        let error = parse_of(options, text).expect_err(text).to_string();
        let begins = format!("The query option '{name}' is not supported for GET /here. ");
        assert!(error.starts_with(&begins) && error.contains(advice), "{text}: {error}");
    }
    let long = parse(&"x".repeat(5_000)).expect_err("too long").to_string();
    assert!(long.len() < 400, "{long}");
}

#[test]
fn the_one_option_that_means_nothing_is_a_number_against_caches() {
    assert_eq!(parse("_=1716222222222&$top=2").map(|query| query.top), Ok(Some(2)));
    assert_eq!(parse_of(&[], "_=7"), Ok(Query::default()));
}

#[test]
fn reads_what_it_does_in_every_spelling() {
    let query = parse("%24select=id,%20DeviceName&$TOP=5&skiptoken=a%2Bb&$count=true&&%24filter=a%20eq+1&$Format=json");
    let query = query.expect("fine");
    assert_eq!(query.format.as_deref(), Some("json"));
    assert_eq!(query.select, Some(vec!["id".to_owned(), "DeviceName".to_owned()]));
    assert_eq!((query.top, query.skiptoken.as_deref(), query.count), (Some(5), Some("a+b"), Some(true)));
    assert_eq!(query.filter.as_deref(), Some("a eq 1"));
}

#[test]
fn refuses_values_that_mean_nothing() {
    for option in ["$top=-1", "$top=ten", "$top=", "$count=1", "$select=", "$top=1&$top=2", "$skip=-1", "$skip=10001"] {
        assert!(parse(option).is_err(), "{option}");
    }
    let error = parse("$top=ten").expect_err("no number").to_string();
    assert_eq!(error, "The value of the query option '$top' is 'ten'; it must be a number from 0.");
}

#[test]
fn a_select_names_properties_and_members_of_structures_and_a_repeated_name_counts_once() {
    for (names, context) in [
        ("id,id,ID", "(id)"),
        ("hardwareInformation/Model,deviceName", "(hardwareInformation/model,deviceName)"),
        ("hardwareInformation/model,hardwareInformation/model", "(hardwareInformation/model)"),
        ("*,id", ""),
    ] {
        let query = parse(&format!("$select={names}")).expect("fine");
        let selection = query.selection(device(), Version::Beta).expect(names);
        assert_eq!(selection.context(), context, "{names}");
    }
    for (names, word) in [
        ("nope", "'nope'"),
        ("hardwareInformation/nope", "'hardwareInformation/nope'"),
        ("hardwareInformation/", "'hardwareInformation/'"),
        ("deviceName/x", "'deviceName' is not a structure"),
        ("deviceActionResults/passcode", "Select 'deviceActionResults'."),
    ] {
        let error = parse(&format!("$select={names}")).expect("fine").selection(device(), Version::Beta);
        let error = error.expect_err(names).to_string();
        assert!(error.contains(word), "{names}: {error}");
    }
    let query = parse("$select=hardwareInformation/model").expect("fine");
    assert!(query.selection(device(), Version::V1).is_err(), "v1.0 has no such property");
}

#[test]
fn a_structure_has_the_members_that_are_selected() {
    let of = |names: &str| parse(&format!("$select={names}")).expect("fine").selection(device(), Version::Beta);
    let structure = serde_json::json!({"model": "m", "imei": "i", "meid": "e"});
    let narrowed = |names: &str| of(names).expect(names).narrow("hardwareInformation", structure.clone());
    assert_eq!(
        narrowed("hardwareInformation/imei,id,hardwareInformation/model"),
        serde_json::json!({"model": "m", "imei": "i"})
    );
    assert_eq!(narrowed("hardwareInformation/imei,hardwareInformation"), structure);
    assert_eq!(narrowed("*,hardwareInformation/imei"), structure);
}

#[test]
fn the_caller_may_prefer_smaller_pages_and_no_items_at_all() {
    let limit = |text: &str, preferred| {
        let query = Query { preferred, ..parse(text).expect("fine") };
        query.listing::<DeviceField>(device(), &walk()).expect("fine").limit
    };
    assert_eq!((limit("", Some(7)), limit("$top=5", Some(7)), limit("$top=9", Some(7))), (7, 5, 7));
    assert_eq!((limit("$top=0", None), limit("", Some(100_000))), (0, MAX_PAGE));
}

#[test]
fn the_cursor_of_the_portal_is_refused_with_what_to_do() {
    for token in ["Skip='0'", "skip=1000", "SKIP=%270%27"] {
        let query = parse(&format!("$skipToken={token}")).expect("fine");
        let error = query.listing::<DeviceField>(device(), &walk()).expect_err(token).to_string();
        assert!(error.contains("first page") && error.contains("@odata.nextLink"), "{error}");
    }
}

#[test]
fn a_page_is_never_larger_than_the_limit() {
    assert_eq!(parse("$top=5000").map(|query| query.top), Ok(Some(MAX_PAGE)));
    let query = parse("$top=5000&$expand=users").expect("fine");
    assert_eq!(query.listing::<DeviceField>(device(), &walk()).map(|listing| listing.limit), Ok(MAX_EXPANDED_PAGE));
}

#[test]
fn the_next_page_asks_the_same_question_and_no_other() {
    let asked = "$select=id,model&$top=2&$count=true&$filter=model eq 'a%26b' or imei eq null&$orderby=model desc&$search=\"x y\"&$skip=3&$format=json";
    let query = parse(asked).expect("fine");
    let cursor = Cursor { keys: vec!["a=b&c/d".into()], place: Uuid::from_u128(7) };
    let again = parse(&query.next(&cursor, &walk())).expect("our own query");
    assert_eq!(again, Query { skiptoken: again.skiptoken.clone(), skip: None, ..query });
    assert_eq!(again.listing::<DeviceField>(device(), &walk()).expect("fine").after, Some(cursor));

    let comanaged = crate::kinds::MODEL.parse("/beta/deviceManagement/comanagedDevices").expect("a walk");
    assert_eq!(again.listing::<DeviceField>(device(), &comanaged).map(drop), Err(QueryError::Cursor));
    for other in [
        Query { filter: None, ..again.clone() },
        Query { orderby: Some("model".to_owned()), ..again.clone() },
        Query { search: Some("x".to_owned()), ..again.clone() },
        Query { skiptoken: Some("7".to_owned()), ..again.clone() },
        Query { skiptoken: Some("A".repeat(20_000)), ..again.clone() },
        Query { skiptoken: again.skiptoken.as_ref().map(|token| token[..20].to_owned()), ..again.clone() },
    ] {
        assert_eq!(other.listing::<DeviceField>(device(), &walk()).map(drop), Err(QueryError::Cursor));
    }
    let both = Query { skip: Some(1), ..again };
    assert!(both.listing::<DeviceField>(device(), &walk()).is_err());
}

fn said<T>(result: Result<T, QueryError>, read: impl FnOnce(T) -> String) -> String {
    result.map_or_else(|error| error.to_string(), read)
}

/// The filter as it is printed again, or the error.
#[test]
fn filters_are_read_or_refused_with_their_place() {
    let deep = format!("{}true{}", "(".repeat(17), ")".repeat(17));
    let many = vec!["isEncrypted eq true"; 129].join(" or ");
    let long = format!("deviceName eq '{}'", "x".repeat(4096));
    let mut lines = String::new();
    for text in [
        "deviceName eq 'O''Brien'",
        "devicename EQ 'a' AND (model ne null or not startswith(serialNumber,'5C'))",
        "not (lastSyncDateTime lt 2026-01-31T08:30:00.5+01:00 and contains(osVersion,'10.0'))",
        "complianceState eq 'compliant'",
        "complianceState eq microsoft.graph.complianceState'unknown'",
        "managementState eq 'RETIREISSUED'",
        "managementState in ('managed','retireIssued') and imei in ('1')",
        "roleScopeTagIds/any(t:t eq '0')",
        "not roleScopeTagIds/any(tag: tag eq 'x')",
        "totalStorageSpaceInBytes ge 1024 and skuNumber ne -5",
        "isEncrypted eq false or isSupervised eq true",
        "isEncrypted",
        "not isEncrypted",
        "isEncrypted and not (isSupervised or deviceName eq 'x')",
        "not (isEncrypted and deviceName eq 'x')",
        "(isEncrypted)",
        "isEncrypted\tand\tdeviceName\teq\t'x'",
        "totalStorageSpaceInBytes ge 4.0 and skuNumber eq -5.00",
        "jailBroken eq 'true' or deviceName gt null",
        "complianceGracePeriodExpirationDateTime gt 9999-01-01T00:00:00Z and userId eq null",
        "not not true",
        "",
        "deviceName",
        "deviceName eq",
        "deviceName eq x",
        "deviceName eq 'x",
        "deviceName eq 'x' and",
        "deviceName eq 'x' deviceName eq 'y'",
        "deviceName = 'x'",
        "deviceName has 'x'",
        "deviceNam eq 'x'",
        "'x' eq deviceName",
        "(deviceName eq 'x'",
        "deviceName eq 'x')",
        "deviceName eq 'a\nb'",
        "id eq 5a0b7e0c-0000-0000-0000-000000000000",
        "lastSyncDateTime lt '2026-01-31T08:30:00Z'",
        "lastSyncDateTime lt 2026-01-31",
        "isEncrypted eq 'true'",
        "isEncrypted gt false",
        "complianceState eq 'fine'",
        "managementState gt 'managed'",
        "totalStorageSpaceInBytes eq 1.5",
        "totalStorageSpaceInBytes eq 1.",
        "deviceName and isEncrypted",
        "isEncrypted deviceName",
        "deviceName/x eq 'x'",
        "deviceCategory/displayName eq 'x'",
        "nothing/any(x:x eq 'y')",
        "usersLoggedOn/any(u:u/userId eq 'x')",
        "deviceName in 'x'",
        "deviceName in ()",
        "tolower(deviceName) eq 'x'",
        "contains(tolower(deviceName),'x')",
        "length(deviceName) gt 3",
        "startswith(isEncrypted,'t')",
        "startswith(deviceName)",
        "contains('x',deviceName)",
        "deviceActionResults/any(r:r/passcode eq '1')",
        "deviceActionResults eq null",
        "hardwareInformation/model eq 'x'",
        "roleScopeTagIds eq 'x'",
        "roleScopeTagIds/all(t:t eq 'x')",
        "roleScopeTagIds/any(t:startswith(t,'x'))",
        "users/any(u:u eq 'x')",
        "\u{e9} eq 'x'",
        "deviceName eq '\u{e9}' or x",
        &deep,
        &many,
        &long,
    ] {
        let read = said(parse_filter::<DeviceField>(text, device(), Version::Beta), |filter| {
            let printed = filter.to_string();
            assert_eq!(parse_filter(&printed, device(), Version::Beta), Ok(filter), "what is printed means the same");
            printed
        });
        lines.push_str(&format!("{}\n    {read}\n", if text.len() > 300 { &text[..40] } else { text }));
    }
    insta::assert_snapshot!(lines);
    let v1 = parse_filter::<DeviceField>("roleScopeTagIds/any(t:t eq '0')", device(), Version::V1);
    assert!(v1.is_err(), "v1.0 does not document it");
}

#[test]
fn orders_searches_and_expansions_are_read_or_refused_with_their_place() {
    let mut lines = String::new();
    for text in [
        "deviceName desc, lastSyncDateTime asc,id",
        "complianceState",
        "",
        "deviceName down",
        "roleScopeTagIds",
        "nothing",
        "a,",
        "deviceName,",
        "id,id,id,id,id",
        "deviceName\tdesc,\tid",
    ] {
        let read = order::parse::<DeviceField>(text, device(), Version::Beta);
        lines.push_str(&format!("$orderby={text}\n    {}\n", said(read, |order| format!("{order:?}"))));
    }
    for text in [
        "laptop",
        "\"two words\" x",
        "",
        "\"open",
        "\"\"",
        "a OR b",
        "\"deviceName:x\"",
        "(a)",
        "\"(a)\" \"OR\" \"1\"\"2\"",
        "1 2 3 4 5 6 7 8 9",
    ] {
        let read = order::search::<DeviceField>(text, device());
        lines.push_str(&format!("$search={text}\n    {}\n", said(read, |filter| filter.to_string())));
    }
    for text in [
        "users",
        "users($select=id,displayName;$top=5),detectedApps",
        "",
        "nothing",
        "users,users",
        "users(",
        "users($top=0)",
        "users($top=-1)",
        "users($select=id/x)",
        "users($filter=a)",
        "users($expand=managedDevices)",
        "*",
        "users/$ref",
    ] {
        let read = expand::parse(text, &crate::kinds::MODEL, device());
        let shown = said(read, |expands| {
            expands.iter().map(|one| format!("{} {:?} {:?};", one.edge.name, one.select, one.top)).collect()
        });
        lines.push_str(&format!("$expand={text}\n    {shown}\n"));
    }
    insta::assert_snapshot!(lines);
}
