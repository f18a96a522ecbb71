//! Days by number, and the day of a date or time as it is written.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use crate::error::{ErrorKind, Result};

#[cfg(any(test, feature = "arrow"))]
const EPOCH: Date = jiff::civil::date(1970, 1, 1);

/// Days since 1970-01-01.
pub(super) fn number_of(day: Date) -> i32 {
    // Hinnant's days from civil: March is the first month, an era has 400 years.
    let (year, month) = (i32::from(day.year()), i32::from(day.month()));
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + i32::from(day.day()) - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Numbers of days that mostly lie in the month of the one before.
#[derive(Default)]
pub(super) struct Numbers {
    year: i16,
    month: i8,
    /// The number of the day before its first.
    before: i32,
}

impl Numbers {
    /// As [`number_of`].
    pub fn of(&mut self, day: Date) -> i32 {
        if (day.year(), day.month()) != (self.year, self.month) {
            (self.year, self.month) = (day.year(), day.month());
            self.before = number_of(day) - i32::from(day.day());
        }
        self.before + i32::from(day.day())
    }
}

/// The day of a number, `None` beyond the years -9999 and 9999.
#[cfg(any(test, feature = "arrow"))]
pub(super) fn day_of(number: i64) -> Option<Date> {
    EPOCH.checked_add(jiff::Span::new().try_days(number).ok()?).ok()
}

/// The zone of that name; UTC without one.
///
/// # Errors
/// [`ErrorKind::Schema`] for a name that is none.
pub(super) fn zone_of(name: Option<&str>) -> Result<TimeZone> {
    let Some(name) = name else { return Ok(TimeZone::UTC) };
    TimeZone::get(name).map_err(|_| {
        ErrorKind::Schema(format!("`{name}` is no time zone; name one as `Europe/Berlin` or `UTC`")).into()
    })
}

/// What a cell says of when something happened.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Moment {
    /// The day, in UTC.
    pub day: Date,
    /// Seconds since 1970 of the time, or of the beginning of the day where there is none.
    pub second: i64,
    pub written: Written,
}

/// How much of a time was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    Day,
    Time,
    TimeWithZone,
}

impl Moment {
    pub fn of_day(day: Date) -> Self {
        Moment { day, second: i64::from(number_of(day)) * 86_400, written: Written::Day }
    }

    /// A time that names no zone, read as in one: of a time that the clocks skipped the one after, of one that they
    /// showed twice the first.
    pub fn of_local(time: DateTime, zone: &TimeZone) -> Option<Self> {
        let at = zone.to_ambiguous_timestamp(time).compatible().ok()?;
        Some(Moment { written: Written::Time, ..Moment::of_timestamp(at) })
    }

    pub fn of_timestamp(at: Timestamp) -> Self {
        let day = at.to_zoned(TimeZone::UTC).date();
        Moment { day, second: at.as_second(), written: Written::TimeWithZone }
    }

    /// Reads what is written by ISO 8601 (a blank may stand for the T), or by a format of `strptime`.
    pub fn read(text: &str, format: Option<&str>, zone: &TimeZone) -> Option<Self> {
        match format {
            Some(format) => Moment::by_format(text, format, zone),
            None => Moment::by_iso(text, zone),
        }
    }

    fn by_iso(text: &str, zone: &TimeZone) -> Option<Self> {
        if let Some(day) = plain_day(text) {
            return Some(Moment::of_day(day));
        }
        if !text.starts_with(|first: char| first.is_ascii_digit() || "+-".contains(first)) {
            return None;
        }
        if let Ok(at) = text.parse::<Timestamp>() {
            return Some(Moment::of_timestamp(at));
        }
        if text.ends_with(']') {
            return text.parse::<Zoned>().ok().map(|at| Moment::of_timestamp(at.timestamp()));
        }
        match text.len() {
            ..=10 => text.parse().ok().map(Moment::of_day),
            _ => Moment::of_local(text.parse().ok()?, zone),
        }
    }

    fn by_format(text: &str, format: &str, zone: &TimeZone) -> Option<Self> {
        let parts = jiff::fmt::strtime::parse(format, text).ok()?;
        if let Ok(at) = parts.to_timestamp() {
            return Some(Moment::of_timestamp(at));
        }
        match parts.hour() {
            Some(_) => Moment::of_local(parts.to_datetime().ok()?, zone),
            None => parts.to_date().ok().map(Moment::of_day),
        }
    }
}

/// 2026-11-21, which most dates are.
fn plain_day(text: &str) -> Option<Date> {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let number = |from: usize, to: usize| {
        bytes[from..to]
            .iter()
            .try_fold(0_i16, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i16::from(byte - b'0')))
    };
    Date::new(number(0, 4)?, number(5, 7)? as i8, number(8, 10)? as i8).ok()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn days_are_numbered_from_1970() {
        let mut numbers = Numbers::default();
        for day in [
            EPOCH,
            date(1970, 1, 9),
            date(1969, 12, 31),
            date(2000, 2, 29),
            date(2026, 11, 21),
            Date::MIN,
            Date::MAX,
        ] {
            let number = number_of(day);
            assert_eq!(day_of(i64::from(number)), Some(day));
            assert_eq!(numbers.of(day), number);
        }
        assert_eq!([number_of(date(1970, 1, 2)), number_of(date(1969, 12, 31))], [1, -1]);
        assert_eq!(day_of(i64::from(number_of(Date::MAX)) + 1), None);
    }

    #[test]
    fn times_are_read_in_their_zone_and_counted_in_utc() {
        let berlin = zone_of(Some("Europe/Berlin")).unwrap();
        let read = |text: &str| Moment::read(text, None, &berlin).map(|moment| (moment.day, moment.written));
        let third = date(2026, 3, 3);
        assert_eq!(read("2026-03-03"), Some((third, Written::Day)));
        assert_eq!(read("2026-03-04 00:30:00"), Some((third, Written::Time)), "half past eleven in London");
        assert_eq!(read("2026-03-04T00:30:00Z"), Some((date(2026, 3, 4), Written::TimeWithZone)));
        assert_eq!(read("2026-03-04 00:30:00+01:00"), Some((third, Written::TimeWithZone)));
        assert_eq!(read("2026-03-02T20:00[America/New_York]"), Some((third, Written::TimeWithZone)));
        // The night on which the clocks go forward has no half past two; that on which they go back has two.
        assert_eq!(read("2026-03-29T02:30:00"), Some((date(2026, 3, 29), Written::Time)));
        let seconds = |text: &str| Moment::read(text, None, &berlin).unwrap().second;
        assert_eq!(seconds("2026-03-29T02:30:00"), seconds("2026-03-29T03:30:00"));
        assert_eq!(seconds("2026-10-25T02:30:00"), seconds("2026-10-25T02:30:00+02:00"));
        for text in ["2026-02-30", "02/24/2026", "soon", "2026-3-", "20260303T25"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn dates_are_read_as_they_are_written() {
        let read = |text, format| Moment::read(text, Some(format), &TimeZone::UTC).map(|moment| moment.day);
        assert_eq!(read("24/2/2026", "%d/%m/%Y"), Some(date(2026, 2, 24)));
        assert_eq!(read("2/24/2026 23:30 -0100", "%m/%d/%Y %H:%M %z"), Some(date(2026, 2, 25)));
        assert_eq!(read("2026-02-24", "%d/%m/%Y"), None);
    }

    #[test]
    fn a_zone_that_is_none_is_refused() {
        assert_eq!(
            zone_of(Some("Berlin")).unwrap_err().to_string(),
            "schema: `Berlin` is no time zone; name one as `Europe/Berlin` or `UTC`"
        );
    }
}
