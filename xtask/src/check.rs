//! What is found out by looking, cheapest first.

use clap::ValueEnum;

use crate::cargo::Cargo;
use crate::failure::Failure;
use crate::rivals::Rivals;
use crate::{direction, licences, rivals, secrets, step};

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Check {
    /// The code is formatted
    Fmt,
    /// No lint speaks up
    Clippy,
    /// The documentation builds and its links hold
    Docs,
    /// Dependencies point down, and nothing foreign gets in where it must not
    Direction,
    /// No derived Debug of a library shows a password
    Secrets,
    /// Every package's licence is one we accept
    Licences,
    /// By its name only, since it is slow: the rivals of the benchmarks still build and do their work
    Rivals,
}

impl Check {
    pub(crate) fn run_all() -> Result<(), Failure> {
        let all = Self::value_variants().iter();
        all.filter(|check| !check.is_slow()).try_for_each(|check| check.run())
    }

    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Fmt => fmt(),
            Self::Clippy => step::cargo("clippy", &Cargo::new(CLIPPY)),
            Self::Docs => step::cargo("docs", &docs()),
            Self::Direction => {
                step::own("direction", "cargo xtask check direction", direction::check)
            }
            Self::Secrets => step::own("secrets", "cargo xtask check secrets", secrets::check),
            Self::Licences => step::own("licences", "cargo xtask check licences", licences::check),
            Self::Rivals => rivals::ALL.into_iter().try_for_each(Rivals::check),
        }
    }

    fn is_slow(self) -> bool {
        matches!(self, Self::Rivals)
    }
}

/// The rivals' workspaces too: that costs nothing.
fn fmt() -> Result<(), Failure> {
    step::cargo("fmt", &Cargo::new("fmt --all --check"))?;
    rivals::ALL.into_iter().try_for_each(|rivals| step::cargo("fmt", &rivals.fmt()))
}

fn docs() -> Cargo {
    Cargo::new("doc --workspace --all-features --no-deps")
        .with_variable("RUSTDOCFLAGS", "-D warnings")
}

const CLIPPY: &str = "clippy --workspace --all-features --all-targets -- -D warnings";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_check_goes_by_the_name_its_repeat_command_uses() {
        let names: Vec<_> = Check::value_variants()
            .iter()
            .filter_map(ValueEnum::to_possible_value)
            .map(|value| value.get_name().to_owned())
            .collect();
        assert_eq!(names, ["fmt", "clippy", "docs", "direction", "secrets", "licences", "rivals"]);
    }
}
