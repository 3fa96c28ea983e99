//! The pure machines, for the simulation in this repository; not an interface.

pub use crate::forwarder::follower::{Action, Follower, Input, Legacy, Next, Seen, Sent};
pub use crate::forwarder::lease::{Lease, LeaseAction, LeaseInput};
pub use crate::forwarder::sharing::Sharing;
pub use crate::forwarder::succession::Succession;
pub use crate::subscription::rows::Verdict;

/// The machines of a listener.
pub mod listener {
    pub use super::Verdict;
    pub use crate::listener::intake::{
        Action, Arrived, Attempt, Intake, Kind, Next, Outcome, Piece, Upon,
    };
    pub use crate::listener::lane::Lane;
}
