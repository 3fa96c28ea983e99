//! How far a subscription has come, and what it could not do yet.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use ensue::subscription::SetAside;
use serde_json::{Value, json};

use super::Shop;
use super::problem::Problem;
use crate::application::Database;

pub(super) async fn show<D: Database>(
    State(shop): State<Arc<Shop<D>>>,
    Path(name): Path<String>,
) -> Result<Json<Value>, Problem> {
    let status = shop.events.status(&name).await?;
    let set_aside: Vec<_> = status.set_aside.iter().map(set_aside).collect();
    Ok(Json(json!({
        "cursor": status.cursor.get(),
        "owner": status.owner,
        "set_aside": set_aside,
    })))
}

fn set_aside(entry: &SetAside) -> Value {
    json!({
        "position": entry.position.get(),
        "key": entry.key,
        "state": entry.state.name(),
        "attempts": entry.attempts,
        "class": entry.failure.as_ref().map(|failure| failure.class.name()),
        "message": entry.failure.as_ref().map(|failure| &failure.message),
    })
}
