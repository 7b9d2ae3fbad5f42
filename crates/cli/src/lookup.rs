//! Devices and users by name. The server looks for the name in an index, so a lookup costs the same in a fleet of any size. It
//! takes a few requests, each for a few rows.

use anyhow::{Result, bail};
use chaveiro_lang::{Text, beginning, nearest, text};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use uuid::Uuid;

use crate::client::{GraphClient, succeeded};
use crate::question::{Question, begins, equals, segment};

/// The devices of the API.
pub(crate) const DEVICES: &str = "/beta/deviceManagement/managedDevices";

/// The users of the API.
pub(crate) const USERS: &str = "/beta/users";

/// The state of a device that is managed; retired devices and those that were unenrolled have another one.
pub(crate) const MANAGED: &str = "managed";

/// Filter of the devices that are no longer managed.
pub(crate) const RETIRED: &str = "managementState in ('retireIssued','unknownFutureValue')";

/// Most devices that are told apart for a person.
const CANDIDATES: usize = 10;

/// Most rows among which a mistyped name is looked for.
const NEIGHBOURS: usize = 50;

/// Properties of a device that tell it from another one.
const IDENTITY: [&str; 5] = ["id", "deviceName", "serialNumber", "userPrincipalName", "managementState"];

impl GraphClient {
    /// The id of the device with that id, name or serial number. A managed device comes before a retired one. Devices name
    /// themselves: one that is called like the serial number of another does not stand in its place.
    pub(crate) async fn device_id(&self, asked: &str) -> Result<String> {
        if Uuid::try_parse(asked).is_ok() {
            return Ok(asked.to_owned());
        }
        let (name, serial) = (equals("deviceName", asked), equals("serialNumber", asked));
        let devices = || Question::of(DEVICES).select(&IDENTITY).top(CANDIDATES);
        let mut managed = self.some(&devices().filter(name.clone())).await?;
        for device in self.some(&devices().filter(serial)).await? {
            if managed.iter().all(|other| other["id"] != device["id"]) {
                managed.push(device);
            }
        }
        let found = match one_of(asked, managed)? {
            None => one_of(asked, self.some(&devices().filter(name).filter(RETIRED)).await?)?,
            found => found,
        };
        if let Some(found) = found {
            return Ok(found);
        }
        bail!(self.unknown_device(asked).await?)
    }

    /// The text for a name that no device has, with the names that were perhaps meant.
    async fn unknown_device(&self, asked: &str) -> Result<Text> {
        let devices = || Question::of(DEVICES).select(&["deviceName"]).top(NEIGHBOURS);
        let mut near = self.some(&devices().filter(begins("deviceName", &beginning(asked)))).await?;
        if is_searchable(asked) {
            near.extend(self.some(&devices().search(asked)).await?);
        }
        let names = nearest(asked, near.iter().filter_map(|device| device["deviceName"].as_str()));
        Ok(match names.as_slice() {
            [] => text!("device-unknown", device = asked),
            names => text!("device-unknown-similar", device = asked, names = names.join(", ")),
        })
    }

    /// The user with that id or principal name.
    pub(crate) async fn user(&self, asked: &str) -> Result<Value> {
        match self.known_user(asked).await? {
            Some(user) => Ok(user),
            None => bail!(self.unknown_user(asked).await?),
        }
    }

    /// The same; `None` for a user that is not known.
    pub(crate) async fn known_user(&self, asked: &str) -> Result<Option<Value>> {
        let path = format!("{USERS}/{}", segment(asked));
        let question = Question::of(path).select(&["id", "displayName", "userPrincipalName", "mail", "accountEnabled"]);
        let (status, answer) = self.call(Method::GET, &question.url(), None).await?;
        let absent = status == StatusCode::NOT_FOUND;
        if absent { Ok(None) } else { succeeded((status, answer)).map(Some) }
    }

    /// The text for a name that no user has, with the names that were perhaps meant.
    async fn unknown_user(&self, asked: &str) -> Result<Text> {
        let names = self.users_near(asked).await?.join(", ");
        Ok(match names.as_str() {
            "" => text!("user-unknown", user = asked),
            names => text!("user-unknown-similar", user = asked, names = names),
        })
    }

    /// The principal names that were perhaps meant.
    pub(crate) async fn users_near(&self, asked: &str) -> Result<Vec<String>> {
        let local = asked.split('@').next().unwrap_or(asked);
        if local.is_empty() {
            return Ok(Vec::new());
        }
        let users = |begin: &str| {
            let question = Question::of(USERS).select(&["userPrincipalName"]).top(NEIGHBOURS);
            question.filter(begins("userPrincipalName", begin))
        };
        // The part before the @ is often right, and then among few; else its beginning is.
        let mut near = self.some(&users(local)).await?;
        near.extend(self.some(&users(&beginning(local))).await?);
        let names = nearest(asked, near.iter().filter_map(|user| user["userPrincipalName"].as_str()));
        Ok(names.into_iter().map(str::to_owned).collect())
    }
}

/// Returns true if the server looks for that text.
fn is_searchable(text: &str) -> bool {
    let words = text.split_whitespace().count();
    (1..=8).contains(&words) && text.len() < 200 && !text.contains(':') && !text.chars().any(char::is_control)
}

/// The id of the only device among them; `None` if there is none, and an error that tells several apart.
fn one_of(asked: &str, mut found: Vec<Value>) -> Result<Option<String>> {
    if found.len() > 1 {
        let is_managed = |device: &&Value| device["managementState"] == MANAGED;
        let managed: Vec<_> = found.iter().filter(is_managed).cloned().collect();
        found = if managed.is_empty() { found } else { managed };
    }
    match found.as_slice() {
        [] => Ok(None),
        [one] => Ok(one["id"].as_str().map(str::to_owned)),
        several => {
            let candidates: Vec<_> = several.iter().map(candidate).collect();
            bail!(text!("device-ambiguous", device = asked, candidates = candidates.join("\n")))
        }
    }
}

/// A device in a line: what an operator needs to choose it.
fn candidate(device: &Value) -> String {
    let told = |name: &str| device[name].as_str().filter(|value| !value.is_empty()).unwrap_or("–").to_owned();
    let parts = ["id", "deviceName", "serialNumber", "userPrincipalName"].map(told);
    format!("  {}", parts.join("  "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn device(id: &str, state: &str) -> Value {
        json!({"id": id, "deviceName": "A", "serialNumber": "S1", "userPrincipalName": null, "managementState": state})
    }

    #[test]
    fn one_managed_device_is_meant_before_retired_ones_of_its_name() {
        let (new, other) = (device("2", "managed"), device("3", "managed"));
        let id = |found: &[&Value]| one_of("A", found.iter().map(|one| (*one).clone()).collect());
        assert_eq!(id(&[]).expect("no error"), None);
        for old in ["retireIssued", "unknownFutureValue"].map(|state| device("1", state)) {
            assert_eq!(id(&[&old]).expect("no error").as_deref(), Some("1"));
            assert_eq!(id(&[&old, &new]).expect("no error").as_deref(), Some("2"));
        }
        let several = id(&[&device("1", "retireIssued"), &new, &other]).expect_err("two of them");
        let told = format!("{several:#}");
        assert!(told.contains("2  A  S1  –") && told.contains("3  A") && !told.contains("1  A"), "{told}");
    }

    #[test]
    fn a_text_that_no_search_takes_is_not_searched_for() {
        for (text, is) in
            [("ANA-LT1", true), ("ana souza", true), ("a:b", false), ("", false), ("1 2 3 4 5 6 7 8 9", false)]
        {
            assert_eq!(is_searchable(text), is, "{text}");
        }
    }
}
