//! No byte that a gateway writes has anything of what its callers say: not the log at its most talkative, not the store, not the metrics, nor
//! what commands show of the ledger. Under terms that ask for pseudonyms, nor has any byte that leaves.
//!
//! Calls of every kind carry values that exist nowhere else, in every place that a call has; then everything is searched for them.

mod answered;
mod bodies;
mod broken;
mod flock;
mod refused;
mod silence;
mod stage;

use self::answered::permitted;
use self::broken::{broken, gone, late};
use self::refused::{malformed, refused};
use self::silence::{expect_silent, files_of, note};
use self::stage::{APIS, CHAT, Stage, expect};

#[test]
fn nothing_of_what_callers_say_is_written_anywhere_or_leaves() {
    let mut stage = Stage::new("", "body_bytes_max = 300000\n");
    permitted(&mut stage);
    refused(&mut stage);
    malformed(&mut stage);
    broken(&mut stage);
    gone(&mut stage);
    expect_silent(stage);
}

#[test]
fn nor_of_calls_that_take_too_long() {
    let mut stage = Stage::new("", "first_byte_ms = 300\nidle_ms = 300\nbody_ms = 300\n");
    late(&mut stage);
    expect_silent(stage);
}

#[test]
fn without_a_store_nothing_leaves() {
    let mut stage = Stage::new("size_max_bytes = 1500000\n", "");
    let mut given = 0;
    let full = loop {
        let body = stage.plain(CHAT, "before the store is full", ("openai", false));
        let reply = stage.post(CHAT, body, "");
        if reply.status != 200 {
            break reply;
        }
        given += 1;
        assert!(given < 1000, "the store is never full");
    };
    assert!(full.status == 503 && full.text.contains("ledger_unavailable") && full.text.contains("nothing was sent"), "{}", full.text);
    for (api, stream) in APIS.into_iter().flat_map(|api| [(api, false), (api, true)]) {
        let body = stage.plain(api, "while the store is full", ("openai", stream));
        let reply = stage.post(api, body, "comity-pseudonym-epoch: 3\r\n");
        expect(reply, 503, api);
    }
    assert_eq!(stage.mock.tally().calls, given, "something was sent that no ledger knows of");
    let search = stage.flock.search();
    let mut leaks = Vec::new();
    note(&search, ("what left", &stage.received()), &mut leaks);
    files_of(stage.machine.folder())
        .iter()
        .for_each(|(path, bytes)| note(&search, (&path.file_name().unwrap().to_string_lossy(), bytes), &mut leaks));
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
}
