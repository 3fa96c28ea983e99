//! The rules for names and for other text that travels with an event.

use std::error::Error;
use std::fmt;

/// The rule for one kind of name or text that travels with an event.
///
/// Every database compares names byte by byte: `refunds` and `Refunds` are different names, and so are the
/// two encodings of `é`. A name that breaks its rule is refused where it enters, since some databases would
/// truncate it, confuse it with another name, or be unable to store it.
///
/// | rule | maximum bytes | control characters | leading or trailing space |
/// |---|---|---|---|
/// | [`SUBSCRIPTION`](Self::SUBSCRIPTION), [`LISTENER`](Self::LISTENER), [`EVENT_TYPE`](Self::EVENT_TYPE), [`CORRELATION_ID`](Self::CORRELATION_ID), [`CONTENT_TYPE`](Self::CONTENT_TYPE), [`TRACE_CONTEXT`](Self::TRACE_CONTEXT), [`HEADER_NAME`](Self::HEADER_NAME) | 255 | none | none |
/// | [`KEY`](Self::KEY) | 1,024 | none | allowed |
/// | [`MESSAGE_SOURCE`](Self::MESSAGE_SOURCE), [`MESSAGE_ID`](Self::MESSAGE_ID) | 2,048 | none | allowed |
/// | [`HEADER_VALUE`](Self::HEADER_VALUE) | 65,536 | all but U+0000 | allowed |
/// | [`REASON`](Self::REASON) | 4,096 | all but U+0000 | allowed |
///
/// Only the last two may be empty.
///
/// ```
/// use ensue_core::NameRule;
///
/// assert!(NameRule::SUBSCRIPTION.allows("refunds"));
/// let refused = NameRule::SUBSCRIPTION.check("refunds ").unwrap_err();
/// assert!(refused.to_string().starts_with("subscription `refunds ` has a space at an end; use "));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameRule {
    kind: &'static str,
    form: Form,
    bytes_max: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// A [`Line`](Form::Line) without a space at either end.
    Name,
    /// Non-empty text without control characters.
    Line,
    /// Any text without U+0000.
    Text,
}

/// LIMIT: fits a key column of every database, beside another in one index, and a short string of AMQP.
const NAME_BYTES_MAX: usize = 255;

impl NameRule {
    /// The name of a subscription.
    pub const SUBSCRIPTION: Self = Self::of("subscription", Form::Name, NAME_BYTES_MAX);
    /// The name of a listener or of another inbox consumer.
    pub const LISTENER: Self = Self::of("listener", Form::Name, NAME_BYTES_MAX);
    /// The stable name of an event type.
    pub const EVENT_TYPE: Self = Self::of("event type", Form::Name, NAME_BYTES_MAX);
    /// A [`CorrelationId`](crate::CorrelationId).
    pub const CORRELATION_ID: Self = Self::of("correlation id", Form::Name, NAME_BYTES_MAX);
    /// The media type of a payload.
    pub const CONTENT_TYPE: Self = Self::of("content type", Form::Name, NAME_BYTES_MAX);
    /// A `traceparent`.
    pub const TRACE_CONTEXT: Self = Self::of("trace context", Form::Name, NAME_BYTES_MAX);
    /// The name of a header.
    pub const HEADER_NAME: Self = Self::of("name of the header", Form::Name, NAME_BYTES_MAX);
    /// The ordering key of an event. LIMIT: the longest key of an object store, which other systems send as
    /// a subject.
    pub const KEY: Self = Self::of("key", Form::Line, 1_024);
    /// The source of an incoming message. LIMIT: the longest URI that browsers accept.
    pub const MESSAGE_SOURCE: Self = Self::of("source", Form::Line, 2_048);
    /// The id of an incoming message within its source.
    pub const MESSAGE_ID: Self = Self::of("id", Form::Line, 2_048);
    /// The value of a header.
    pub const HEADER_VALUE: Self = Self::of("value", Form::Text, 65_536);
    /// The reason that an operator gives.
    pub const REASON: Self = Self::of("reason", Form::Text, 4_096);

    const fn of(kind: &'static str, form: Form, bytes_max: usize) -> Self {
        Self { kind, form, bytes_max }
    }

    /// Returns the maximum length in bytes.
    pub const fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    /// Returns true if `text` follows the rule.
    pub const fn allows(&self, text: &str) -> bool {
        self.fault(text).is_none()
    }

    /// Checks `text` against the rule.
    ///
    /// # Errors
    /// Returns an error if `text` breaks the rule. The error shows the text and says what is allowed.
    pub fn check(&self, text: &str) -> Result<(), InvalidName> {
        self.check_as(|| format!("{} `{}`", self.kind, shortened(text)), text)
    }

    /// Checks `text`. The error names it with `called` instead of showing it.
    pub(crate) fn check_as(
        &self,
        called: impl FnOnce() -> String,
        text: &str,
    ) -> Result<(), InvalidName> {
        match self.fault(text) {
            None => Ok(()),
            Some(fault) => Err(InvalidName { called: called(), fault, rule: *self }),
        }
    }

    const fn fault(&self, text: &str) -> Option<Fault> {
        let bytes = text.as_bytes();
        let is_text = matches!(self.form, Form::Text);
        if bytes.len() > self.bytes_max {
            return Some(Fault::TooLong(bytes.len()));
        }
        if bytes.is_empty() {
            return if is_text { None } else { Some(Fault::Empty) };
        }
        let has_outer_space = bytes[0] == b' ' || bytes[bytes.len() - 1] == b' ';
        if matches!(self.form, Form::Name) && has_outer_space {
            return Some(Fault::OuterSpace);
        }
        let mut at = 0;
        while at < bytes.len() {
            match bytes[at] {
                0 => return Some(Fault::Control(0)),
                code @ (1..0x20 | 0x7f) if !is_text => return Some(Fault::Control(code)),
                // U+0080 to U+009F are this byte followed by one more.
                0xc2 if !is_text && bytes[at + 1] < 0xa0 => {
                    return Some(Fault::Control(bytes[at + 1]));
                }
                _ => at += 1,
            }
        }
        None
    }
}

/// The check that the derive writes for the name and the aliases of an event type.
#[track_caller]
pub const fn assert_event_type(name: &str) {
    assert!(
        NameRule::EVENT_TYPE.allows(name),
        "an event type is 1 to 255 bytes long, with no control character and no space at either end"
    );
}

/// The error for a name or text that breaks its [rule](NameRule).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidName {
    /// The kind of text, and the text itself unless it may be a secret.
    called: String,
    fault: Fault,
    rule: NameRule,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Empty,
    TooLong(usize),
    OuterSpace,
    /// LIMIT: a `u8` suffices, since all control characters are below U+00A0.
    Control(u8),
}

impl fmt::Display for InvalidName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { called, fault, rule } = self;
        match fault {
            Fault::Empty => write!(f, "{called} is empty")?,
            Fault::TooLong(bytes) => write!(f, "{called} is {bytes} bytes long")?,
            Fault::OuterSpace => write!(f, "{called} has a space at an end")?,
            Fault::Control(code) => write!(f, "{called} has the control character U+{code:04X}")?,
        }
        let bytes_max = rule.bytes_max;
        match rule.form {
            Form::Name => write!(
                f,
                "; use 1 to {bytes_max} bytes with no control character and no space at either end"
            ),
            Form::Line => write!(f, "; use 1 to {bytes_max} bytes with no control character"),
            Form::Text => write!(f, "; use up to {bytes_max} bytes without U+0000"),
        }
    }
}

impl Error for InvalidName {}

/// Escapes control characters and shortens the text. LIMIT: enough for its owner to recognise the name.
fn shortened(text: &str) -> String {
    const CHARS_MAX: usize = 60;
    match text.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{}…", text[..end].escape_debug()),
        None => text.escape_debug().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_plain_and_otherwise_any_text() {
        for name in ["a", "ä b", "주문", "e\u{301}", "a\u{a0}", "\u{c2}", &"x".repeat(255)] {
            assert_eq!(NameRule::SUBSCRIPTION.check(name), Ok(()), "{name}");
        }
        let long = "\u{e4}".repeat(128);
        for name in ["", " ", " a", "a ", "a\0", "a\tb", "\u{7f}", "a\u{85}b", &long] {
            assert!(!NameRule::SUBSCRIPTION.allows(name), "{name:?}");
        }
    }

    #[test]
    fn a_key_may_have_spaces_and_a_reason_may_have_lines() {
        assert!(NameRule::KEY.allows(" a "));
        for key in ["", "a\nb", "a\0"] {
            assert!(!NameRule::KEY.allows(key), "{key:?}");
        }
        assert!(NameRule::REASON.allows("") && NameRule::REASON.allows("a\r\n\tb\u{85}"));
        assert!(!NameRule::REASON.allows("a\0b"));
    }

    #[test]
    fn an_error_names_the_thing_the_fault_and_the_rule() {
        let said = |rule: NameRule, text: &str| rule.check(text).unwrap_err().to_string();
        assert_eq!(
            said(NameRule::LISTENER, "a\0"),
            "listener `a\\0` has the control character U+0000; use 1 to 255 bytes with no control \
             character and no space at either end"
        );
        assert_eq!(
            said(NameRule::KEY, &"x".repeat(1_025)),
            format!(
                "key `{}…` is 1025 bytes long; use 1 to 1024 bytes with no control character",
                "x".repeat(60)
            )
        );
        assert!(said(NameRule::REASON, "\0").ends_with("use up to 4096 bytes without U+0000"));
    }
}
