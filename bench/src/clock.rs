//! The clock of what is stored by hand.

use std::time::SystemTime;

use ensue::BoxError;

/// Microseconds since 1970.
pub(crate) fn now_us() -> Result<i64, BoxError> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    Ok(i64::try_from(since.as_micros())?)
}
