//! Trust policies: the specification's example, every rule of it, and who satisfies whom.

use comity_ledger::{
    Checkpoint, CheckpointError, KeyKind, NoteError, POLICY_LINES_MAX, Policy, PosixSeconds, SignatureLine, SignedCheckpoint, SigningSeed,
    Unsatisfied, cosign,
};
use comity_vocab::Digest;
use proptest::prelude::*;

/// The specification's example, with `<key NAME>` for keys.
const EXAMPLE: &str = "log <key log>\n\n\
    witness X1 <key X1>\nwitness X2 <key X2>\nwitness X3 <key X3>\ngroup X-witnesses 2 X1 X2 X3\n\n\
    witness Y1 <key Y1>\nwitness Y2 <key Y2>\nwitness Y3 <key Y3>\ngroup Y-witnesses any Y1 Y2 Y3\n\n\
    group X-and-Y all X-witnesses Y-witnesses\nquorum X-and-Y\n";
const ALL: [&str; 6] = ["X1", "X2", "X3", "Y1", "Y2", "Y3"];

fn seed(name: &str) -> SigningSeed {
    let mut bytes = [0; 32];
    bytes.iter_mut().zip(name.bytes()).for_each(|(to, from)| *to = from);
    SigningSeed::new(&bytes)
}

fn key(name: &str, kind: KeyKind) -> String {
    seed(name).verifier(&format!("{name}.example"), kind).unwrap().to_string()
}

/// Puts keys into a text: `<key NAME>` of a log for `log…`, of a witness otherwise.
fn text(template: &str) -> String {
    let mut parts = template.split("<key ");
    let mut text = parts.next().unwrap().to_owned();
    for part in parts {
        let (name, rest) = part.split_once('>').unwrap();
        let kind = if name.starts_with("log") { KeyKind::Ed25519 } else { KeyKind::Cosignature };
        text += &key(name, kind);
        text += rest;
    }
    text
}

fn policy(template: &str) -> Policy {
    Policy::from_bytes(text(template).as_bytes()).unwrap()
}

fn time(seconds: u64) -> PosixSeconds {
    PosixSeconds::new(seconds).unwrap()
}

fn by(name: &str, checkpoint: &Checkpoint, seconds: u64) -> SignatureLine {
    cosign(&seed(name), &format!("{name}.example"), (&checkpoint.to_string(), time(seconds))).unwrap()
}

/// A checkpoint of the log `log.example`, cosigned.
fn checkpoint(witnesses: &[&str]) -> SignedCheckpoint {
    let checkpoint = Checkpoint::new("log.example", 5, Digest::from_bytes([8; 32])).unwrap();
    let signed = SignedCheckpoint::new(checkpoint.clone(), checkpoint.sign(&seed("log")).unwrap()).unwrap();
    witnesses.iter().fold(signed, |signed, name| signed.with(by(name, &checkpoint, 7)).unwrap())
}

fn refused(template: &str, expected: &str) {
    let error = Policy::from_bytes(text(template).as_bytes()).unwrap_err();
    let hint = error.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
    assert_eq!(format!("{error}{hint}"), expected, "{template}");
}

/// The specification's rule for its example, written down again.
fn example_is_satisfied(witnesses: &[&str]) -> bool {
    let count = |letter: char| witnesses.iter().filter(|name| name.starts_with(letter)).count();
    count('X') >= 2 && count('Y') >= 1
}

#[test]
fn the_example_of_the_specification_accepts_exactly_its_quorums() {
    let policy = policy(EXAMPLE);
    for set in 0..64_usize {
        let witnesses: Vec<&str> = (0..6).filter(|bit| set >> bit & 1 == 1).map(|bit| ALL[bit]).collect();
        let result = policy.satisfied_by(&checkpoint(&witnesses));
        assert_eq!(result.is_ok(), example_is_satisfied(&witnesses), "{witnesses:?}");
        if let Ok(satisfied) = result {
            let named: Vec<String> = satisfied.cosigned.iter().map(|(name, _)| name.to_string()).collect();
            assert_eq!(named, witnesses);
            assert_eq!(satisfied.log.name(), "log.example");
        }
    }
}

#[test]
fn what_is_missing_is_named() {
    let error = policy(EXAMPLE).satisfied_by(&checkpoint(&["X2"])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the quorum is not reached: `X-and-Y` has 0 of the 2 it needs, missing are `X-witnesses`, `Y-witnesses`; \
         `X-witnesses` has 1 of the 2 it needs, missing are `X1`, `X3`; \
         `Y-witnesses` has 0 of the 1 it needs, missing are `Y1`, `Y2`, `Y3`"
    );
    let single = policy("log <key log>\nwitness W <key W>\nquorum W\n").satisfied_by(&checkpoint(&[])).unwrap_err();
    assert_eq!(single.to_string(), "the quorum is not reached: `W` has 0 of the 1 it needs, missing are `W`");
}

#[test]
fn only_a_log_of_the_policy_under_its_own_name_counts() {
    let none = policy("log <key log>\nquorum none\n");
    assert_eq!(none.satisfied_by(&checkpoint(&[])).unwrap().cosigned, []);
    assert!(!none.needs_witnesses());
    let other = Checkpoint::new("other.example", 5, Digest::from_bytes([8; 32])).unwrap();
    let line = SignatureLine::ed25519(&key("log", KeyKind::Ed25519).parse().unwrap(), &seed("log").sign(&other.message()));
    let foreign = SignedCheckpoint::new(other, line).unwrap();
    assert_eq!(none.satisfied_by(&foreign), Err(Unsatisfied::Log("other.example".to_owned())));
    let witnesses_only = policy("witness W <key W>\nquorum W\n");
    assert_eq!(witnesses_only.satisfied_by(&checkpoint(&["W"])), Err(Unsatisfied::Log("log.example".to_owned())));
    let known = witnesses_only.for_log(key("log", KeyKind::Ed25519).parse().unwrap());
    assert_eq!(known.satisfied_by(&checkpoint(&["W"])).unwrap().cosigned.len(), 1);
}

#[test]
fn a_false_cosignature_of_a_known_witness_spoils_the_checkpoint() {
    let policy = policy(EXAMPLE);
    let other = Checkpoint::new("log.example", 6, Digest::from_bytes([8; 32])).unwrap();
    let spoilt = checkpoint(&["X1", "X2", "Y1"]).with(by("Y2", &other, 7)).unwrap();
    let expected = CheckpointError::Note(NoteError::False("Y2.example".to_owned()));
    assert_eq!(policy.satisfied_by(&spoilt), Err(Unsatisfied::Checkpoint(expected)));
    let stranger = checkpoint(&["X1", "X2", "Y1"]).with(by("Z", &other, 7)).unwrap();
    policy.satisfied_by(&stranger).unwrap();
}

#[test]
fn the_latest_time_of_a_witness_counts() {
    let policy = policy("log <key log>\nwitness W <key W>\nquorum W\n");
    let head = checkpoint(&[]).unverified().clone();
    let twice = checkpoint(&[]).with(by("W", &head, 9)).unwrap().with(by("W", &head, 4)).unwrap();
    assert_eq!(policy.satisfied_by(&twice).unwrap().cosigned[0].1, time(9));
}

#[test]
fn whitespace_comments_and_urls_are_read() {
    let policy = policy(
        " \t\n# comment é\n\t # another\n log\t<key log>  https://log.example/ \n\
         witness W <key W> https://w.example/\nwitness V <key V>\nquorum\tW\t\nwitness U <key U>\n",
    );
    assert_eq!(policy.logs()[0].url(), Some("https://log.example/"));
    let urls: Vec<(String, Option<&str>)> = policy.witnesses().map(|(name, party)| (name.to_string(), party.url())).collect();
    assert_eq!(urls, [("U".to_owned(), None), ("V".to_owned(), None), ("W".to_owned(), Some("https://w.example/"))]);
}

#[test]
fn names_are_octets() {
    let mut bytes = text("log <key log>\nwitness K <key a>\nwitness \u{212a} <key b>\nwitness ").into_bytes();
    bytes.extend_from_slice(b"\xff");
    bytes.extend_from_slice(text(" <key c>\ngroup g all K \u{212a}\nquorum g\n").as_bytes());
    let policy = Policy::from_bytes(&bytes).unwrap();
    let names: Vec<String> = policy.witnesses().map(|(name, _)| name.to_string()).collect();
    assert_eq!(names, ["K", "\u{212a}", "\\xff"]);
    policy.satisfied_by(&checkpoint(&["a", "b"])).unwrap();
    assert!(policy.satisfied_by(&checkpoint(&["a", "c"])).is_err());
}

#[test]
fn every_rule_is_held() {
    let two = "witness A <key A>\nwitness B <key B>\n";
    let check = |lines: &str, expected: &str| refused(&format!("{two}{lines}"), expected);
    refused("", "line 1 of the policy: there is no `quorum` line (add `quorum <name>`, or `quorum none` if no cosignatures are wanted)");
    check("", "line 2 of the policy: there is no `quorum` line (add `quorum <name>`, or `quorum none` if no cosignatures are wanted)");
    check("quorum A", "line 3 of the policy: it does not end with a newline (end the last line with a newline)");
    check("quorum A\r\n", "line 3 of the policy: the character 0x0d is not allowed (save the file with LF line endings)");
    check("# \u{7f}\n", "line 3 of the policy: the character 0x7f is not allowed");
    check("Quorum A\n", "line 3 of the policy: `Quorum` is not known here (lines begin with `log`, `witness`, `group`, `quorum` or `#`)");
    check("quorum\n", "line 3 of the policy: it should read `quorum <name>`");
    check("quorum A B\n", "line 3 of the policy: it should read `quorum <name>`");
    check("quorum A\nquorum A\n", "line 4 of the policy: the quorum is defined already");
    let above = "(define witnesses and groups above the lines that name them)";
    check("quorum C\n", &format!("line 3 of the policy: no witness or group `C` is defined before this line {above}"));
    check("quorum g\ngroup g all A\n", &format!("line 3 of the policy: no witness or group `g` is defined before this line {above}"));
    check("group g all g\n", &format!("line 3 of the policy: no witness or group `g` is defined before this line {above}"));
    check("group g all\n", "line 3 of the policy: it should read `group <name> all|any|<number> <member>...`");
    for bad in ["0", "3", "01", "+1", "1.0", "most", "ALL"] {
        let expected = format!("line 3 of the policy: `{bad}` is not `all`, `any` or a number from 1 to 2, the number of members");
        check(&format!("group g {bad} A B\n"), &expected);
    }
    check("group g all A A\n", "line 3 of the policy: `A` is a member of a group already; each name counts once");
    check("group g all A\ngroup h any A B\n", "line 4 of the policy: `A` is a member of a group already; each name counts once");
    check("group A all B\n", "line 3 of the policy: the name `A` is taken already");
    check("group g all A\nwitness g <key C>\n", "line 4 of the policy: the name `g` is taken already");
    let none = "line 3 of the policy: `none` means no cosignatures; it cannot name a witness, a group or a member";
    for lines in ["group none all A\n", "group g any none A\n", "witness none <key C>\n"] {
        check(lines, none);
    }
    check("witness C <key A>\n", "line 3 of the policy: the key of `A.example` is listed already");
    check("log <key log>\nlog <key log>\n", "line 4 of the policy: the key of `log.example` is listed already");
    check("log\n", "line 3 of the policy: it should read `log <key> [<url>]`");
    check("witness C\n", "line 3 of the policy: it should read `witness <name> <key> [<url>]`");
    check("witness C <key C> u v\n", "line 3 of the policy: it should read `witness <name> <key> [<url>]`");
    check(
        "witness C <key log>\n",
        "line 3 of the policy: the key `log.example` signs notes; a witness needs a key of type cosignature/v1 (0x04) \
         (ask the witness for its cosignature key)",
    );
    check(
        "log x\n",
        "line 3 of the policy: `x` is not a verifier key; it reads `name+id+key`: a name, eight lower-case hex digits, base64",
    );
}

/// Two keys are the same if their bytes are, whatever their names and types.
#[test]
fn a_key_under_another_name_is_the_same_key() {
    let again = seed("A").verifier("elsewhere.example", KeyKind::Cosignature).unwrap();
    refused(&format!("witness A <key A>\nwitness B {again}\n"), "line 2 of the policy: the key of `A.example` is listed already");
    let as_log = seed("A").verifier("log.example", KeyKind::Cosignature).unwrap();
    refused(
        &format!("log {}\nlog {as_log}\n", key("A", KeyKind::Ed25519)),
        "line 2 of the policy: the key of `A.example` is listed already",
    );
}

#[test]
fn at_least_32_of_each_kind_fit_and_the_number_is_bounded() {
    let lines = |count: usize| {
        let witnesses: String = (0..count).map(|n| format!("witness w{n} <key w{n}>\ngroup g{n} any w{n}\n")).collect();
        let logs: String = (0..count).map(|n| format!("log <key log{n}>\n")).collect();
        format!("{logs}{witnesses}quorum none\n")
    };
    policy(&lines(32));
    policy(&lines(POLICY_LINES_MAX));
    refused(&lines(POLICY_LINES_MAX + 1), "line 65 of the policy: more than 64 logs, witnesses or groups");
    let deep: String = (1..POLICY_LINES_MAX).map(|n| format!("group g{n} all g{}\n", n - 1)).collect();
    let deep = policy(&format!("log <key log>\nwitness W <key W>\ngroup g0 all W\n{deep}quorum g{}\n", POLICY_LINES_MAX - 1));
    deep.satisfied_by(&checkpoint(&["W"])).unwrap();
    assert!(deep.satisfied_by(&checkpoint(&[])).is_err());
}

proptest! {
    #[test]
    fn more_cosignatures_never_satisfy_less(set in 0_usize..64, more in 0_usize..6) {
        let of = |set: usize| (0..6).filter(|bit| set >> bit & 1 == 1).map(|bit| ALL[bit]).collect::<Vec<_>>();
        let policy = policy(EXAMPLE);
        if policy.satisfied_by(&checkpoint(&of(set))).is_ok() {
            prop_assert!(policy.satisfied_by(&checkpoint(&of(set | 1 << more))).is_ok());
        }
    }

    #[test]
    fn a_changed_byte_is_refused_or_means_another_policy(at in any::<prop::sample::Index>(), flip in 1_u8..) {
        let mut bytes = text(EXAMPLE).into_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        // A blank may become another blank, which says the same.
        let changed = !bytes[at].is_ascii_whitespace() && !(bytes[at] ^ flip).is_ascii_whitespace();
        prop_assert!(!changed || Policy::from_bytes(&bytes) != Ok(policy(EXAMPLE)));
    }
}
