//! Waiting for what ensues later.

use std::time::Duration;

use ensue::BoxError;
use tokio::time::{Instant, sleep};

/// LIMIT: even on a busy machine, anything slower never happens.
pub(super) const PATIENCE: Duration = Duration::from_secs(300);

/// Between two looks; short against what is told to a reader.
const PAUSE: Duration = Duration::from_millis(2);

/// Looks until there is `something`, and how long that took.
pub(super) async fn wait_for<T>(
    something: &str,
    mut look: impl AsyncFnMut() -> Result<Option<T>, BoxError>,
) -> Result<(T, Duration), BoxError> {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        if let Some(found) = look().await? {
            return Ok((found, began.elapsed()));
        }
        sleep(PAUSE).await;
    }
    Err(format!("not as told: waited {PATIENCE:?} in vain for {something}").into())
}
