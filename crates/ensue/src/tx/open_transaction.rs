//! The transaction of a unit of work, there until its end takes it.

use crate::{Error, Store};

pub(super) struct OpenTransaction<S: Store>(Option<S::Transaction>);

impl<S: Store> OpenTransaction<S> {
    pub(super) fn new(transaction: S::Transaction) -> Self {
        Self(Some(transaction))
    }

    #[expect(clippy::expect_used, reason = "only what consumes the `Tx` takes it")]
    pub(super) fn get(&self) -> &S::Transaction {
        self.0.as_ref().expect("the transaction of an open unit of work")
    }

    #[expect(clippy::expect_used, reason = "only what consumes the `Tx` takes it")]
    pub(super) fn get_mut(&mut self) -> &mut S::Transaction {
        self.0.as_mut().expect("the transaction of an open unit of work")
    }

    pub(super) fn take(&mut self) -> Result<S::Transaction, Error> {
        self.0.take().ok_or_else(super::abandoned)
    }
}
