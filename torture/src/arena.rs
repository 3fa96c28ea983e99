//! A database that is up, and what can befall it.

use ensue::BoxError;
use fastrand::Rng;

use crate::defendant::Defendant;
use crate::evidence::Witness;

/// A database that is up for one run, and what can befall it beside writers that are killed.
pub trait Arena: Send {
    /// Whose log is in it.
    type Defendant: Defendant;

    /// Where writers and readers find it. It stays the same over everything that befalls it.
    fn address(&self) -> String;

    /// Something goes wrong, chosen by `rng`. It may last beyond the call. In return, what it is
    /// called, in the plural. What is appended, or out of reach, is told to the `witness`.
    ///
    /// # Errors
    /// What should go wrong cannot.
    fn strike(
        &mut self,
        rng: &mut Rng,
        witness: &Witness,
    ) -> impl Future<Output = Result<&'static str, BoxError>> + Send;

    /// Waits until nothing is wrong any more.
    ///
    /// # Errors
    /// Something stays wrong.
    fn relent(&mut self) -> impl Future<Output = Result<(), BoxError>> + Send;
}

/// Writers' numbers from here on are an arena's own; those below are those of processes.
pub(crate) const FIRST_WRITER: u16 = 60_000;
