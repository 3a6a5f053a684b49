//! The examples of `docs/reference/catalogue.md` are what the loader takes.

use comity_catalogue::{Catalogue, shipped};

use crate::{file, render};

const REFERENCE: &str = include_str!("../../../../docs/reference/catalogue.md");

/// Every TOML block, in the order of the page.
fn examples() -> Vec<&'static str> {
    REFERENCE.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

fn check(example: &str) {
    let mut files = shipped();
    files.push(file("own/example.toml", example));
    match Catalogue::parse(files) {
        Ok(catalogue) => assert_eq!(render(catalogue.warnings()), ""),
        Err(problems) => panic!("{example}\n{}", render(&problems)),
    }
}

#[test]
fn every_example_loads() {
    let examples = examples();
    assert_eq!(examples.len(), 7);
    for example in examples {
        let is_one_fact = !example.contains('[') || example.starts_with("certificate");
        let above = "[[offering]]\nid = \"openai/gpt-4.1-mini@us\"\n";
        check(&if is_one_fact { format!("{above}{example}") } else { example.to_owned() });
    }
}
