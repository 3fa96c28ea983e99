//! What a newcomer reads.

use std::process::Command;

use crate::customer::Customer;
use crate::premises::{Premises, on_each_database};

on_each_database! {
    every_story_ends_as_told,
    stories_are_told_on_a_fresh_database_only,
}

async fn every_story_ends_as_told(premises: Premises) {
    let output = premises.stories().output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let complained = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}\n{complained}");
    assert!(said.ends_with("all as told.\n"), "{said}");
    assert_eq!(complained, "");
    assert_eq!(said.lines().find(|line| line.chars().count() > 100), None);
    assert!(!said.contains('\u{1b}'), "colours for nobody");
}

async fn stories_are_told_on_a_fresh_database_only(premises: Premises) {
    let web = premises.web();
    Customer::of(&web.url_of("shop")).place(&[("mug", 1)]).await;
    let output = premises.stories().output().unwrap();
    assert!(!output.status.success());
    let complained = String::from_utf8(output.stderr).unwrap();
    assert!(complained.contains("stories need a fresh database"), "{complained}");
}

#[test]
fn without_a_database_named_stories_are_told_on_a_temporary_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut shop = Command::new(env!("CARGO_BIN_EXE_shop"));
    let output = shop.arg("story").current_dir(&folder).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
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
