//! Decodes rows with arbitrary columns, as a database with arbitrary content may return them.

use proptest::prelude::*;

use super::entry::entry;
use super::inbox::letter;
use super::subscriptions::{claim, request, set_aside, status};
use super::{Row, Value};
use crate::BoxError;
use crate::store::position_of;
use crate::subscription::{FailureClass, SetAsideState};

/// The columns of a row, readable as any type.
#[derive(Debug, Clone)]
struct Columns(Vec<Value<'static>>);

impl Columns {
    fn set(&self, column: usize, value: Value<'static>) -> Self {
        let mut columns = self.clone();
        columns.0[column] = value;
        columns
    }
}

impl Row for Columns {
    fn number(&self, column: usize) -> Result<Option<i64>, BoxError> {
        match &self.0[column] {
            Value::Number(number) => Ok(*number),
            Value::Text(None) | Value::Bytes(None) => Ok(None),
            other => Err(format!("{other:?} is no number").into()),
        }
    }

    fn flag(&self, column: usize) -> Result<bool, BoxError> {
        self.number(column)?.map(|number| number != 0).ok_or_else(|| "NULL is no flag".into())
    }

    fn text(&self, column: usize) -> Result<Option<&str>, BoxError> {
        match &self.0[column] {
            Value::Text(text) => Ok(text.as_deref()),
            Value::Number(None) | Value::Bytes(None) => Ok(None),
            other => Err(format!("{other:?} is no text").into()),
        }
    }

    fn bytes(&self, column: usize) -> Result<Option<Vec<u8>>, BoxError> {
        match &self.0[column] {
            Value::Bytes(bytes) => Ok(bytes.map(<[u8]>::to_vec)),
            Value::Text(text) => Ok(text.as_deref().map(|text| text.as_bytes().to_vec())),
            Value::Number(None) => Ok(None),
            other => Err(format!("{other:?} is no bytes").into()),
        }
    }
}

/// Draws values that are valid in some column as often as others.
fn any_value() -> impl Strategy<Value = Value<'static>> {
    let words = [
        "",
        "0190b3f2-7d3a-7cc1-8a16-3f5bc2d7e948",
        "order.placed",
        "{}",
        r#"{"actor":"anna"}"#,
        r#"{"actor":3}"#,
        r#"{"unreadable":{"why":"","id":null,"content_type":null,"headers":[]}}"#,
        "null",
        "retrying",
        "parked",
        "handler",
        "retry",
        "replay",
        "seek",
        "done",
        "refused",
    ];
    let bytes: [&'static [u8]; 3] = [b"", b"text", b"\xff\0"];
    prop_oneof![
        Just(Value::Number(None)),
        any::<i64>().prop_map(Value::from),
        (-2_i64..10).prop_map(Value::from),
        proptest::sample::select(words.to_vec()).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        proptest::sample::select(bytes.to_vec()).prop_map(|bytes| Value::Bytes(Some(bytes))),
    ]
}

fn any_row(columns: usize) -> impl Strategy<Value = Columns> {
    proptest::collection::vec(any_value(), columns).prop_map(Columns)
}

/// A valid row of the log.
fn good_entry() -> Columns {
    let id = || Value::from("0190b3f2-7d3a-7cc1-8a16-3f5bc2d7e948");
    let (number, word) =
        (|number: i64| Value::from(number), |word: &'static str| Value::from(word));
    Columns(vec![
        number(7),
        number(1),
        id(),
        word("order.placed"),
        number(1),
        word("A-1"),
        word("application/json"),
        word("{}"),
        Value::Bytes(None),
        number(1),
        word("story"),
        id(),
        number(0),
        word("00-0-0-01"),
        word(r#"{"actor":"anna"}"#),
    ])
}

#[test]
fn what_is_good_of_an_unreadable_entry_is_kept_and_the_reason_names_the_column_and_no_value() {
    for (column, value, reason) in [
        (2, Value::from("secret"), "`event_id` is no UUID"),
        (4, Value::from(-1), "`version` is -1; it must be 0 to 4294967295"),
        (9, Value::Number(None), "`occurred_at_us` is NULL"),
        (11, Value::from("secret"), "`causation_id` is no UUID"),
        (12, Value::from(1 << 32), "`hops` is 4294967296; it must be 0 to 4294967295"),
        (14, Value::from(r#"{"actor":3}"#), "`headers` is no JSON object of strings"),
        (14, Value::from(r#"["secret"]"#), "`headers` is no JSON object of strings"),
        (14, Value::from(""), "`headers` is no JSON object of strings"),
    ] {
        let unreadable = entry(&good_entry().set(column, value)).unwrap().unwrap_err();
        assert_eq!(unreadable.reason, reason);
        assert_eq!(unreadable.position.get(), 7);
        assert_eq!(unreadable.event_type.as_deref(), Some("order.placed"));
        assert_eq!(unreadable.key.as_deref(), Some("A-1"));
    }
    let of_no_type = entry(&good_entry().set(3, Value::Bytes(Some(b"\xff")))).unwrap().unwrap_err();
    assert_eq!((of_no_type.event_type, &*of_no_type.reason), (None, "`type` is no text"));
}

#[test]
fn a_class_that_only_a_newer_program_knows_changes_nothing_but_the_class() {
    let text = |text: &'static str| Value::from(text);
    let row = Columns(vec![
        7.into(),
        text("A-1"),
        text("retrying"),
        3.into(),
        9.into(),
        text("eaten"),
        text("by a grue"),
        0.into(),
    ]);
    let entry = set_aside(&row).unwrap();
    assert!(entry.state.is_retrying());
    assert_eq!(entry.attempts, 3);
    let failure = entry.failure.unwrap();
    assert_eq!(failure.class, FailureClass::Unreadable);
    assert_eq!(failure.message, "no class of failure is called `eaten`: by a grue");
    let entry = set_aside(&row.set(2, text("resting"))).unwrap();
    assert_eq!((entry.state, entry.key.as_deref()), (SetAsideState::Parked, Some("A-1")));
}

proptest! {
    /// One bad column makes the entry unreadable, and has no other effect.
    #[test]
    fn any_value_in_a_column_of_the_log_leaves_an_entry_or_a_reason(
        column in 1_usize..15, value in any_value(),
    ) {
        let read = entry(&good_entry().set(column, value)).unwrap();
        prop_assert_eq!(position_of(&read).get(), 7);
    }

    #[test]
    fn any_row_of_the_log_with_a_position_is_read(row in any_row(15), position in 1_i64..) {
        let read = entry(&row.set(0, position.into())).unwrap();
        prop_assert_eq!(position_of(&read).get(), position.unsigned_abs());
    }

    #[test]
    fn no_row_of_the_log_panics(row in any_row(15)) {
        _ = entry(&row);
    }

    #[test]
    fn any_row_that_is_set_aside_at_a_position_is_read(row in any_row(8), position in 1_i64..) {
        let entry = set_aside(&row.set(0, position.into())).unwrap();
        prop_assert_eq!(entry.position.get(), position.unsigned_abs());
    }

    /// Pending requests have no answer yet.
    #[test]
    fn any_row_of_a_pending_request_with_a_number_is_read(row in any_row(15), id in 1_i64..) {
        let pending = row.set(0, id.into()).set(12, Value::Text(None)).set(13, Value::Number(None));
        prop_assert_eq!(request(&pending.set(14, Value::Text(None))).unwrap().id.get(), id.unsigned_abs());
        _ = request(&row);
    }

    #[test]
    fn any_row_of_a_dead_letter_with_an_id_is_read(row in any_row(8)) {
        let id = "0190b3f2-7d3a-7cc1-8a16-3f5bc2d7e948";
        prop_assert_eq!(letter(&row.set(0, id.into())).unwrap().id.to_string(), id);
        _ = letter(&row);
    }

    #[test]
    fn any_row_of_a_claim_is_read(row in any_row(3)) {
        prop_assert!(claim(&row.set(2, 1.into())).unwrap().is_owner);
        _ = claim(&row);
    }

    #[test]
    fn any_rows_of_a_status_with_a_cursor_are_read(row in any_row(4), entries in any_row(8)) {
        let entries = [entries.set(0, 7.into())];
        let status = status(&[row.set(0, 6.into())], &entries).unwrap().unwrap();
        prop_assert_eq!(status.set_aside.len(), 1);
    }
}
