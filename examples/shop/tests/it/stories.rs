//! What a newcomer reads.

use std::process::Command;

#[test]
fn every_story_ends_as_told() {
    let output = Command::new(env!("CARGO_BIN_EXE_shop")).arg("story").output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let complained = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}\n{complained}");
    assert!(said.ends_with("all as told.\n"), "{said}");
    assert_eq!(complained, "");
    assert_eq!(said.lines().find(|line| line.chars().count() > 100), None);
    assert!(!said.contains('\u{1b}'), "colours for nobody");
}

#[test]
fn a_port_that_is_taken_is_named_with_the_way_out() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let folder = tempfile::tempdir().unwrap();
    let mut shop = Command::new(env!("CARGO_BIN_EXE_shop"));
    let output = shop.args(["--port", &port, "--data"]).arg(folder.path()).output().unwrap();
    let complained = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(complained.contains(&format!("port {port} is taken")), "{complained}");
    assert!(complained.contains("--port"), "{complained}");
}
