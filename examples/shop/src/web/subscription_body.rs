//! Where a subscription stands, as JSON.

use ensue::SubscriptionStatus;
use ensue::subscription::SetAside;
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SubscriptionBody {
    pub(crate) cursor: u64,
    pub(crate) owner: Option<String>,
    pub(crate) paused: Option<String>,
    pub(crate) set_aside: Vec<SetAsideBody>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SetAsideBody {
    pub(crate) position: u64,
    pub(crate) key: Option<String>,
    pub(crate) state: String,
    pub(crate) attempts: u32,
    pub(crate) class: Option<String>,
    pub(crate) message: Option<String>,
}

impl From<SubscriptionStatus> for SubscriptionBody {
    fn from(status: SubscriptionStatus) -> Self {
        Self {
            cursor: status.cursor.get(),
            owner: status.owner,
            paused: status.paused,
            set_aside: status.set_aside.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<SetAside> for SetAsideBody {
    fn from(entry: SetAside) -> Self {
        Self {
            position: entry.position.get(),
            key: entry.key,
            state: entry.state.name().to_owned(),
            attempts: entry.attempts,
            class: entry.failure.as_ref().map(|failure| failure.class.name().to_owned()),
            message: entry.failure.map(|failure| failure.message),
        }
    }
}
