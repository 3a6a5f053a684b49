//! A witness: the specification's answers in the specification's order, and the request as text.

use comity_ledger::{
    AddCheckpoint, Checkpoint, EMPTY_ROOT, KeyKind, PosixSeconds, SignatureLine, SignedCheckpoint, SigningSeed, VerifierKey,
    WitnessRefusal, cosign, judge, prove_consistency, signature_lines,
};
use comity_vocab::Digest;

use crate::served::{Grown, ORIGIN, grow, key, seed};

/// The specification's example of a request.
const EXAMPLE: &str = "old 20852014\n\
    PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\njrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=\n\
    5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=\n/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=\n\n\
    example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\
    — example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n\
    — example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=\n";

fn signed(checkpoint: &Checkpoint) -> SignedCheckpoint {
    SignedCheckpoint::new(checkpoint.clone(), checkpoint.sign(&seed()).unwrap()).unwrap()
}

/// An honest request to go from `old` to `size`.
fn request(log: &Grown, old: u64, size: u64) -> AddCheckpoint {
    let proof = if old <= size { prove_consistency(log, size, old).unwrap() } else { Vec::new() };
    AddCheckpoint { old, proof, checkpoint: signed(&log.checkpoint(size)) }
}

fn judged(request: &AddCheckpoint, keys: &[VerifierKey], latest: Option<(u64, Digest)>) -> Result<Checkpoint, u16> {
    let keys: Vec<&VerifierKey> = keys.iter().collect();
    judge(request, &keys, latest).cloned().map_err(|refusal| refusal.status())
}

fn status(body: &str) -> WitnessRefusal {
    body.parse::<AddCheckpoint>().unwrap_err()
}

#[test]
fn the_example_of_the_specification_is_read_and_written() {
    let request: AddCheckpoint = EXAMPLE.parse().unwrap();
    assert_eq!((request.old, request.proof.len(), request.checkpoint.unverified().size()), (20_852_014, 4, 20_852_163));
    assert_eq!(request.to_string(), EXAMPLE);
}

#[test]
fn honest_growth_is_accepted_from_every_size_to_every_size() {
    let log = grow(70);
    for old in 0..=70 {
        for size in old..=70 {
            let latest = if old == 0 { None } else { Some((old, log.root(old))) };
            assert_eq!(judged(&request(&log, old, size), &[key()], latest), Ok(log.checkpoint(size)), "{old} to {size}");
        }
    }
}

#[test]
fn each_fault_has_its_status() {
    let log = grow(20);
    let latest = Some((5, log.root(5)));
    let check = |request: &AddCheckpoint, latest, expected: u16| assert_eq!(judged(request, &[key()], latest), Err(expected));
    assert_eq!(judged(&request(&log, 5, 9), &[], latest), Err(404));
    let stranger = SigningSeed::new(&[8; 32]).verifier(ORIGIN, KeyKind::Ed25519).unwrap();
    assert_eq!(judged(&request(&log, 5, 9), std::slice::from_ref(&stranger), latest), Err(403));
    assert_eq!(judged(&request(&log, 5, 9), &[stranger, key()], latest), Ok(log.checkpoint(9)), "an old key beside a new one");
    let false_line = SignatureLine::ed25519(&key(), &seed().sign(b"another text"));
    let spoilt = AddCheckpoint { checkpoint: request(&log, 5, 9).checkpoint.with(false_line).unwrap(), ..request(&log, 5, 9) };
    check(&spoilt, latest, 403);
    check(&request(&log, 9, 5), Some((9, log.root(9))), 400);
    check(&request(&log, 4, 9), latest, 409);
    check(&request(&log, 0, 9), latest, 409);
    check(&request(&log, 5, 9), None, 409);
    check(&request(&log, 5, 9), Some((5, log.root(6))), 422);
    check(&AddCheckpoint { proof: Vec::new(), ..request(&log, 5, 9) }, latest, 422);
    check(&AddCheckpoint { proof: vec![log.root(1)], ..request(&log, 0, 9) }, None, 422);
    check(&AddCheckpoint { proof: vec![log.root(1)], ..request(&log, 5, 5) }, latest, 422);
    let fork = Checkpoint::new(ORIGIN, 5, log.root(6)).unwrap();
    check(&AddCheckpoint { checkpoint: signed(&fork), ..request(&log, 5, 5) }, latest, 422);
    let empty = Checkpoint::new(ORIGIN, 0, log.root(1)).unwrap();
    check(&AddCheckpoint { checkpoint: signed(&empty), ..request(&log, 0, 0) }, None, 422);
    check(&AddCheckpoint { proof: vec![log.root(1); 63], ..request(&log, 5, 9) }, latest, 422);
    assert_eq!(judged(&request(&log, 0, 0), &[key()], Some((0, EMPTY_ROOT))), Ok(log.checkpoint(0)));
}

/// A request with several faults is answered by the first rule of the specification that it breaks.
#[test]
fn faults_are_judged_in_the_order_of_the_specification() {
    let log = grow(20);
    let stranger = SigningSeed::new(&[8; 32]).verifier(ORIGIN, KeyKind::Ed25519).unwrap();
    let backwards = request(&log, 9, 5);
    assert_eq!(judged(&backwards, &[], None), Err(404), "unknown log, before what it asks");
    assert_eq!(judged(&backwards, &[stranger], None), Err(403), "unsigned, before its sizes");
    assert_eq!(judged(&backwards, &[key()], None), Err(400), "backwards, before the conflict");
    let unproven = AddCheckpoint { proof: Vec::new(), ..request(&log, 4, 9) };
    assert_eq!(judged(&unproven, &[key()], Some((5, log.root(5)))), Err(409), "conflict, before the proof");
}

#[test]
fn a_conflict_tells_the_size_and_nothing_else_does() {
    let log = grow(20);
    let refusal = judge(&request(&log, 4, 9), &[&key()], Some((5, log.root(5)))).unwrap_err();
    assert_eq!((refusal.status(), refusal.body()), (409, ("5\n".to_owned(), "text/x.tlog.size")));
    assert_eq!(WitnessRefusal::Inconsistent.body().1, "text/plain; charset=utf-8");
}

#[test]
fn what_is_not_a_request_is_400() {
    let check = |from: &str, to: &str| assert_eq!(status(&EXAMPLE.replacen(from, to, 1)).status(), 400, "{from:?} as {to:?}");
    for (from, to) in [
        ("old 2", "old 02"),
        ("old 2", "old -2"),
        ("old 2", "old  2"),
        ("old 2", "Old 2"),
        ("old 20852014\n", ""),
        ("PlRN", "PlR"),
        ("\n\n", "\n"),
        ("example.com/behind-the-sofa\n", "\n"),
        ("\n20852163", "\n020852163"),
        ("— ", "- "),
        ("old 2", "old 99999999999999999999"),
    ] {
        check(from, to);
    }
    let hash = "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n";
    assert!(EXAMPLE.replacen(hash, &hash.repeat(60), 1).parse::<AddCheckpoint>().is_ok(), "63 lines");
    check(hash, &hash.repeat(61));
    assert_eq!(AddCheckpoint::from_bytes(b"\xff").unwrap_err().status(), 400);
}

/// Both halves together: the witness's answer is what the log takes over.
#[test]
fn a_log_takes_over_what_its_witness_answers() {
    let log = grow(9);
    let request: AddCheckpoint = request(&log, 0, 9).to_string().parse().unwrap();
    judge(&request, &[&key()], None).unwrap();
    let witness = SigningSeed::new(&[6; 32]);
    let time = PosixSeconds::new(1_800_000_000).unwrap();
    let answer = cosign(&witness, "witness.example", (request.checkpoint.note().text(), time)).unwrap().to_string();
    let verifier = witness.verifier("witness.example", KeyKind::Cosignature).unwrap();
    let (cosigned, verified) = request.checkpoint.with_cosignatures(&signature_lines(&answer).unwrap(), &[&verifier]).unwrap();
    assert_eq!(verified[0].time, Some(time));
    assert_eq!(cosigned.note().verify(&[&key(), &verifier]).unwrap().len(), 2);
}
