//! Every text of the ledger has one form: what is read is written again byte for byte, and nothing else is read.

use comity_ledger::{
    AddCheckpoint, BundleAt, Checkpoint, Note, Policy, ProofFile, SignedCheckpoint, TILE_WIDTH, TileAt, VerifierKey, signature_lines,
};
use comity_vocab::Digest;
use proptest::prelude::*;

use crate::served::{grow, key};

/// Texts near the valid ones: pieces of them in any order.
fn near() -> impl Strategy<Value = String> {
    let pieces =
        ["\n", "\n\n", "— ", "log.example", " ", "AAAAAAA=", "0", "17", "+", "tile/", "entries/", "x001/", "000", ".p/", "/", "old "];
    let root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
    let piece = prop_oneof![proptest::sample::select(pieces.to_vec()).prop_map(str::to_owned), Just(root.to_owned()), "\\PC{0,3}"];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn what_is_read_is_written_as_it_was(text in near()) {
        if let Ok(note) = text.parse::<Note>() {
            prop_assert_eq!(note.to_string(), text.as_str());
        }
        if let Ok(signed) = text.parse::<SignedCheckpoint>() {
            prop_assert_eq!(signed.to_string(), text.as_str());
        }
        if let Ok(lines) = signature_lines(&text) {
            prop_assert_eq!(lines.iter().map(ToString::to_string).collect::<String>(), text.as_str());
        }
        if let Ok(request) = text.parse::<AddCheckpoint>() {
            prop_assert_eq!(request.to_string(), text.as_str());
        }
        if let Ok(proof) = text.parse::<ProofFile>() {
            prop_assert_eq!(proof.to_string(), text.as_str());
        }
        if let Ok(at) = text.parse::<TileAt>() {
            prop_assert_eq!(at.to_string(), text.as_str());
        }
        if let Ok(at) = text.parse::<BundleAt>() {
            prop_assert_eq!(at.to_string(), text.as_str());
        }
        if let Ok(key) = text.parse::<VerifierKey>() {
            prop_assert_eq!(key.to_string(), text.as_str());
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = SignedCheckpoint::from_bytes(&bytes);
        let _ = Policy::from_bytes(&bytes);
        let _ = AddCheckpoint::from_bytes(&bytes);
        let _ = ProofFile::from_bytes(&bytes);
        let _ = BundleAt::in_log(0, 3).unwrap().decode(&bytes);
    }

    #[test]
    fn a_checkpoint_is_read_back(origin in "[a-z.]{1,20}/[a-z0-9]{1,9}", size in 0_u64..=1 << 61, root in any::<[u8; 32]>()) {
        let checkpoint = Checkpoint::new(&origin, size, Digest::from_bytes(root)).unwrap();
        prop_assert_eq!(Checkpoint::from_text(&checkpoint.to_string()), Ok(checkpoint));
    }

    #[test]
    fn a_path_is_read_back(level in 0_u8..8, number in 0_u64..1 << 53, size in 0_u64..=1 << 61) {
        if let Some(at) = TileAt::in_tree(level, number, size) {
            prop_assert!(at.width() <= TILE_WIDTH);
            prop_assert_eq!(at.to_string().parse(), Ok(at));
        }
        if let Some(at) = BundleAt::in_log(number, size) {
            prop_assert_eq!(at.to_string().parse(), Ok(at));
        }
    }

    #[test]
    fn entries_are_read_back(entries in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 1..256)) {
        let at = BundleAt::in_log(0, entries.len() as u64).unwrap();
        let bytes = at.encode(entries.iter().map(Vec::as_slice)).unwrap();
        prop_assert_eq!(at.decode(&bytes).unwrap(), entries);
    }
}

#[test]
fn another_byte_anywhere_is_another_text_or_none() {
    let text = String::from_utf8(grow(5).at(5).checkpoint).unwrap();
    let signed: SignedCheckpoint = text.parse().unwrap();
    for (at, _) in text.char_indices() {
        for insert in ["\n", " ", "A", "=", "0", "\u{a0}"] {
            let mut other = text.clone();
            other.insert_str(at, insert);
            let read = other.parse::<SignedCheckpoint>();
            assert!(!read.is_ok_and(|read| read == signed || read.verify(&key()).is_ok()), "`{insert:?}` at {at}");
        }
    }
}
