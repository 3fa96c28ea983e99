//! A question with its name.

use std::fmt;
use std::pin::Pin;

use ensue::BoxError;

use crate::scenarios::ALL;

/// A question about speed, which prints its answers.
#[derive(Clone, Copy)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) question: &'static str,
    pub(crate) measure: fn() -> Measuring,
}

pub(crate) type Measuring = Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send>>;

impl Scenario {
    /// Those of these names, or all if there is no name.
    pub(crate) fn chosen(names: &[String]) -> Result<Vec<Self>, UnknownName> {
        if names.is_empty() {
            return Ok(ALL.to_vec());
        }
        let found = |name: &String| ALL.into_iter().find(|scenario| scenario.name == name);
        names.iter().map(|name| found(name).ok_or_else(|| UnknownName(name.clone()))).collect()
    }

    pub(crate) fn run(&self) -> Measuring {
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
pub(crate) struct UnknownName(String);

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no scenario `{}`; there are", self.0)?;
        ALL.iter().try_for_each(|scenario| write!(f, "\n  {scenario}"))
    }
}
