//! Lists of devices: the server filters, and each page is printed as it comes.

use anyhow::Result;
use chaveiro_lang::{Text, text};

use crate::args::{Common, DeviceList, Extent, Find};
use crate::client::GraphClient;
use crate::lookup::{DEVICES, RETIRED};
use crate::out::Out;
use crate::question::{Question, equals};
use crate::verbs::device::client;

/// Most rows of a page.
const PAGE: usize = 500;

const COLUMNS: [(Text, &str); 6] = [
    (text!("title-name"), "deviceName"),
    (text!("title-system"), "operatingSystem"),
    (text!("title-user"), "userPrincipalName"),
    (text!("title-state"), "managementState"),
    (text!("title-last-sync"), "lastSyncDateTime"),
    (text!("title-id"), "id"),
];

/// The person of a device says more than its state, for a caller on the phone.
const FOUND: [(Text, &str); 6] = [
    (text!("title-name"), "deviceName"),
    (text!("title-person"), "userDisplayName"),
    (text!("title-user"), "userPrincipalName"),
    (text!("title-serial"), "serialNumber"),
    (text!("title-last-sync"), "lastSyncDateTime"),
    (text!("title-id"), "id"),
];

/// `device list`.
pub(crate) async fn list(common: &Common, out: Out, asked: &DeviceList) -> Result<()> {
    let client = client(common, super::device::READ).await?;
    let mut question = Question::of(DEVICES);
    if let Some(text) = &asked.search {
        question = question.search(text);
    }
    if let Some(user) = &asked.user {
        question = question.filter(equals("userPrincipalName", user));
    }
    if let Some(filter) = &asked.filter {
        question = question.filter(filter.clone());
    }
    if asked.retired {
        question = question.filter(RETIRED);
    }
    print(&client, out, question, &asked.extent, &COLUMNS).await
}

/// `find`: devices by their name, serial number or model, and by their user's names and address.
pub(crate) async fn find(common: &Common, out: Out, asked: &Find) -> Result<()> {
    let client = client(common, super::device::READ).await?;
    print(&client, out, Question::of(DEVICES).search(&asked.text.join(" ")), &asked.extent, &FOUND).await
}

/// Prints a list up to its limit, and says so if the server has more.
pub(crate) async fn print(
    client: &GraphClient,
    out: Out,
    question: Question,
    extent: &Extent,
    columns: &[(Text, &str)],
) -> Result<()> {
    let limit = if extent.all { usize::MAX } else { usize::try_from(extent.limit)? };
    let mut pages = client.pages(&question.top(limit.min(PAGE)).url());
    let (mut list, mut printed, mut is_cut) = (out.pages(columns), 0, false);
    while printed < limit
        && let Some(mut page) = pages.next().await?
    {
        is_cut = page.len() > limit - printed || pages.has_more();
        page.truncate(limit - printed);
        printed += page.len();
        if !list.page(&page) {
            return Ok(());
        }
    }
    list.end();
    if is_cut {
        out.note(text!("list-cut", limit = printed));
    }
    Ok(())
}
