//! Payloads in JSON, of this version and of those before.

mod form;

use std::collections::BTreeMap;
use std::error::Error;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::{Event, PayloadError};

/// What an event that is stored must be, so that its payload can be JSON.
#[diagnostic::on_unimplemented(
    message = "event `{Self}` cannot be stored",
    label = "no `Serialize` and `Deserialize`",
    note = "derive `serde::Serialize` and `serde::Deserialize` for it, or write `#[event(local)]` \
            if it is never to be stored"
)]
pub trait Storable: Serialize + DeserializeOwned {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned> Storable for T {}

/// Turns the JSON of one version into that of the next.
pub type Upcaster = fn(Value) -> Result<Value, Box<dyn Error + Send + Sync>>;

/// What an upcaster may return: the JSON, or a `Result` of it.
pub trait Upcast {
    /// The one as the other.
    fn into_result(self) -> Result<Value, Box<dyn Error + Send + Sync>>;
}

impl Upcast for Value {
    fn into_result(self) -> Result<Value, Box<dyn Error + Send + Sync>> {
        Ok(self)
    }
}

impl<E: Into<Box<dyn Error + Send + Sync>>> Upcast for Result<Value, E> {
    fn into_result(self) -> Result<Value, Box<dyn Error + Send + Sync>> {
        self.map_err(Into::into)
    }
}

/// What the derive writes for `encode`.
///
/// It reads the payload back before it is stored. JSON changes some values and makes others unreadable, and
/// only the unit of work that raises such a value still knows the original.
pub fn encode_json<E: Event + Storable>(event: &E) -> Result<Vec<u8>, PayloadError> {
    let failed = |source: serde_json::Error| PayloadError::new(E::TYPE, source);
    let payload = serde_json::to_vec(event).map_err(failed)?;
    let read = serde_json::from_slice::<E>(&payload);
    let read = read.map_err(|error| changed::<E>(member_at(&payload, &error), &error))?;
    match form::of(event).map_err(failed)? == form::of(&read).map_err(failed)? {
        true => Ok(payload),
        false => {
            let member = form::differing_member(event, &read);
            Err(changed::<E>(member.map(str::to_owned), &"it becomes another value"))
        }
    }
}

fn changed<E: Event>(member: Option<String>, why: &dyn std::fmt::Display) -> PayloadError {
    let member = member.map_or_else(|| "its value".to_owned(), |name| format!("field `{name}`"));
    let message = format!(
        "{member} does not come back from JSON as it is: {why}; JSON has no NaN, no infinity and a single \
         `null` for `None`, `()` and the like: use another type, or write `#[serde(with = \"…\")]`"
    );
    PayloadError::new(E::TYPE, message)
}

/// The name of the outermost member whose JSON causes the error.
fn member_at(payload: &[u8], error: &serde_json::Error) -> Option<String> {
    let members: BTreeMap<String, &RawValue> = serde_json::from_slice(payload).ok()?;
    let end = |value: &RawValue| {
        let (value, start) = (value.get().as_bytes(), payload.as_ptr().addr());
        value.as_ptr().addr() - start + value.len()
    };
    let members = members.into_iter().map(|(name, value)| (end(value), name));
    let behind = members.filter(|(end, _)| error.line() == 1 && *end >= error.column());
    behind.min().map(|(_, name)| name)
}

/// What the derive writes for `decode`: `upcasters` are those from the given versions to the next.
pub fn decode_json<E: Event + Storable>(
    payload: &[u8],
    version: u32,
    upcasters: &[(u32, Upcaster)],
) -> Result<E, PayloadError> {
    if version > E::VERSION {
        return Err(PayloadError::newer(E::TYPE, version, E::VERSION));
    }
    let needed = || upcasters.iter().filter(|(from, _)| (version..E::VERSION).contains(from));
    let decoded = match needed().next() {
        None => serde_json::from_slice(payload).map_err(Into::into),
        Some(_) => upcast(payload, needed().map(|(_, upcaster)| *upcaster)),
    };
    decoded.map_err(|source| PayloadError::new(E::TYPE, source))
}

fn upcast<E: DeserializeOwned>(
    payload: &[u8],
    upcasters: impl Iterator<Item = Upcaster>,
) -> Result<E, Box<dyn Error + Send + Sync>> {
    let mut value = serde_json::from_slice(payload)?;
    for upcaster in upcasters {
        value = upcaster(value)?;
    }
    Ok(serde_json::from_value(value)?)
}
