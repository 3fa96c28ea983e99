//! The processor's time that this process has taken.

use std::fs;
use std::time::Duration;

use ensue::BoxError;

/// Ticks of a second, on every Linux.
const TICKS: u64 = 100;

/// In user and kernel mode together, of all threads.
pub(crate) fn time() -> Result<Duration, BoxError> {
    let status = fs::read_to_string("/proc/self/stat")?;
    // The name of the program may have spaces in it, and ends with the last bracket.
    let (_, behind) = status.rsplit_once(')').ok_or("no name in /proc/self/stat")?;
    let ticks = behind.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
    let ticks: u64 = ticks.sum::<Result<_, _>>()?;
    Ok(Duration::from_millis(ticks * 1_000 / TICKS))
}
