//! Why a step failed, in sentences for whoever ran it.

use std::fmt::{self, Display};

#[derive(Debug)]
pub(crate) struct Failure {
    complaints: Vec<String>,
}

impl Failure {
    pub(crate) fn new(complaint: impl Display) -> Self {
        Self { complaints: vec![complaint.to_string()] }
    }

    pub(crate) fn unless_empty(complaints: Vec<String>) -> Result<(), Self> {
        if complaints.is_empty() { Ok(()) } else { Err(Self { complaints }) }
    }

    pub(crate) fn and(mut self, complaint: impl Display) -> Self {
        self.complaints.push(complaint.to_string());
        self
    }
}

impl Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> = self.complaints.iter().map(|line| format!("error: {line}")).collect();
        formatter.write_str(&lines.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_complaint_is_no_failure() {
        assert!(Failure::unless_empty(Vec::new()).is_ok());
    }

    #[test]
    fn each_complaint_is_a_line() {
        let failure = Failure::new("one").and("two");
        assert_eq!(failure.to_string(), "error: one\nerror: two");
    }
}
