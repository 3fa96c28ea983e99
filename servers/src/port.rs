//! Free ports on loopback.

use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;

use crate::failure::Failure;

/// LIMIT: below the ports from which systems serve outgoing connections (32,768 and up on Linux,
/// 49,152 elsewhere). Otherwise a client could be given a killed server's port before it is started
/// again.
const PORTS: Range<u16> = 20_000..32_000;

/// LIMIT: bad luck comes once; three times it is something else.
const ATTEMPTS: usize = 3;

/// Starts something on a free port, and on another if somebody was faster.
pub(crate) fn on_a_free_one<S>(start: impl Fn(u16) -> Result<S, Failure>) -> Result<S, Failure> {
    for _ in 1..ATTEMPTS {
        let port = free()?;
        match start(port) {
            Err(_) if is_taken(port) => {}
            outcome => return outcome,
        }
    }
    start(free()?)
}

/// A port that nobody listened on a moment ago; somebody else may be faster.
fn free() -> Result<u16, Failure> {
    starting_at(anywhere())
        .find(|port| !is_taken(*port))
        .ok_or_else(|| Failure::new(format!("no port of {PORTS:?} is free on 127.0.0.1")))
}

fn is_taken(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_err()
}

/// Each port once, round and round from somewhere.
fn starting_at(start: u16) -> impl Iterator<Item = u16> {
    (start..PORTS.end).chain(PORTS.start..start)
}

/// Tests that start servers at the same moment should not all try the same ports.
fn anywhere() -> u16 {
    let chance = RandomState::new().hash_one(std::process::id());
    let width = u64::from(PORTS.end - PORTS.start);
    PORTS.start + u16::try_from(chance % width).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_port_is_tried_once_wherever_one_starts() {
        let mut ports: Vec<_> = starting_at(anywhere()).collect();
        ports.sort_unstable();
        assert!(ports.into_iter().eq(PORTS));
    }

    #[test]
    fn whoever_loses_a_port_gets_another() {
        let taken = std::cell::RefCell::new(Vec::new());
        let port = on_a_free_one(|port| {
            if taken.borrow().is_empty() {
                let faster = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
                taken.borrow_mut().push(faster);
                return Err(Failure::new("address already in use"));
            }
            Ok(port)
        });
        let lost = taken.borrow()[0].local_addr().unwrap().port();
        assert_ne!(port.unwrap(), lost);
    }

    #[test]
    fn a_failure_that_is_not_about_the_port_is_not_repeated() {
        let times = std::cell::Cell::new(0);
        let outcome: Result<(), _> = on_a_free_one(|_| {
            times.set(times.get() + 1);
            Err(Failure::new("no such setting"))
        });
        assert!(outcome.is_err());
        assert_eq!(times.get(), 1);
    }

    #[test]
    fn a_port_that_is_found_can_be_listened_on() {
        let port = free().unwrap();
        assert!(PORTS.contains(&port));
    }
}
