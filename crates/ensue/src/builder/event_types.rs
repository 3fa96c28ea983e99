//! Which Rust type stands behind which name.

use std::any::{TypeId, type_name};
use std::collections::HashMap;

use ensue_core::{AnyEvent, Event, NameRule};

use crate::{Error, ErrorKind};

/// The event types that handlers name; no two may share a name.
#[derive(Clone, Default)]
pub(crate) struct EventTypes {
    by_name: HashMap<&'static str, EventType>,
    problems: Vec<String>,
}

/// A name and the type behind it.
#[derive(Clone, Copy)]
pub(crate) struct EventType {
    pub(crate) name: &'static str,
    pub(crate) local: bool,
    aliases: &'static [&'static str],
    id: TypeId,
    rust_name: &'static str,
}

impl EventType {
    pub(crate) fn of<E: Event>() -> Self {
        Self {
            name: E::TYPE,
            aliases: E::ALIASES,
            local: E::LOCAL,
            id: TypeId::of::<E>(),
            rust_name: type_name::<E>(),
        }
    }
}

impl EventTypes {
    pub(crate) fn add(&mut self, added: EventType) {
        self.add_name(added.name, added);
        added.aliases.iter().for_each(|alias| self.add_name(alias, added));
    }

    fn add_name(&mut self, name: &'static str, added: EventType) {
        if let Err(error) = NameRule::EVENT_TYPE.check(name) {
            self.problems.push(format!("`{}`: {error}", added.rust_name));
        }
        let known = self.by_name.entry(name).or_insert(added);
        if known.id != added.id {
            let (first, second) = (known.rust_name, added.rust_name);
            self.problems.push(format!(
                "event type `{name}` is both `{first}` and `{second}`; give one of them another \
                 name with `#[event(type = \"…\")]`"
            ));
        }
    }

    /// The problems with their names, in words.
    pub(crate) fn problems(&self) -> &[String] {
        &self.problems
    }

    /// Refuses an event that goes by the name of another one: stored, it would reach the handlers
    /// of that.
    pub(crate) fn check(&self, event: &AnyEvent) -> Result<(), Error> {
        let name = event.event_type();
        match (self.by_name.get(name), event.type_id()) {
            (Some(known), Some(id)) if known.id != id => Err(Error::new(
                ErrorKind::Configuration,
                format!(
                    "an event was raised as `{name}`, which is the type of `{}`; give one of them \
                     another name with `#[event(type = \"…\")]`",
                    known.rust_name
                ),
            )),
            _ => Ok(()),
        }
    }
}
