//! Every command of docs/guides/prove.md does what the page says beside it.

use crate::harness::Machine;

const GUIDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/guides/prove.md");
/// The programs of the page, as this test has them.
const PROGRAMS: &str = "comity() { \"$COMITY_PROGRAM\" \"$@\"; }\ncvc5() { \"$CVC5\" \"$@\"; }\n";

#[test]
fn every_command_of_the_guide_answers_as_it_says() {
    let guide = std::fs::read_to_string(GUIDE).unwrap();
    let blocks = guide.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    let lines: Vec<&str> = blocks.flat_map(str::lines).filter(|line| !line.trim().is_empty()).collect();
    assert!(lines.len() > 15, "the guide has commands");
    let machine = Machine::new();
    for line in lines {
        let (command, says) = line.split_once(" # ").expect(line);
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", &format!("{PROGRAMS}{command}")]).current_dir(machine.folder());
        shell.env("COMITY_PROGRAM", env!("CARGO_BIN_EXE_comity")).env("COMITY_DATA", machine.data());
        shell.env("CVC5", std::env::var_os("CVC5").unwrap_or_else(|| "/usr/bin/cvc5".into()));
        let output = shell.output().unwrap();
        let (answer, talk) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let expected = match says.trim() {
            "proved" => 0,
            "violated" => 3,
            says => {
                let first = says.split(':').next().unwrap();
                assert_eq!(answer.trim(), first, "{line}\n{talk}");
                0
            }
        };
        assert_eq!(output.status.code(), Some(expected), "{line}\n{answer}\n{talk}");
    }
}
