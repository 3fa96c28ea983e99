//! Part of a unit of work that can be undone by itself.

use std::sync::Arc;

use super::{Raised, Tx, abandoned};
use crate::builder::{Handlers, PlainHandlers};
use crate::handler::Call1;
use crate::store::Savepoint;
use crate::{Error, Store};

/// How far the unit of work had come.
struct Mark<S: Store> {
    done: usize,
    unfinished: u32,
    cause: Option<Arc<Raised>>,
    ledger: u64,
    handlers: Handlers<S>,
    after_commit: PlainHandlers,
}

impl<S: Store> Tx<S> {
    /// Runs `work` so that its error undoes it, and it alone: what it did to the database, the
    /// events it raised or that aggregates recorded, those that in-transaction handlers have handled
    /// already too, and the handlers it registered.
    ///
    /// Everything raised before is handled first, and everything raised inside before it returns.
    ///
    /// ```
    /// # use ensue::{BoxError, Error, Store, Tx};
    /// # async fn charge<S: Store>(tx: &mut Tx<S>) -> Result<(), BoxError> { Ok(()) }
    /// # async fn owe<S: Store>(tx: &mut Tx<S>) -> Result<(), BoxError> { Ok(()) }
    /// async fn settle<S: Store>(tx: &mut Tx<S>) -> Result<(), BoxError> {
    ///     let charged = tx.savepoint(async |tx| charge(tx).await).await;
    ///     if charged.is_err() {
    ///         owe(tx).await?; // nothing of `charge` is left
    ///     }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// The error of `work`, of a handler, or the database's.
    ///
    /// CANCEL-SAFE: dropped before its end, the whole unit of work can only be rolled back
    /// ([`ErrorKind::Abandoned`](crate::ErrorKind::Abandoned)).
    pub async fn savepoint<T, E, F>(&mut self, work: F) -> Result<T, E>
    where
        for<'r> F: AsyncFnOnce(&'r mut Self) -> Result<T, E>
            + Call1<&'r mut Self, Future: Send, Returned = Result<T, E>>,
        E: From<Error>,
    {
        self.flush().await?;
        let mark = self.mark();
        self.unfinished += 1;
        self.at_savepoint(Savepoint::Open).await?;
        self.savepoints += 1;
        let result = self.work_to_its_end(work).await;
        self.savepoints -= 1;
        match result {
            Ok(value) => {
                self.at_savepoint(Savepoint::Release).await?;
                self.unfinished -= 1;
                Ok(value)
            }
            Err(error) => {
                self.at_savepoint(Savepoint::RollBack).await?;
                self.return_to(mark);
                Err(error)
            }
        }
    }

    /// A handler that failed has left something behind that nobody vouches for, also if its error
    /// was swallowed.
    async fn work_to_its_end<T, E, F>(&mut self, work: F) -> Result<T, E>
    where
        for<'r> F: AsyncFnOnce(&'r mut Self) -> Result<T, E>
            + Call1<&'r mut Self, Future: Send, Returned = Result<T, E>>,
        E: From<Error>,
    {
        let unfinished = self.unfinished;
        let value = self.work(work).await?;
        self.flush().await?;
        if self.unfinished > unfinished {
            return Err(abandoned().into());
        }
        Ok(value)
    }

    fn mark(&self) -> Mark<S> {
        Mark {
            done: self.done.len(),
            unfinished: self.unfinished,
            cause: self.cause.clone(),
            ledger: self.ledger.mark(),
            handlers: self.handlers.clone(),
            after_commit: self.after_commit.clone(),
        }
    }

    /// The rows are as they were; so must be everything else.
    fn return_to(&mut self, mark: Mark<S>) {
        self.queue.clear();
        self.done.truncate(mark.done);
        self.unfinished = mark.unfinished;
        self.cause = mark.cause;
        self.ledger.void_after(mark.ledger);
        self.handlers = mark.handlers;
        self.after_commit = mark.after_commit;
    }

    async fn at_savepoint(&mut self, savepoint: Savepoint) -> Result<(), Error> {
        let (store, depth) = (self.application.store.clone(), self.savepoints);
        store.savepoint(self.transaction.get_mut(), savepoint, depth).await
    }
}
