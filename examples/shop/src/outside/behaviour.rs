//! A service's good and bad days, set with `PUT /behaviour`.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{MethodRouter, put};
use serde::Deserialize;

/// How long a slow service takes.
const SLOW: Duration = Duration::from_secs(1);

/// `{"mode":"down"}`, for one order only: `{"mode":"down","order_no":"A-1001"}`.
#[derive(Debug, Clone, Default, Deserialize)]
struct Behaviour {
    mode: Mode,
    order_no: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Mode {
    #[default]
    Ok,
    /// Does nothing, and answers 503.
    Down,
    /// Does what it is asked, a second later.
    Slow,
    /// Does what it is asked, but its first answer is lost: 503.
    Flaky,
}

#[derive(Debug, Clone, Default)]
pub(super) struct BehaviourSwitch(Arc<Mutex<Behaviour>>);

impl BehaviourSwitch {
    /// How to treat a request about `order_no`; for the slow, after a while.
    pub(super) async fn mode_for(&self, order_no: &str) -> Mode {
        let mode = self.current().mode_for(order_no);
        if mode == Mode::Slow {
            tokio::time::sleep(SLOW).await;
        }
        mode
    }

    /// `PUT /behaviour`.
    pub(super) fn route(&self) -> MethodRouter {
        put(set).with_state(self.clone())
    }

    fn current(&self) -> Behaviour {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Behaviour {
    fn mode_for(&self, order_no: &str) -> Mode {
        let concerned = self.order_no.as_ref().is_none_or(|concerned| concerned == order_no);
        if concerned { self.mode } else { Mode::Ok }
    }
}

/// As JSON whatever its content type, which spares whoever tries it a header.
async fn set(State(switch): State<BehaviourSwitch>, body: Bytes) -> Result<StatusCode, Unknown> {
    let behaviour = serde_json::from_slice(&body).map_err(unknown)?;
    *switch.0.lock().unwrap_or_else(PoisonError::into_inner) = behaviour;
    Ok(StatusCode::NO_CONTENT)
}

type Unknown = (StatusCode, String);

#[expect(clippy::needless_pass_by_value, reason = "the shape that `map_err` takes")]
fn unknown(error: serde_json::Error) -> Unknown {
    (StatusCode::UNPROCESSABLE_ENTITY, error.to_string())
}
