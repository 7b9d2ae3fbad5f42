//! No option is ignored: every route refuses each one that it does not take, by name and with its place.

use super::*;
use crate::world::{NO_LIMIT, filled};
use chaveiro_core::principal::PrincipalKind;
use chaveiro_graph::MODEL;
use chaveiro_graph::query::{OF_ANSWER, OF_COUNT, OF_ENTITY, OF_LIST};
use chaveiro_graph::resolve::End;

const ROUTES: &str = include_str!("../../../../generated/routes.txt");

/// Options as a URL has them, and their names.
const UNKNOWN: &[(&str, &str)] = &[
    ("$foo=1", "$foo"),
    ("foo=1", "foo"),
    ("?$filter=id%20eq%20'x'", "?$filter"),
    ("%60$filter=id%20eq%20'x'", "`$filter"),
    ("amp;$filter=id%20eq%20'x'", "amp;$filter"),
    ("%24filter%20=x", "$filter "),
    ("$apply=aggregate(id)", "$apply"),
    ("$compute=1%20as%20x", "$compute"),
    ("$deltatoken=latest", "$deltatoken"),
    ("@k='x'", "@k"),
    ("api-version=1.0", "api-version"),
    ("=", ""),
    ("_=now", "_"),
];

/// A token of an operator, who may do everything.
fn operator(world: &World) -> String {
    let names = permissions();
    let host = json!({"user": "root", "uid": 0});
    world.token_with(&json!({
        "roles": names.split(' ').collect::<Vec<_>>(), "azp": "chaveiro-cli", "idtyp": "operator", "chaveiro_host": host,
    }))
}

/// Method, the path to ask, and the place that errors name.
fn routes() -> Vec<(&'static str, String, String)> {
    let lines = ROUTES.lines().filter(|line| !line.starts_with('#'));
    let mut routes: Vec<_> = lines
        .map(|line| {
            let mut words = line.split_whitespace();
            let (method, template) = (words.next().expect("a method"), words.next().expect("a path"));
            let path = format!("/beta{}", filled(&template.replace("{category}", "Device"), OWN));
            let template = template.split_once('(').map_or(template, |(name, _)| name);
            let segments = template.split('/').map(|segment| if segment.starts_with('{') { "{id}" } else { segment });
            (method, path, segments.collect::<Vec<_>>().join("/"))
        })
        .collect();
    assert!(routes.len() > 300, "{}", routes.len());
    routes.push(("GET", "/beta".to_owned(), "/".to_owned()));
    let device = format!("{DEVICES}/{}", id(0xde, OWN));
    for property in ["deviceName", "deviceName/$value", "hardwareInformation/model", "deviceActionResults"] {
        let place = format!("/deviceManagement/managedDevices/{{id}}/{property}");
        routes.push(("GET", format!("{device}/{property}"), place));
    }
    routes
}

/// The options that a route takes.
fn taken(method: &str, path: &str) -> &'static [&'static str] {
    match MODEL.parse(path).expect(path).end {
        _ if method != "GET" => &[],
        End::Set => OF_LIST,
        End::Entity => OF_ENTITY,
        End::SetCount => OF_COUNT,
        End::Service | End::Metadata | End::Function(_) | End::Property(_) => OF_ANSWER,
        end => panic!("GET of {end:?}"),
    }
}

#[tokio::test]
async fn every_route_refuses_every_option_that_it_does_not_take_and_does_nothing() {
    let world = World::with(HoldRule::default(), NO_LIMIT).await;
    world.assign(1, "intune-administrator", PrincipalKind::User, "ana@x", None).await;
    let all = operator(&world);
    let person = world.person("ana@x");
    let before = world.recorded().await.len();
    let (mut wrong, mut asked) = (Vec::new(), 0);
    for (method, path, place) in routes() {
        let token = if path.starts_with("/beta/me") { &person } else { &all };
        let takes = taken(method, &path);
        let known = OF_LIST.iter().filter(|option| !takes.contains(option));
        let known = known.map(|option| (format!("{option}=1"), (*option).to_owned()));
        let unknown = UNKNOWN.iter().map(|(option, name)| ((*option).to_owned(), (*name).to_owned()));
        for (option, name) in unknown.chain(known) {
            asked += 1;
            let (status, answer) = world.ask(token, method, &format!("{path}?{option}"), &[]).await;
            let text = answer["error"]["message"].as_str().unwrap_or_default();
            let begins = format!("The query option '{name}' is not supported for {method} {place}. ");
            if status != 400 || !text.starts_with(&begins) {
                wrong.push(format!("{method} {path}?{option}: {status} {text}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {asked}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(asked > 5_000, "{asked}");
    assert_eq!(world.recorded().await.len(), before, "nothing was done");
}

#[tokio::test]
async fn an_item_of_a_batch_refuses_options_like_a_request_of_its_own() {
    let world = World::with(HoldRule::default(), NO_LIMIT).await;
    let token = operator(&world);
    let before = world.recorded().await.len();
    let routes: Vec<_> =
        routes().into_iter().filter(|(_, path, _)| !path.contains("/me") && !path.contains("/$batch")).collect();
    for option in ["$foo=1", "foo=1", "`$filter=id eq 'x'", "amp;$filter=id eq 'x'", "?$filter=id eq 'x'"] {
        for chunk in routes.chunks(20) {
            let item = |(number, (method, path, _)): (usize, &(&str, String, String))| json!({"id": number.to_string(), "method": method, "url": format!("{path}?{option}")});
            let body = json!({"requests": chunk.iter().enumerate().map(item).collect::<Vec<_>>()}).to_string();
            let (status, answer) = world.ask_with(&token, "POST", "/beta/$batch", &[], &body).await;
            assert_eq!(status, 200, "{answer}");
            let (name, _) = option.split_once('=').expect("a name");
            for (item, (method, path, place)) in answer["responses"].as_array().expect("items").iter().zip(chunk) {
                let text = item["body"]["error"]["message"].as_str().unwrap_or_default();
                let begins = format!("The query option '{name}' is not supported for {method} {place}. ");
                assert!(item["status"] == 400 && text.starts_with(&begins), "{method} {path}?{option}: {item}");
            }
        }
    }
    assert_eq!(world.recorded().await.len(), before, "nothing was done");
}

#[tokio::test]
async fn a_head_request_is_refused_like_a_get_and_a_number_against_caches_means_nothing() {
    let (world, token) = world().await;
    for (path, status) in [
        (format!("{DEVICES}?%60$filter=x"), 400),
        (format!("{DEVICES}?_=1716222222222"), 200),
        (format!("{DEVICES}?_=1716222222222&$top=1"), 200),
        ("/v1.0/$metadata?_=1".to_owned(), 200),
        ("/v1.0/$metadata?$format=json".to_owned(), 406),
        ("/v1.0/$metadata?$format=xml".to_owned(), 200),
        (format!("{DEVICES}?$format=xml"), 406),
        (format!("{DEVICES}?$format=json"), 200),
    ] {
        for method in ["GET", "HEAD"] {
            assert_eq!(world.ask(&token, method, &path, &[]).await.0, status, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn empty_segments_mean_nothing_and_links_have_none() {
    let (world, token) = world().await;
    fill(&world).await;
    for path in [
        "/v1.0//deviceManagement/managedDevices",
        "/v1.0/deviceManagement//managedDevices/",
        "//v1.0///deviceManagement/managedDevices//",
    ] {
        let (status, list) = world.ask(&token, "GET", &format!("{path}?$top=2&$expand=users"), &[]).await;
        assert_eq!((status, ids(&list).len()), (200, 2), "{path}: {list}");
        let canonical = format!("{BASE}/v1.0/deviceManagement/managedDevices?");
        assert!(list["@odata.nextLink"].as_str().is_some_and(|link| link.starts_with(&canonical)), "{list}");
        assert_eq!(list["@odata.context"], format!("{BASE}/v1.0/$metadata#deviceManagement/managedDevices"));
    }
    let device = id(0xde, OWN);
    let urls = [
        format!("//deviceManagement/managedDevices/{device}"),
        format!("/v1.0//deviceManagement//managedDevices/{device}/"),
        format!("{BASE}/v1.0//deviceManagement/managedDevices/{device}"),
    ];
    let items =
        urls.iter().enumerate().map(|(number, url)| json!({"id": number.to_string(), "method": "GET", "url": url}));
    let body = json!({"requests": items.collect::<Vec<_>>()}).to_string();
    let (_, answer) = world.ask_with(&token, "POST", "/v1.0//$batch", &[], &body).await;
    for item in answer["responses"].as_array().expect("items") {
        assert_eq!((&item["status"], &item["body"]["id"]), (&json!(200), &json!(device)), "{item}");
    }
    let (status, made) =
        world.ask_with(&token, "POST", "/beta//users/", &[], "{\"userPrincipalName\":\"new@x\"}").await;
    assert_eq!(status, 201, "{made}");
    let link = json!({"@odata.id": format!("{BASE}/beta//users//{}/", made["id"].as_str().expect("an id"))});
    let links = format!("{DEVICES}//{device}//users/$ref");
    let (status, answer) = world.ask_with(&token, "POST", &links, &[], &link.to_string()).await;
    assert_eq!(status, 204, "{answer}");
}

#[tokio::test]
async fn no_items_are_a_page_and_the_number_is_told_beside_it() {
    let (world, _) = world().await;
    let token = operator(&world);
    fill(&world).await;
    for (query, count) in [("$top=0", 0), ("$top=0&$count=true", 5), ("$top=0&$count=true&$filter=isEncrypted", 1)] {
        for path in [DEVICES, "/v1.0/deviceManagement/managedDevices"] {
            let (status, list) = world.ask(&token, "GET", &format!("{path}?{query}"), &[]).await;
            assert_eq!((status, ids(&list).len(), &list["@odata.count"]), (200, 0, &json!(count)), "{query}: {list}");
            assert!(list.get("@odata.nextLink").is_none(), "{list}");
        }
    }
    // Small collections, those without items, and expansions alike.
    for path in ["/beta/deviceManagement/roleDefinitions?$top=0", "/beta/users?$top=0&$expand=managedDevices"] {
        let (status, list) = world.ask(&token, "GET", path, &[]).await;
        assert_eq!((status, ids(&list).len()), (200, 0), "{path}: {list}");
    }
    let (_, list) = world.ask(&token, "GET", &format!("{DEVICES}?$expand=users($top=0)"), &[]).await;
    assert!(list["value"].as_array().expect("items").iter().all(|item| item["users"] == json!([])), "{list}");
}

#[tokio::test]
async fn forms_that_clients_write_are_answered_exactly() {
    let (world, token) = world().await;
    fill(&world).await;
    for (query, expected) in [
        ("$filter=isEncrypted", 1),
        ("$filter=not%20isEncrypted", 4),
        ("$filter=isEncrypted%20or%20deviceName%20eq%20'laptop-1'", 2),
        ("$filter=totalStorageSpaceInBytes%20eq%201099511627776.0", 1),
        ("$filter=freeStorageSpaceInBytes%20gt%206.00", 1),
        ("$filter=deviceName%09eq%09'laptop-1'", 2),
        ("$orderby=deviceName%09desc,%09id", 5),
        ("$select=id,id,deviceName,ID", 5),
    ] {
        let (status, list) = world.ask(&token, "GET", &format!("{DEVICES}?{query}"), &[]).await;
        assert_eq!((status, ids(&list).len()), (200, expected), "{query}: {list}");
    }
    let (_, list) = world.ask(&token, "GET", &format!("{DEVICES}?$select=id,id,ID"), &[]).await;
    assert!(list["@odata.context"].as_str().is_some_and(|context| context.ends_with("managedDevices(id)")), "{list}");

    let path = format!("{DEVICES}/{}?$select=id,hardwareInformation/model", id(0xde, 10));
    let (status, single) = world.ask(&token, "GET", &path, &[]).await;
    assert_eq!((status, &single["hardwareInformation"]), (200, &json!({"model": "Latitude 50%"})), "{single}");
    let context = single["@odata.context"].as_str().unwrap_or_default();
    assert!(context.ends_with("#deviceManagement/managedDevices(id,hardwareInformation/model)/$entity"), "{context}");
    assert!(single.get("deviceName").is_none(), "{single}");

    for (query, words) in [
        ("$skipToken=Skip='0'", "follow @odata.nextLink"),
        ("$filter=deviceCategory/displayName%20eq%20'x'", "'deviceCategory' is no property"),
        ("$filter=deviceActionResults/any(a:a/actionState%20eq%20'pending')", "remoteActionAudits?$filter="),
    ] {
        let (status, answer) = world.ask(&token, "GET", &format!("{DEVICES}?{query}"), &[]).await;
        let text = answer["error"]["message"].as_str().unwrap_or_default();
        assert!(status == 400 && text.contains(words) && !text.contains("roleScopeTagIds"), "{query}: {answer}");
    }
}

#[tokio::test]
async fn every_function_is_called_with_and_without_parentheses_and_every_key_has_a_name() {
    let (world, _) = world().await;
    let token = operator(&world);
    let events = "/v1.0/deviceManagement/auditEvents";
    let (_, expected) = world.ask(&token, "GET", &format!("{events}/getAuditCategories()"), &[]).await;
    for name in ["getAuditCategories", "GETauditcategories", "microsoft.graph.getAuditCategories"] {
        let (status, names) = world.ask(&token, "GET", &format!("{events}/{name}"), &[]).await;
        assert_eq!((status, &names["value"]), (200, &expected["value"]), "{name}: {names}");
    }
    let (status, answer) = world.ask(&token, "GET", &format!("{events}/getAuditActivityTypes"), &[]).await;
    let text = answer["error"]["message"].as_str().unwrap_or_default();
    assert!(status == 400 && text.contains("getAuditActivityTypes(category='...')"), "{answer}");

    // Every route with keys, each key named.
    let mut compared = 0;
    for (method, path, _) in routes() {
        let is_key = |segment: &str| segment.starts_with("0000") || segment == "own";
        if method != "GET" || !path.split('/').any(is_key) {
            continue;
        }
        let named = path.split('/').fold(String::new(), |path, segment| match segment {
            "" => path,
            key if is_key(key) => format!("{path}(id='{key}')"),
            segment => format!("{path}/{segment}"),
        });
        let (plain, by_name) =
            (world.ask(&token, "GET", &path, &[]).await, world.ask(&token, "GET", &named, &[]).await);
        assert_eq!(by_name.0, plain.0, "{named}: {}", by_name.1);
        assert_eq!(by_name.1["@odata.context"], plain.1["@odata.context"], "{named}");
        compared += 1;
    }
    assert!(compared > 60, "{compared}");
    fill(&world).await;
    for path in ["/beta/users(userPrincipalName='user10@x')", "/beta/users(id='user10@x')/userPrincipalName"] {
        assert_eq!(world.ask(&token, "GET", path, &[]).await.0, 200, "{path}");
    }
    // A name that looks like the id of a user is none.
    let by_name = format!("/beta/users(userPrincipalName='{}')", id(0xa, 10));
    assert_eq!(world.ask(&token, "GET", &by_name, &[]).await.0, 404);
}
