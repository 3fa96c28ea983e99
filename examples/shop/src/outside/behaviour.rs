//! A service's good and bad days, set with `PUT /behaviour`.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{MethodRouter, get};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::watch;

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
    /// Does nothing, nor answers, until it is told otherwise.
    Hold,
    /// Does nothing, and answers that it never will: 422.
    Refuse,
    /// Does what it is asked, but its first answer is lost: 503.
    Flaky,
}

/// What a service answers, and in which words.
pub(super) type Answer = (StatusCode, &'static str);

impl Mode {
    /// What is answered instead of doing what was asked; `why` it never will be.
    pub(super) fn refusal(self, why: &'static str) -> Option<Answer> {
        match self {
            Self::Down => Some((StatusCode::SERVICE_UNAVAILABLE, "")),
            Self::Refuse => Some((StatusCode::UNPROCESSABLE_ENTITY, why)),
            Self::Ok | Self::Slow | Self::Hold | Self::Flaky => None,
        }
    }
}

#[derive(Debug, Clone, Default)]
pub(super) struct BehaviourSwitch {
    behaviour: watch::Sender<Behaviour>,
    waiting: Arc<Mutex<Vec<String>>>,
}

impl BehaviourSwitch {
    /// How to treat a request about `order_no`; for the slow and the held, after a while.
    pub(super) async fn mode_for(&self, order_no: &str) -> Mode {
        let _waiting = Waiting::begin(self, order_no);
        let mut behaviour = self.behaviour.subscribe();
        let released = behaviour.wait_for(|now| now.mode_for(order_no) != Mode::Hold).await;
        // It fails if the switch is gone, which is around us.
        let mode = released.map_or(Mode::Ok, |now| now.mode_for(order_no));
        if mode == Mode::Slow {
            tokio::time::sleep(SLOW).await;
        }
        mode
    }

    /// `PUT /behaviour`, and `GET /behaviour`: which orders somebody waits about.
    pub(super) fn route(&self) -> MethodRouter {
        get(show).put(set).with_state(self.clone())
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<String>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Behaviour {
    fn mode_for(&self, order_no: &str) -> Mode {
        let concerned = self.order_no.as_ref().is_none_or(|concerned| concerned == order_no);
        if concerned { self.mode } else { Mode::Ok }
    }
}

/// That somebody waits for an answer, until they have it or hang up.
struct Waiting<'a> {
    switch: &'a BehaviourSwitch,
    order_no: &'a str,
}

impl<'a> Waiting<'a> {
    fn begin(switch: &'a BehaviourSwitch, order_no: &'a str) -> Self {
        switch.waiting().push(order_no.to_owned());
        Self { switch, order_no }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut waiting = self.switch.waiting();
        if let Some(place) = waiting.iter().position(|order_no| order_no == self.order_no) {
            waiting.remove(place);
        }
    }
}

async fn show(State(switch): State<BehaviourSwitch>) -> Json<Value> {
    Json(json!({ "waiting": *switch.waiting() }))
}

/// As JSON whatever its content type, which spares whoever tries it a header.
async fn set(State(switch): State<BehaviourSwitch>, body: Bytes) -> Result<StatusCode, Unknown> {
    let behaviour = serde_json::from_slice(&body).map_err(unknown)?;
    switch.behaviour.send_replace(behaviour);
    Ok(StatusCode::NO_CONTENT)
}

type Unknown = (StatusCode, String);

#[expect(clippy::needless_pass_by_value, reason = "the shape that `map_err` takes")]
fn unknown(error: serde_json::Error) -> Unknown {
    (StatusCode::UNPROCESSABLE_ENTITY, error.to_string())
}
