//! What the compiler says to who got something wrong: each message says what to write.

#[test]
fn each_mistake_is_answered_with_what_to_write() {
    trybuild::TestCases::new().compile_fail("tests/compile_errors/*.rs");
}
