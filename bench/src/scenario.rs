//! A question with its name.

use std::fmt;
use std::pin::Pin;

use ensue::BoxError;

use crate::scenarios::ALL;

/// A question about speed, which prints its answers.
#[derive(Clone, Copy)]
pub struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) question: &'static str,
    pub(crate) measure: fn() -> Measuring,
}

/// A scenario that runs.
pub type Measuring = Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send>>;

impl Scenario {
    /// Those of these names, or all if there is no name.
    ///
    /// # Errors
    /// A name that no scenario has.
    pub fn chosen(names: &[String]) -> Result<Vec<Self>, UnknownName> {
        if names.is_empty() {
            return Ok(ALL.to_vec());
        }
        let found = |name: &String| ALL.into_iter().find(|scenario| scenario.name == name);
        names.iter().map(|name| found(name).ok_or_else(|| UnknownName(name.clone()))).collect()
    }

    /// Measures and prints.
    pub fn run(&self) -> Measuring {
        (self.measure)()
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.question)
    }
}

/// There is no scenario of this name.
#[derive(Debug)]
pub struct UnknownName(String);

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no scenario `{}`; there are", self.0)?;
        ALL.iter().try_for_each(|scenario| write!(f, "\n  {scenario}"))?;
        f.write_str(OTHER_PROGRAMS)
    }
}

const OTHER_PROGRAMS: &str = "
and, as programs of their own,
  allocations: how many allocations do an event and a unit of work cost?
  rivals: what does dispatch cost, beside other crates? (heavy: it builds them first)
  relays: what does a backlog take to drain, beside other crates? (as heavy)";
