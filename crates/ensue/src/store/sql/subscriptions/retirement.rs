//! Retired subscriptions.

use super::{Own, SqlSubscriptions, unregistered};
use crate::Error;
use crate::store::columns::AnswerColumns;
use crate::store::sql::Row;
use crate::store::sql::value::words;
use crate::subscription::{Answer, TakeOver, held_by, retired};

impl<S: SqlSubscriptions> Own<'_, S> {
    /// Locks the subscription as [`lock`](Self::lock) does, and fails if it was never registered.
    pub(super) async fn lock_or_fail(&mut self) -> Result<(), Error> {
        match self.lock().await? {
            true => Ok(()),
            false => Err(unregistered(self.subscription)),
        }
    }

    pub(super) async fn refuse_retired(&mut self) -> Result<(), Error> {
        let rows = self.fetch(|of| &of.read_retired, []).await?;
        match rows.first() {
            Some(row) => Err(retired(self.subscription, &words(row, 0).unwrap_or_default())),
            None => Ok(()),
        }
    }

    /// ORDERING: lock the owner first, so that no other process takes over meanwhile.
    pub(super) async fn retire(&mut self, reason: &str) -> Result<(), Error> {
        self.lock_or_fail().await?;
        if let Some(TakeOver::Held { owner, .. }) = self.held("").await? {
            return Err(held_by(self.subscription, &owner));
        }
        self.execute(|of| &of.retire, [reason.into()]).await?;
        // A stalled process that resumes cannot record anything.
        self.execute(|of| &of.end_epoch, []).await?;
        self.execute(|of| &of.end_lease_of_epoch, []).await?;
        self.refuse_requests().await
    }

    async fn refuse_requests(&mut self) -> Result<(), Error> {
        let answer = Answer::Refused { why: "the subscription was retired".to_owned() };
        let AnswerColumns { answer, changed, why } = AnswerColumns::from(&answer);
        for row in self.fetch_bare(|of| &of.read_pending_requests).await? {
            if words(&row, 1).as_deref() != Some(self.subscription) {
                continue;
            }
            let id = row.number(0).map_err(|error| self.unreadable(error))?;
            let values =
                [id.into(), answer.as_deref().into(), changed.into(), why.as_deref().into()];
            self.execute(|of| &of.answer_request, values).await?;
        }
        Ok(())
    }
}
