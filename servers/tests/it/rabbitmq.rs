//! A private RabbitMQ.

use std::fs;
use std::net::TcpStream;
use std::path::Path;

use servers::RabbitMq;

use crate::scratch::{comes_true, is_running};

#[test]
fn a_server_that_is_killed_and_started_again_has_its_data() {
    let mut rabbitmq = RabbitMq::start().unwrap();
    let killed = process_id(rabbitmq.directory());
    rabbitmq.control(&["add_vhost", "kept"]).unwrap();
    rabbitmq.kill().unwrap();
    assert!(!is_running(killed));
    assert!(TcpStream::connect(("127.0.0.1", rabbitmq.port())).is_err());
    rabbitmq.restart().unwrap();
    let hosts = rabbitmq.control(&["--silent", "list_vhosts"]).unwrap();
    assert!(hosts.lines().any(|host| host == "kept"), "{hosts}");
}

#[test]
fn a_dropped_server_leaves_neither_a_process_nor_a_directory() {
    let rabbitmq = RabbitMq::start().unwrap();
    let (process, directory) = (process_id(rabbitmq.directory()), rabbitmq.directory().to_owned());
    assert!(is_running(process) && directory.is_dir());
    drop(rabbitmq);
    assert!(!is_running(process));
    assert!(!directory.exists());
    let lives_there = |process: &str| {
        let environment = fs::read(format!("/proc/{process}/environ")).unwrap_or_default();
        String::from_utf8_lossy(&environment).contains(&*directory.to_string_lossy())
    };
    assert!(comes_true(|| !processes().iter().any(|process| lives_there(process))));
}

#[test]
fn what_its_tool_refuses_is_a_failure_with_the_reason() {
    let rabbitmq = RabbitMq::start().unwrap();
    let refusal = rabbitmq.control(&["delete_vhost", "nowhere"]).unwrap_err().to_string();
    assert!(refusal.contains("nowhere"), "{refusal}");
}

fn process_id(directory: &Path) -> u32 {
    fs::read_to_string(directory.join("pid")).unwrap().trim().parse().unwrap()
}

fn processes() -> Vec<String> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}
