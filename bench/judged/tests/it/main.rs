//! Short runs: that there is a verdict, whatever it is.

#![cfg(test)]

use std::process::Command;

#[test]
fn obix_is_judged() {
    let verdict = verdict_on("obix");
    assert!(verdict.contains("torture obix, seed 5: "), "{verdict}");
    assert!(verdict.contains(" missing 0, duplicates 0, ghosts 0, gaps 0, "), "{verdict}");
}

#[test]
fn disintegrate_is_judged() {
    let verdict = verdict_on("disintegrate");
    assert!(verdict.contains("torture disintegrate, seed 5: "), "{verdict}");
    assert!(verdict.contains("longest stall "), "{verdict}");
}

fn verdict_on(peer: &str) -> String {
    let run = Command::new(env!("CARGO_BIN_EXE_judged"))
        .args(["--store", peer, "--events", "10000", "--seed", "5"])
        .output()
        .unwrap();
    String::from_utf8_lossy(&run.stdout).into_owned() + &String::from_utf8_lossy(&run.stderr)
}
