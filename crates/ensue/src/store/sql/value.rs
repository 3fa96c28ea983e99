//! What statements are given, and what their rows say.

use std::borrow::Cow;

use ensue_core::EventId;

use crate::BoxError;

/// A value that a statement is given: NULL if there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'v> {
    /// A `bigint`.
    Number(Option<i64>),
    /// A truth.
    Flag(bool),
    /// Text.
    Text(Option<Cow<'v, str>>),
    /// Bytes.
    Bytes(Option<&'v [u8]>),
}

/// A row of a statement's answer, by the numbers of its columns, from 0.
pub trait Row: Send + Sync {
    /// A `bigint`, or NULL.
    ///
    /// # Errors
    /// When the column is something else.
    fn number(&self, column: usize) -> Result<Option<i64>, BoxError>;

    /// A truth.
    ///
    /// # Errors
    /// When the column is something else.
    fn flag(&self, column: usize) -> Result<bool, BoxError>;

    /// Text, or NULL.
    ///
    /// # Errors
    /// When the column is something else.
    fn text(&self, column: usize) -> Result<Option<&str>, BoxError>;

    /// Bytes, or NULL.
    ///
    /// # Errors
    /// When the column is something else.
    fn bytes(&self, column: usize) -> Result<Option<Vec<u8>>, BoxError>;
}

/// Bytes as two values, text and bytes, of which one is there: what is text can be read by people.
/// Text has no zero on every database.
pub fn text_or_bytes(bytes: &[u8]) -> (Option<&str>, Option<&[u8]>) {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => (Some(text), None),
        Ok(_) | Err(_) => (None, Some(bytes)),
    }
}

/// The values of a statement, of which the first is the name of a subscription.
pub(super) fn behind<'v, const N: usize>(name: &'v str, others: [Value<'v>; N]) -> Vec<Value<'v>> {
    std::iter::once(name.into()).chain(others).collect()
}

/// The first row.
pub(super) fn only<R>(rows: &[R]) -> Result<&R, BoxError> {
    rows.first().ok_or_else(|| "there is no row".into())
}

/// Text, owned.
pub(super) fn text(row: &impl Row, column: usize) -> Result<Option<String>, BoxError> {
    Ok(row.text(column)?.map(str::to_owned))
}

/// Returns the readable part of a text that is only shown or compared. `None` if it is NULL.
pub(super) fn words(row: &impl Row, column: usize) -> Option<String> {
    match row.text(column) {
        Ok(text) => text.map(str::to_owned),
        Err(_) => {
            let bytes = row.bytes(column).ok().flatten().unwrap_or_default();
            Some(String::from_utf8_lossy(&bytes).into_owned())
        }
    }
}

/// A column that must be there.
pub(super) fn there<T>(found: Result<Option<T>, BoxError>) -> Result<T, BoxError> {
    found?.ok_or_else(|| "a column is NULL that must not be".into())
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Number(Some(number))
    }
}

impl From<Option<i64>> for Value<'_> {
    fn from(number: Option<i64>) -> Self {
        Self::Number(number)
    }
}

impl From<bool> for Value<'_> {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl<'v> From<&'v str> for Value<'v> {
    fn from(text: &'v str) -> Self {
        Self::Text(Some(text.into()))
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(Some(text.into()))
    }
}

impl<'v> From<Option<&'v str>> for Value<'v> {
    fn from(text: Option<&'v str>) -> Self {
        Self::Text(text.map(Cow::Borrowed))
    }
}

impl From<Option<String>> for Value<'_> {
    fn from(text: Option<String>) -> Self {
        Self::Text(text.map(Cow::Owned))
    }
}

impl<'v> From<Option<&'v [u8]>> for Value<'v> {
    fn from(bytes: Option<&'v [u8]>) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<EventId> for Value<'_> {
    fn from(id: EventId) -> Self {
        Self::from(id.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_zero_or_is_no_text_is_bytes() {
        assert_eq!(text_or_bytes("é {}".as_bytes()), (Some("é {}"), None));
        assert_eq!(text_or_bytes(b""), (Some(""), None));
        for bytes in [&b"a\0b"[..], b"\xff"] {
            assert_eq!(text_or_bytes(bytes), (None, Some(bytes)));
        }
    }
}
