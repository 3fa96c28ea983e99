//! The header `traceparent`: version, trace id, parent id and flags, each in lower-case hexadecimal
//! ([W3C Trace Context §3.2](https://www.w3.org/TR/trace-context/#traceparent-header)).

use axum::http::HeaderMap;
use ensue::NameRule;

/// The header as it came, if there is one, and it is well-formed.
pub(super) fn of(headers: &HeaderMap) -> Option<String> {
    let mut given = headers.get_all("traceparent").iter();
    let (Some(only), None) = (given.next(), given.next()) else { return None };
    let text = only.to_str().ok()?.trim();
    (is_well_formed(text) && NameRule::TRACE_CONTEXT.allows(text)).then(|| text.to_owned())
}

fn is_well_formed(text: &str) -> bool {
    let mut fields = text.split('-');
    let mut field = |length| fields.next().filter(|field| is_hexadecimal(field, length));
    let (Some(version), Some(trace), Some(parent), Some(_flags)) =
        (field(2), field(32), field(16), field(2))
    else {
        return false;
    };
    // Later versions may go on, the first may not.
    let ends = version != "00" || fields.next().is_none();
    version != "ff" && ends && !is_zero(trace) && !is_zero(parent)
}

fn is_hexadecimal(field: &str, length: usize) -> bool {
    field.len() == length && field.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_zero(field: &str) -> bool {
    field.bytes().all(|byte| byte == b'0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_standard_calls_valid_is_well_formed() {
        for valid in [
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
            "cc-12345678901234567890123456789012-1234567890123456-01",
            "cc-12345678901234567890123456789012-1234567890123456-01-what-the-future-will-be-like",
        ] {
            assert!(is_well_formed(valid), "{valid}");
        }
    }

    #[test]
    fn what_it_calls_invalid_is_not() {
        for invalid in [
            "",
            "00",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert!(!is_well_formed(invalid), "{invalid}");
        }
    }
}
