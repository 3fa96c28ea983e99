//! Which licences we accept in what we build upon.

use cargo_metadata::Metadata;
use spdx::{Expression, LicenseReq, Licensee, ParseMode};

use crate::failure::Failure;
use crate::workspace;

/// Each with the reason it is here.
const ACCEPTED: &[&str] = &[
    "MIT",                            // one of our own two
    "Apache-2.0",                     // one of our own two
    "Apache-2.0 WITH LLVM-exception", // Apache-2.0 that asks for less in binaries
    "BSD-2-Clause",                   // asks for its notice, like MIT
    "BSD-3-Clause",                   // BSD-2-Clause that protects its authors' names
    "ISC",                            // MIT in fewer words
    "Zlib",                           // asks for its notice in sources only
    "BSL-1.0",                        // asks for its notice in sources only
    "Unicode-3.0",                    // permissive; Unicode's tables come under no other
    "MIT-0",                          // MIT without the notice
    "0BSD",                           // asks for nothing
    "CC0-1.0",                        // public domain
    "Unlicense",                      // public domain
];

pub(crate) fn check() -> Result<(), Failure> {
    let metadata = workspace::metadata()?;
    Failure::unless_empty(complaints(&metadata))
}

fn complaints(metadata: &Metadata) -> Vec<String> {
    metadata
        .packages
        .iter()
        .filter_map(|package| {
            let complaint = complaint(package.license.as_deref())?;
            Some(format!("{} {} {complaint}", package.name, package.version))
        })
        .collect()
}

/// `None` for a licence that is fine.
fn complaint(licence: Option<&str>) -> Option<String> {
    let Some(licence) = licence else {
        return Some("states no licence (`license` in its manifest)".to_owned());
    };
    // Lax, for what crates.io took before it asked for SPDX, such as `MIT/Apache-2.0`.
    match Expression::parse_mode(licence, ParseMode::LAX) {
        Ok(expression) if expression.evaluate(is_accepted) => None,
        Ok(_) => Some(format!("has the licence `{licence}`, not accepted in {TABLE}")),
        Err(error) => Some(format!("has the licence `{licence}`, no SPDX expression: {error}")),
    }
}

fn is_accepted(asked: &LicenseReq) -> bool {
    ACCEPTED.iter().any(|name| Licensee::parse(name).is_ok_and(|ours| ours.satisfies(asked)))
}

const TABLE: &str = "xtask/src/licences.rs";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_accepted_licence_is_one_that_spdx_knows() {
        for name in ACCEPTED {
            assert!(Licensee::parse(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn one_accepted_licence_of_several_offered_is_enough() {
        assert_eq!(complaint(Some("MIT OR GPL-3.0-only")), None);
    }

    #[test]
    fn of_licences_that_all_bind_each_must_be_accepted() {
        assert_eq!(complaint(Some("(MIT OR Apache-2.0) AND Unicode-3.0")), None);
        let refused = complaint(Some("MIT AND GPL-3.0-only")).unwrap();
        assert!(refused.contains("`MIT AND GPL-3.0-only`, not accepted"));
    }

    #[test]
    fn the_slash_of_older_crates_means_or() {
        assert_eq!(complaint(Some("MIT/Apache-2.0")), None);
    }

    #[test]
    fn an_exception_is_accepted_only_by_name() {
        assert_eq!(complaint(Some("Apache-2.0 WITH LLVM-exception")), None);
        assert!(complaint(Some("MIT WITH LLVM-exception")).is_some());
    }

    #[test]
    fn no_licence_and_no_known_licence_are_refused() {
        assert!(complaint(None).unwrap().contains("states no licence"));
        assert!(complaint(Some("Beerware-ish")).unwrap().contains("no SPDX expression"));
    }
}
