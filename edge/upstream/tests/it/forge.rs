//! What must not compile: a permit or a receipt that nobody gave, a copy of one, one used twice.

#[test]
fn permits_and_receipts_cannot_be_forged_copied_or_used_twice() {
    trybuild::TestCases::new().compile_fail("tests/forge/*.rs");
}
