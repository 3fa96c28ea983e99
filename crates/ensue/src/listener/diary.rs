//! What becomes of a listener's messages, in the log. Nothing is silent.

use std::sync::Arc;

use super::ListenerCounts;
use super::handling::{Handled, Unhandled};
use super::parcel::Parcel;
use crate::BoxError;
use crate::words::chain;

/// What log filters know it by.
const TARGET: &str = "ensue::listener";

pub(super) struct Diary<'a> {
    pub(super) consumer: &'a str,
}

impl Diary<'_> {
    pub(super) fn handled(&self, parcels: &[Arc<Parcel>], attempt: u32, handled: &Handled) {
        let consumer = self.consumer;
        match handled {
            Ok(are_new) => {
                let duplicates = are_new.iter().filter(|is_new| !**is_new).count();
                if duplicates > 0 {
                    tracing::debug!(target: TARGET, consumer, duplicates, "handled before");
                }
            }
            Err(Unhandled::Failed { at, failed }) => {
                let Some(parcel) = parcels.get(*at) else { return };
                let (id, event) = (parcel.id, parcel.event_type());
                let (class, error) = (failed.0.class, &failed.0.message);
                tracing::warn!(
                    target: TARGET, consumer, %id, event, attempt, %class, error, "message failed"
                );
            }
            Err(Unhandled::Refused(failure)) => {
                let (messages, error) = (parcels.len(), &failure.message);
                tracing::warn!(
                    target: TARGET, consumer, messages, error,
                    "messages failed together, and are tried one by one"
                );
            }
            Err(Unhandled::Overdue { at }) => {
                let messages = parcels.len();
                tracing::warn!(
                    target: TARGET, consumer, messages, handled = at,
                    "messages took too long together, and fewer are taken"
                );
            }
            Err(Unhandled::Unburied(error) | Unhandled::Interrupted { error, .. }) => {
                let messages = parcels.len();
                tracing::warn!(
                    target: TARGET, consumer, messages, %error, "interrupted, and tried again"
                );
            }
        }
    }

    pub(super) fn buried(&self, parcel: &Parcel, bytes: usize, handled: &Handled) {
        let (consumer, id, event) = (self.consumer, parcel.id, parcel.event_type());
        match handled {
            Ok(are_new) if are_new.contains(&true) && parcel.body().len() > bytes => {
                let length = parcel.body().len();
                tracing::error!(
                    target: TARGET, consumer, %id, event, length, kept = bytes,
                    "message is a dead letter with only a part of its body: the database refused the whole"
                );
            }
            Ok(are_new) if are_new.contains(&true) => {
                tracing::error!(target: TARGET, consumer, %id, event, "message is a dead letter");
            }
            Ok(_) => tracing::debug!(target: TARGET, consumer, %id, event, "handled before"),
            Err(Unhandled::Interrupted { error, .. }) => tracing::warn!(
                target: TARGET, consumer, %id, event, %error,
                "interrupted on becoming a dead letter, and tried again"
            ),
            Err(Unhandled::Unburied(error)) => tracing::warn!(
                target: TARGET, consumer, %id, event, %error,
                "the database refused the dead letter; retrying with less of its body"
            ),
            Err(Unhandled::Failed { .. } | Unhandled::Refused(_) | Unhandled::Overdue { .. }) => {}
        }
    }

    pub(super) fn counted(&self, before: ListenerCounts, now: ListenerCounts) {
        let consumer = self.consumer;
        let messages = now.out_of_order - before.out_of_order;
        if messages > 0 {
            tracing::warn!(
                target: TARGET, consumer, messages,
                "handled after a later one of their key, since they arrived too late"
            );
        }
        let messages = now.passed_by - before.passed_by;
        if messages > 0 {
            tracing::debug!(target: TARGET, consumer, messages, "passed by");
        }
    }

    pub(super) fn lost(&self, error: &BoxError) {
        let (consumer, error) = (self.consumer, chain(&**error));
        tracing::warn!(target: TARGET, consumer, error, "session lost, and opened again");
    }

    pub(super) fn unopened(&self, error: &BoxError) {
        let (consumer, error) = (self.consumer, chain(&**error));
        tracing::warn!(target: TARGET, consumer, error, "there is nobody to listen to");
    }
}
