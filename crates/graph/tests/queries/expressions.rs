//! Random expressions as text, over random devices: what a plain interpreter finds among single GETs is what the list gives. It
//! shares nothing with the parser, the filters and the stores but the words.

use std::collections::BTreeSet;
use std::fmt;

use chaveiro_core::Timestamp;
use chaveiro_core::device::{Inventory, InventoryField, ManagedDevice, ManagementState, OwnerType, Platform};
use serde_json::Value;

use super::{DEVICES, World, device, encoded, id, ids, tenant, world};

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.roll(of.len())]
    }
}

const TEXTS: [&str; 8] = ["Ab", "aB_c", "b%", "O'Brien", "and", "\u{e9}(x)", "a,b", ""];
const TIMES: [&str; 3] = ["2026-09-21T14:13:20Z", "2026-09-21T15:13:20.5+01:00", "2100-01-01T00:00:00Z"];
const OF_TEXT: [&str; 6] = ["deviceName", "serialNumber", "model", "notes", "userPrincipalName", "managedDeviceName"];
const OF_NUMBERS: [&str; 2] = ["totalStorageSpaceInBytes", "freeStorageSpaceInBytes"];
const OF_TIMES: [&str; 3] = ["lastSyncDateTime", "enrolledDateTime", "managementCertificateExpirationDate"];
const OF_FLAGS: [&str; 3] = ["isEncrypted", "azureADRegistered", "isSupervised"];
const ENUMS: [(&str, [&str; 2]); 4] = [
    ("managementState", ["managed", "retireIssued"]),
    ("chaveiro_managementState", ["managed", "unenrolled"]),
    ("managedDeviceOwnerType", ["company", "personal"]),
    ("complianceState", ["unknown", "compliant"]),
];

enum Expression {
    Not(Box<Self>),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    /// A property that is true or false, alone.
    Flag(&'static str),
    /// Property, operator, literals: one, or the list of `in`.
    Compared(&'static str, &'static str, Vec<Value>),
    /// Function, property, text.
    Called(&'static str, &'static str, String),
    Tagged(String),
}

/// Times are written without quotes.
fn literal(of: &str, value: &Value) -> String {
    match value.as_str() {
        Some(text) if OF_TIMES.contains(&of) => text.to_owned(),
        Some(text) => format!("'{}'", text.replace('\'', "''")),
        None => value.to_string(),
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Not(inner) => write!(f, "not ({inner})"),
            // `and` binds tighter, so that an `or` beside it needs parentheses, and nothing else does.
            Self::And(one, other) => {
                let part = |part: &Self| match part {
                    Self::Or(..) => format!("({part})"),
                    _ => part.to_string(),
                };
                write!(f, "{} and {}", part(one), part(other))
            }
            Self::Or(one, other) => write!(f, "{one} or {other}"),
            Self::Flag(of) => f.write_str(of),
            Self::Compared(of, "in", values) => {
                let values: Vec<_> = values.iter().map(|value| literal(of, value)).collect();
                write!(f, "{of} in ({})", values.join(", "))
            }
            Self::Compared(of, operator, values) => write!(f, "{of} {operator} {}", literal(of, &values[0])),
            Self::Called(function, of, text) => write!(f, "{function}({of},{})", literal("", &text.clone().into())),
            Self::Tagged(tag) => write!(f, "roleScopeTagIds/any(t:t eq {})", literal("", &tag.clone().into())),
        }
    }
}

fn leaf(dice: &mut Dice) -> Expression {
    let ordered = ["eq", "ne", "gt", "ge", "lt", "le", "in"];
    let sorts = ["eq", "ne", "in"];
    let (of, operator) = match dice.roll(7) {
        0 | 1 => (dice.one(&OF_TEXT), dice.one(&ordered)),
        2 => (dice.one(&OF_NUMBERS), dice.one(&ordered)),
        3 => (dice.one(&OF_TIMES), dice.one(&ordered)),
        4 if dice.roll(3) == 0 => return Expression::Flag(dice.one(&OF_FLAGS)),
        4 => (dice.one(&OF_FLAGS), dice.one(&sorts)),
        5 => (ENUMS[dice.roll(ENUMS.len())].0, dice.one(&sorts)),
        _ if dice.roll(4) == 0 => return Expression::Tagged(dice.one(&["own", "porto", "OWN", ""]).to_owned()),
        _ => {
            let part: String = dice.one(&TEXTS).chars().take(dice.roll(4)).collect();
            let function = dice.one(&["startswith", "endswith", "contains"]);
            return Expression::Called(function, dice.one(&OF_TEXT), part);
        }
    };
    let value = |dice: &mut Dice| match ENUMS.iter().find(|(name, _)| *name == of) {
        Some((_, members)) => Value::from(dice.one(members)),
        None if OF_NUMBERS.contains(&of) => (dice.roll(3) as u64).into(),
        None if OF_TIMES.contains(&of) => dice.one(&TIMES).into(),
        None if OF_FLAGS.contains(&of) => (dice.roll(2) == 0).into(),
        None => dice.one(&TEXTS).into(),
    };
    let many = if operator == "in" { 1 + dice.roll(3) } else { 1 };
    let values = (0..many).map(|_| if dice.roll(6) == 0 { Value::Null } else { value(dice) });
    Expression::Compared(of, operator, values.collect())
}

fn random(dice: &mut Dice, depth: usize) -> Expression {
    let inner = |dice: &mut Dice| Box::new(random(dice, depth - 1));
    match dice.roll(if depth == 0 { 1 } else { 5 }) {
        0 => leaf(dice),
        1 => Expression::Not(inner(dice)),
        2 | 3 => Expression::And(inner(dice), inner(dice)),
        _ => Expression::Or(inner(dice), inner(dice)),
    }
}

/// Whether it is true of what a GET says.
fn holds(expression: &Expression, said: &Value) -> bool {
    let folded = |value: &Value| value.as_str().map(str::to_ascii_lowercase);
    match expression {
        Expression::Not(inner) => !holds(inner, said),
        Expression::And(one, other) => holds(one, said) && holds(other, said),
        Expression::Or(one, other) => holds(one, said) || holds(other, said),
        Expression::Flag(of) => said[of] == true,
        Expression::Tagged(tag) => {
            said["roleScopeTagIds"].as_array().is_some_and(|tags| tags.contains(&tag[..].into()))
        }
        Expression::Called(function, of, part) => folded(&said[of]).is_some_and(|text| {
            let part = part.to_ascii_lowercase();
            match *function {
                "startswith" => text.starts_with(&part),
                "endswith" => text.ends_with(&part),
                _ => text.contains(&part),
            }
        }),
        Expression::Compared(of, operator, values) => {
            let at = |value: &Value| value.as_str().map(|text| text.parse::<Timestamp>().expect("a time"));
            let order = |value: &Value| match (&said[of], value) {
                (Value::Null, Value::Null) => Some(std::cmp::Ordering::Equal),
                (Value::Null, _) | (_, Value::Null) => None,
                (one, other) if OF_TIMES.contains(of) => at(one).partial_cmp(&at(other)),
                (Value::Number(one), Value::Number(other)) => one.as_u64().partial_cmp(&other.as_u64()),
                (Value::Bool(one), Value::Bool(other)) => one.partial_cmp(other),
                (one, other) => folded(one).partial_cmp(&folded(other)),
            };
            let null = said[of].is_null() || values[0].is_null();
            let first = order(&values[0]);
            match *operator {
                "eq" => first.is_some_and(|order| order.is_eq()),
                "ne" => !first.is_some_and(|order| order.is_eq()),
                "in" => values.iter().any(|value| order(value).is_some_and(|order| order.is_eq())),
                _ if null => false,
                "gt" => first.is_some_and(|order| order.is_gt()),
                "ge" => first.is_some_and(|order| order.is_ge()),
                "lt" => first.is_some_and(|order| order.is_lt()),
                _ => first.is_some_and(|order| order.is_le()),
            }
        }
    }
}

fn inventory(dice: &mut Dice) -> Inventory {
    let mut inventory = Inventory::default();
    for name in ["deviceName", "serialNumber", "model", "azureAdDeviceId"] {
        let text = (dice.roll(4) > 0).then(|| dice.one(&TEXTS).into());
        inventory.set(InventoryField::named(name).expect("a row"), text);
    }
    for name in ["totalStorageBytes", "freeStorageBytes"] {
        let number = (dice.roll(2) == 0).then(|| (dice.roll(3) as i64).into());
        inventory.set(InventoryField::named(name).expect("a row"), number);
    }
    let encrypted = (dice.roll(3) > 0).then(|| (dice.roll(2) == 0).into());
    inventory.set(InventoryField::named("isEncrypted").expect("a row"), encrypted);
    inventory
}

async fn fill(world: &World, dice: &mut Dice) {
    for number in 100..125 {
        let text = |dice: &mut Dice| (dice.roll(4) > 0).then(|| dice.one(&TEXTS).to_owned());
        let at = |dice: &mut Dice| {
            Timestamp::from_millisecond(1_790_000_000_000 + 500 * dice.roll(3) as i64).expect("a time")
        };
        let platform = [Platform::Windows, Platform::WindowsPhone, Platform::Linux][dice.roll(3)];
        let row = ManagedDevice {
            management_state: ManagementState::ALL[dice.roll(3)],
            comanaged: dice.roll(2) == 0,
            user: (dice.roll(2) == 0).then(|| chaveiro_core::id::ResourceId(id(0xa, 10 + dice.roll(2) as u64))),
            enrolled: at(dice),
            last_sync: at(dice),
            certificate_expires: (dice.roll(2) == 0).then(|| at(dice)),
            inventory: inventory(dice),
            notes: text(dice),
            managed_device_name: text(dice),
            owner_type: [OwnerType::Company, OwnerType::Personal, OwnerType::Unknown][dice.roll(3)],
            scope_tags: [dice.one(&["own", "porto", "x"]), dice.one(&["own", "y"])].map(str::to_owned).into(),
            ..ManagedDevice::new(tenant(1), device(number), platform, at(dice))
        };
        world.write(move |unit| Ok(unit.insert_device(&row)?)).await;
    }
}

#[tokio::test]
async fn an_expression_finds_the_devices_that_a_plain_interpreter_finds() {
    let (world, token) = world().await;
    super::fill(&world).await;
    let mut dice = Dice(26);
    fill(&world, &mut dice).await;
    let (_, all) = world.ask(&token, "GET", &format!("{DEVICES}?$filter={}", encoded(super::OF_ALL)), &[]).await;
    let mut said = Vec::new();
    for one in ids(&all) {
        said.push(world.ask(&token, "GET", &format!("{DEVICES}/{one}"), &[]).await.1);
    }
    let (mut telling, mut asked) = (0, 0);
    while asked < 300 {
        let expression = random(&mut dice, 4);
        let text = expression.to_string();
        if text.len() > 1_000 {
            continue;
        }
        asked += 1;
        let found = said.iter().filter(|one| holds(&expression, one));
        let expected: BTreeSet<_> = found.map(|one| one["id"].as_str().expect("an id").to_owned()).collect();
        let asked_of_all = format!("({text}) and {}", super::OF_ALL);
        let (status, list) =
            world.ask(&token, "GET", &format!("{DEVICES}?$filter={}", encoded(&asked_of_all)), &[]).await;
        assert_eq!(status, 200, "{text}: {list}");
        assert_eq!(ids(&list).into_iter().collect::<BTreeSet<_>>(), expected, "{text}");
        telling += usize::from(!expected.is_empty() && expected.len() < said.len());
    }
    assert!(telling > 150, "expressions that find all or nothing prove little: {telling}");
}
