//! `adding-a-reaction.diff` says what it took to let loyalty points ensue from a payment.

use std::path::Path;

use diffy::patch_set::{FileOperation, FilePatch, ParseOptions, PatchSet};

const DIFF: &str = include_str!("../../adding-a-reaction.diff");

#[test]
fn adding_a_reaction_changes_nothing_of_the_domain() {
    let paths: Vec<_> = patches().iter().map(path).collect();
    assert!(paths.iter().any(|path| path == "src/application/loyalty_points.rs"), "{paths:?}");
    assert_eq!(paths.iter().find(|path| path.contains("domain")), None);
}

/// So the diff cannot go stale: it fails with the first line that has changed since.
#[test]
fn what_the_diff_adds_can_be_taken_out_of_the_sources_as_they_are() {
    for patch in patches() {
        let (path, text) = (path(&patch), patch.patch().as_text().unwrap());
        let source = read(&path);
        let without = diffy::apply(&source, &text.reverse()).unwrap_or_else(|error| {
            panic!("{error}: {path} has changed; so must examples/shop/adding-a-reaction.diff")
        });
        assert!(!without.contains("points"), "the diff leaves a part of it in {path}");
        assert_eq!(patch.operation().is_create(), without.is_empty(), "{path}");
        assert_eq!(diffy::apply(&without, text).unwrap(), source);
    }
}

fn patches() -> Vec<FilePatch<'static, str>> {
    PatchSet::parse(DIFF, ParseOptions::gitdiff()).collect::<Result<_, _>>().unwrap()
}

fn path(patch: &FilePatch<'_, str>) -> String {
    match patch.operation().strip_prefix(1) {
        FileOperation::Create(path) | FileOperation::Modify { modified: path, .. } => {
            path.into_owned()
        }
        other => panic!("a reaction is added, and nothing else: {other:?}"),
    }
}

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}
