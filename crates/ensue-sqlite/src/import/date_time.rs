//! A point in time as SQLite and MySQL write it.

use ensue::Timestamp;

/// Reads `YYYY-MM-DD HH:MM:SS`, with up to six digits of a fraction or none, as UTC.
pub(super) fn read(text: &str) -> Option<Timestamp> {
    let (date, time) = text.split_once(' ')?;
    let (time, fraction) = match time.split_once('.') {
        Some((time, fraction)) => (time, micros(fraction)?),
        None => (time, 0),
    };
    let seconds = days_since_1970(date)? * 86_400 + seconds_since_midnight(time)?;
    Some(Timestamp::from_micros(seconds * 1_000_000 + fraction))
}

/// In years that begin in March, so that the leap day is the last of its year.
fn days_since_1970(date: &str) -> Option<i64> {
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    if !(1..=12).contains(&month) || !(1..=days_in(year, month)).contains(&day) {
        return None;
    }
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    Some(year * 365 + leap_days + (month * 153 + 2) / 5 + day - 1 - DAYS_BEFORE_1970)
}

/// From the first of March of the year 0.
const DAYS_BEFORE_1970: i64 = 719_468;

fn days_in(year: i64, month: i64) -> i64 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + i64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn seconds_since_midnight(time: &str) -> Option<i64> {
    let [hours, minutes, seconds] = numbers(time, ':', [2, 2, 2])?;
    let is_time = hours < 24 && minutes < 60 && seconds < 60;
    is_time.then_some((hours * 60 + minutes) * 60 + seconds)
}

fn micros(fraction: &str) -> Option<i64> {
    let unit = 10_i64.pow(6_u32.checked_sub(u32::try_from(fraction.len()).ok()?)?);
    Some(number(fraction)? * unit)
}

fn numbers(text: &str, separator: char, lengths: [usize; 3]) -> Option<[i64; 3]> {
    let parts: Vec<_> = text.split(separator).collect();
    if !parts.iter().map(|part| part.len()).eq(lengths) {
        return None;
    }
    Some([number(parts[0])?, number(parts[1])?, number(parts[2])?])
}

/// Digits alone: a sign is none.
fn number(digits: &str) -> Option<i64> {
    if digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros_of(text: &str) -> Option<i64> {
        read(text).map(Timestamp::as_micros)
    }

    #[test]
    fn a_date_and_time_is_in_utc() {
        assert_eq!(micros_of("1970-01-01 00:00:00"), Some(0));
        assert_eq!(micros_of("2023-11-14 22:13:20"), Some(1_700_000_000_000_000));
        assert_eq!(micros_of("1969-12-31 23:59:59"), Some(-1_000_000));
        assert_eq!(micros_of("2000-02-29 12:00:00"), Some(951_825_600_000_000));
    }

    #[test]
    fn a_fraction_has_from_one_to_six_digits() {
        assert_eq!(micros_of("1970-01-01 00:00:00.1"), Some(100_000));
        assert_eq!(micros_of("1970-01-01 00:00:00.123"), Some(123_000));
        assert_eq!(micros_of("1970-01-01 00:00:00.000001"), Some(1));
        assert_eq!(micros_of("1969-12-31 23:59:59.999999"), Some(-1));
    }

    #[test]
    fn what_is_no_date_and_time_is_refused() {
        for text in [
            "",
            " ",
            "now",
            "2023-11-14",
            "22:13:20",
            "2023-11-14T22:13:20",
            "2023-11-14 22:13:20Z",
            "2023-11-14 22:13:20+09:00",
            "2023-11-14 22:13:20.",
            "2023-11-14 22:13:20.1234567",
            "2023-11-14 22:13:20.+1",
            "2023-11-14  22:13:20",
            "2023-11-14 22:13",
            "2023-11-14 22:13:20:00",
            "2023-11-14 24:00:00",
            "2023-11-14 22:60:00",
            "2023-11-14 22:13:60",
            "2023-11-31 22:13:20",
            "2023-02-29 22:13:20",
            "1900-02-29 00:00:00",
            "2023-13-01 00:00:00",
            "0000-00-00 00:00:00",
            "-023-11-14 22:13:20",
            "12023-11-14 22:13:20",
            "２023-11-14 22:13:20",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
