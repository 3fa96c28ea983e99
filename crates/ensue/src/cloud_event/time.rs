//! Points in time as text ([RFC 3339](https://www.rfc-editor.org/rfc/rfc3339)), in the proleptic
//! Gregorian calendar.

use ensue_core::Timestamp;

/// To the microsecond, in UTC. LIMIT: the format knows the years 0 to 9999; what is outside of them
/// becomes the nearest.
pub(super) fn written(time: Timestamp) -> String {
    let micros = time.as_micros().clamp(FIRST, LAST);
    let (days, of_day) = (micros.div_euclid(DAY), micros.rem_euclid(DAY));
    let (year, month, day) = date(days);
    let (seconds, micros) = (of_day / SECOND, of_day % SECOND);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
}

/// Nothing if it is none. A leap second is the one after it, and what is finer than a microsecond is
/// left out.
pub(super) fn read(text: &str) -> Option<Timestamp> {
    let number = |from: usize, to: usize| digits(text.get(from..to)?);
    let is = |at: usize, separators: &[u8]| {
        text.as_bytes().get(at).is_some_and(|b| separators.contains(b))
    };
    let separated = is(4, b"-") && is(7, b"-") && is(10, b"Tt ") && is(13, b":") && is(16, b":");
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let days = days(year, month, day);
    let is_date = (1..=12).contains(&month) && date(days) == (year, month, day);
    let is_time = hour < 24 && minute < 60 && second <= 60;
    let (fraction, zone) = fraction(text.get(19..)?)?;
    let seconds = hour * 3_600 + minute * 60 + second - offset(zone)?;
    (separated && is_date && is_time)
        .then(|| Timestamp::from_micros(days * DAY + seconds * SECOND + fraction))
}

/// Microseconds, and what follows them.
fn fraction(text: &str) -> Option<(i64, &str)> {
    let Some(text) = text.strip_prefix('.') else { return Some((0, text)) };
    let end = text.find(|letter: char| !letter.is_ascii_digit())?;
    let (fraction, zone) = text.split_at(end);
    let fraction = format!("{:0<6}", fraction.get(..6).unwrap_or(fraction));
    Some((digits(&fraction).filter(|_| end > 0)?, zone))
}

/// Seconds that are not UTC's.
fn offset(zone: &str) -> Option<i64> {
    let sign = match zone.as_bytes() {
        b"Z" | b"z" => return Some(0),
        [b'+', ..] => 1,
        [b'-', ..] => -1,
        _ => return None,
    };
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    let (hours, minutes) = (two_digits(hours)?, two_digits(minutes)?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3_600 + minutes * 60))
}

fn two_digits(text: &str) -> Option<i64> {
    digits(text).filter(|_| text.len() == 2)
}

fn digits(text: &str) -> Option<i64> {
    let all_are_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    all_are_digits.then(|| text.parse().ok()).flatten()
}

/// Days since 1970-01-01, counted in eras of 400 years that begin with a March
/// ([Hinnant 2013](https://howardhinnant.github.io/date_algorithms.html)).
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * ERA + of_era * 365 + of_era / 4 - of_era / 100 + day_of_year - TO_1970
}

/// The other way round.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + TO_1970;
    let (era, of_era) = (days.div_euclid(ERA), days.rem_euclid(ERA));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let day_of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400;
    (if month <= 2 { year + 1 } else { year }, month, day)
}

/// Days of 400 years.
const ERA: i64 = 146_097;
/// Days from the first of March of the year 0.
const TO_1970: i64 = 719_468;
const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;
const FIRST: i64 = -62_167_219_200 * SECOND;
const LAST: i64 = 253_402_300_800 * SECOND - 1;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_time_is_written_in_utc_to_the_microsecond() {
        for (micros, text) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (-1, "1969-12-31T23:59:59.999999Z"),
            (1_700_000_000_123_456, "2023-11-14T22:13:20.123456Z"),
            (951_782_400_000_000, "2000-02-29T00:00:00.000000Z"),
            (i64::MIN, "0000-01-01T00:00:00.000000Z"),
            (i64::MAX, "9999-12-31T23:59:59.999999Z"),
        ] {
            assert_eq!(written(Timestamp::from_micros(micros)), text);
        }
    }

    #[test]
    fn whatever_the_standard_allows_is_read() {
        for (text, micros) in [
            ("1970-01-01T00:00:01Z", 1_000_000),
            ("1970-01-01t00:00:01z", 1_000_000),
            ("1970-01-01 00:00:01.5Z", 1_500_000),
            ("1970-01-01T02:00:00+02:00", 0),
            ("1969-12-31T16:00:00-08:00", 0),
            ("1970-01-01T00:00:00.123456789Z", 123_456),
            ("1969-12-31T23:59:60Z", 0),
        ] {
            assert_eq!(read(text), Some(Timestamp::from_micros(micros)), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_not_read() {
        for text in [
            "",
            "now",
            "1970-01-01",
            "1970-01-01T00:00:00",
            "1970-13-01T00:00:00Z",
            "1970-02-29T00:00:00Z",
            "1970-01-01T24:00:00Z",
            "1970-01-01T00:00:00.Z",
            "1970-01-01T00:00:00+0200",
            "1970-01-01T00:00:00+02:000",
            "+970-01-01T00:00:00Z",
            "1970-01-0\u{e4}T00:00:00Z",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_time_comes_back(micros in FIRST..=LAST) {
            let time = Timestamp::from_micros(micros);
            prop_assert_eq!(read(&written(time)), Some(time));
        }

        #[test]
        fn no_text_is_too_strange(text in "\\PC*") {
            let _any = read(&text);
        }
    }
}
