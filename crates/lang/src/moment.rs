//! Moments as people read them: in the zone of the place, which is named beside them.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};

use crate::{Lang, text};

/// Day, time and zone.
pub(crate) fn moment(at: Timestamp, lang: Lang, zone: &TimeZone) -> String {
    let local = at.to_zoned_datetime(zone.clone());
    let (day, time, zone) = (of_day(&local), local.strftime("%H:%M").to_string(), local.strftime("%Z").to_string());
    text!("moment", day = day, time = time, zone = zone).say_in(lang, &TimeZone::UTC)
}

/// The day.
pub(crate) fn day(at: Timestamp, lang: Lang, zone: &TimeZone) -> String {
    of_day(&at.to_zoned_datetime(zone.clone())).say_in(lang, &TimeZone::UTC)
}

fn of_day(local: &ZonedDateTime) -> crate::Text {
    let part = |format: &str| local.strftime(format).to_string();
    text!("day", year = part("%Y"), month = part("%m"), day = part("%d"))
}

impl Lang {
    /// A moment as its readers write it, in the zone of this place.
    pub fn moment(self, at: Timestamp) -> String {
        moment(at, self, &TimeZone::system())
    }

    /// The day of a moment as its readers write it, in the zone of this place.
    pub fn day(self, at: Timestamp) -> String {
        day(at, self, &TimeZone::system())
    }
}
