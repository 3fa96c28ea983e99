//! What the parts of a store in this process tell each other.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, watch};

/// Words between those who commit, those who sequence, and those who read.
#[derive(Debug)]
pub struct Signals {
    /// Counts how often the log was seen to grow.
    grown: watch::Sender<u64>,
    /// For the sequencer: something was committed, or is demanded.
    word: Notify,
    /// The number of demands for a whole pass.
    demanded: AtomicU64,
    /// How many of them have had theirs.
    served: watch::Sender<u64>,
}

impl Default for Signals {
    fn default() -> Self {
        Self {
            grown: watch::Sender::new(0),
            word: Notify::new(),
            demanded: AtomicU64::new(0),
            served: watch::Sender::new(0),
        }
    }
}

impl Signals {
    /// Tells the sequencer that a transaction with events in it was committed.
    pub fn committed(&self) {
        self.word.notify_one();
    }

    /// Ends when there is something that the sequencer was not told of yet.
    ///
    /// CANCEL-SAFE: a word that nobody waited for is kept.
    pub(crate) async fn word(&self) {
        self.word.notified().await;
    }

    /// Tells everybody that the log has grown.
    pub fn grew(&self) {
        self.grown.send_modify(|times| *times += 1);
    }

    /// Waits until the log has grown more often than `seen` says; then `seen` says so.
    ///
    /// CANCEL-SAFE: `seen` is changed at its end only.
    pub async fn growth(&self, seen: &AtomicU64) {
        let mut grown = self.grown.subscribe();
        loop {
            let times = *grown.borrow_and_update();
            if seen.swap(times, Ordering::Relaxed) != times {
                return;
            }
            if grown.changed().await.is_err() {
                return;
            }
        }
    }

    /// Waits for a whole pass that begins after this call. Returns false if there was
    /// none in `limit`.
    pub async fn demand(&self, limit: Duration) -> bool {
        let number = self.demanded.fetch_add(1, Ordering::SeqCst) + 1;
        self.word.notify_one();
        let mut served = self.served.subscribe();
        let waiting = served.wait_for(|served| *served >= number);
        matches!(tokio::time::timeout(limit, waiting).await, Ok(Ok(_)))
    }

    /// How many have demanded a pass so far: to be asked before it begins.
    pub(crate) fn demands(&self) -> u64 {
        self.demanded.load(Ordering::SeqCst)
    }

    /// Whether somebody waits still.
    pub(crate) fn is_demanded(&self) -> bool {
        *self.served.borrow() < self.demands()
    }

    /// The pass that so many demanded is over.
    pub(crate) fn serve(&self, demands: u64) {
        self.served.send_replace(demands);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_growth_that_nobody_waited_for_is_noticed_by_the_next_who_does() {
        let (signals, seen) = (Signals::default(), AtomicU64::new(0));
        signals.grew();
        signals.growth(&seen).await;
        let waiting = tokio::time::timeout(Duration::ZERO, signals.growth(&seen));
        assert!(waiting.await.is_err());
        signals.grew();
        signals.growth(&seen).await;
    }

    #[tokio::test]
    async fn only_a_pass_that_was_begun_after_it_serves_a_demand() {
        let signals = Signals::default();
        let before = signals.demands();
        let demanding = signals.demand(Duration::from_secs(60));
        let serving = async {
            signals.word().await;
            signals.serve(before);
            assert!(signals.is_demanded());
            signals.serve(signals.demands());
        };
        let (is_served, ()) = tokio::join!(demanding, serving);
        assert!(is_served && !signals.is_demanded());
    }
}
