//! Waiting for what other processes bring about.

use std::time::Duration;

/// LIMIT: how long a test waits for what must happen; only a failing one gets there.
pub(crate) const PATIENCE: Duration = Duration::from_secs(600);

/// Looks until it is so.
pub(crate) async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let looking = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let ended = tokio::time::timeout(PATIENCE, looking).await;
    ended.unwrap_or_else(|_| panic!("waited {PATIENCE:?} in vain until {what}"));
}
