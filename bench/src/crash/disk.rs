//! What a disk may hold after the power went: all that was flushed, and of the rest any sectors, in any order.
//!
//! Stricter than any real file system: a file's name lasts only once its folder was flushed, and every 512 bytes that were not flushed may be
//! old or new on their own. Never keep less than what was flushed, or good stores would be blamed.

use std::collections::BTreeMap;

use fastrand::Rng;

use super::journal::{Event, FileId};

/// The unit that a disk writes whole or not at all.
pub const SECTOR: u64 = 512;

/// Files by name.
pub type Image = BTreeMap<String, Vec<u8>>;

/// How much of what was not flushed reached the disk.
#[derive(Debug, Clone, Copy)]
enum Mood {
    /// Nothing.
    None,
    /// All.
    All,
    /// Everything before an event, parts of that one, nothing after it.
    Prefix(usize),
    /// Each sector with this chance, in percent.
    Each(u8),
}

/// What may be there when the power went after the first `at` of `events`.
#[must_use]
pub fn after_power_cut(events: &[Event], at: usize, random: &mut Rng) -> Image {
    let events = events.get(..at).unwrap_or(events);
    let flushed = flushed(events);
    let mood = mood(&flushed, random);
    let mut disk = Disk { names: BTreeMap::new(), files: BTreeMap::new() };
    for (index, (event, flushed)) in events.iter().zip(flushed).enumerate() {
        let mood = if flushed { Mood::All } else { mood };
        disk.take(event, &mut Chance { index, mood, random });
    }
    disk.names.into_iter().map(|(name, file)| (name, disk.files.get(&file).cloned().unwrap_or_default())).collect()
}

fn mood(flushed: &[bool], random: &mut Rng) -> Mood {
    let first = flushed.iter().position(|flushed| !flushed).unwrap_or_default();
    match random.u8(..6) {
        0 => Mood::None,
        1 => Mood::All,
        2 | 3 => Mood::Prefix(random.usize(first..=flushed.len())),
        _ => Mood::Each(*random.choice([3, 15, 50, 85, 97].iter()).unwrap_or(&50)),
    }
}

/// For each event, whether a power cut after all of them leaves its effect for certain.
fn flushed(events: &[Event]) -> Vec<bool> {
    let mut flushed: Vec<bool> = events.iter().map(|event| matches!(event, Event::Promised(_))).collect();
    let mut waiting: BTreeMap<FileId, Vec<usize>> = BTreeMap::new();
    let mut names: Vec<usize> = Vec::new();
    let mut settle = |waiting: &mut Vec<usize>, until: usize| {
        for index in waiting.iter().filter(|index| **index < until) {
            if let Some(flushed) = flushed.get_mut(*index) {
                *flushed = true;
            }
        }
        waiting.retain(|index| *index >= until);
    };
    for (index, event) in events.iter().enumerate() {
        match event {
            Event::Created(..) | Event::Linked(..) | Event::Unlinked(_) | Event::Renamed(..) => names.push(index),
            Event::Written(file, ..) | Event::Truncated(file, _) => waiting.entry(*file).or_default().push(index),
            Event::Synced(file, until) => settle(waiting.entry(*file).or_default(), *until),
            Event::Doubtful(file, until) => waiting.entry(*file).or_default().retain(|index| index >= until),
            Event::FolderSynced(until) => settle(&mut names, *until),
            Event::Promised(_) => {}
        }
    }
    flushed
}

/// What becomes of one event.
struct Chance<'a> {
    index: usize,
    mood: Mood,
    random: &'a mut Rng,
}

// === impl Chance ===

impl Chance<'_> {
    fn happens(&mut self) -> bool {
        match self.mood {
            Mood::None => false,
            Mood::All => true,
            Mood::Prefix(end) => self.index < end || (self.index == end && self.random.bool()),
            Mood::Each(percent) => self.random.u8(..100) < percent,
        }
    }
}

/// The disk as it fills up again.
struct Disk {
    names: BTreeMap<String, FileId>,
    files: BTreeMap<FileId, Vec<u8>>,
}

// === impl Disk ===

impl Disk {
    fn take(&mut self, event: &Event, chance: &mut Chance<'_>) {
        match event {
            Event::Written(file, offset, bytes) => self.write(*file, (*offset, bytes), chance),
            Event::Synced(..) | Event::Doubtful(..) | Event::FolderSynced(_) | Event::Promised(_) => {}
            Event::Created(..) | Event::Linked(..) | Event::Unlinked(_) | Event::Renamed(..) | Event::Truncated(..) => {
                if chance.happens() {
                    self.apply(event);
                }
            }
        }
    }

    fn apply(&mut self, event: &Event) {
        match event {
            Event::Created(name, file) | Event::Linked(name, file) => {
                self.names.insert(name.clone(), *file);
            }
            Event::Unlinked(name) => {
                self.names.remove(name);
            }
            Event::Renamed(old, new) => {
                if let Some(file) = self.names.remove(old) {
                    self.names.insert(new.clone(), file);
                }
            }
            Event::Truncated(file, length) => self.files.entry(*file).or_default().resize(index(*length), 0),
            Event::Written(..) | Event::Synced(..) | Event::Doubtful(..) | Event::FolderSynced(_) | Event::Promised(_) => {}
        }
    }

    fn write(&mut self, file: FileId, (offset, bytes): (u64, &[u8]), chance: &mut Chance<'_>) {
        let content = self.files.entry(file).or_default();
        let (mut at, mut rest) = (offset, bytes);
        while !rest.is_empty() {
            let room = index(SECTOR - at % SECTOR).min(rest.len());
            let (sector, after) = rest.split_at(room);
            if chance.happens() {
                put(content, index(at), sector);
            }
            at += SECTOR - at % SECTOR;
            rest = after;
        }
    }
}

fn put(content: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    if content.len() < at {
        content.resize(at, 0);
    }
    let (over, beyond) = bytes.split_at(bytes.len().min(content.len() - at));
    if let Some(place) = content.get_mut(at..at + over.len()) {
        place.copy_from_slice(over);
    }
    content.extend_from_slice(beyond);
}

fn index(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every state of `a` that a power cut after all of `events` may leave, in 500 tries; `-` for no file.
    fn states(events: &[Event]) -> Vec<String> {
        let mut random = Rng::with_seed(1);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..500 {
            let image = after_power_cut(events, events.len(), &mut random);
            seen.insert(image.get("a").map_or("-".to_owned(), |bytes| {
                // One letter a sector.
                bytes.chunks(512).map(|sector| char::from(sector[0].max(b'0'))).collect()
            }));
        }
        seen.into_iter().collect()
    }

    fn created() -> Vec<Event> {
        vec![Event::Created("a".to_owned(), 0), Event::FolderSynced(1)]
    }

    fn written(letters: &str) -> Event {
        Event::Written(0, 0, letters.bytes().flat_map(|letter| [letter; 512]).collect())
    }

    #[test]
    fn what_was_flushed_stays_and_what_was_not_may_be_torn() {
        let mut events = created();
        events.extend([written("ab"), Event::Synced(0, 3)]);
        assert_eq!(states(&events), ["ab"]);
        events.push(written("xy"));
        assert_eq!(states(&events), ["ab", "ay", "xb", "xy"]);
        // A flush covers what came before it began, not before it ended.
        events.push(Event::Synced(0, 4));
        assert_eq!(states(&events), ["ab", "ay", "xb", "xy"]);
        events.push(Event::Synced(0, 5));
        assert_eq!(states(&events), ["xy"]);
    }

    #[test]
    fn a_name_lasts_once_its_folder_was_flushed() {
        let mut events = vec![Event::Created("a".to_owned(), 0), written("a"), Event::Synced(0, 2)];
        assert_eq!(states(&events), ["-", "a"]);
        events.push(Event::FolderSynced(3));
        assert_eq!(states(&events), ["a"]);
        events.push(Event::Unlinked("a".to_owned()));
        assert_eq!(states(&events), ["-", "a"]);
    }

    #[test]
    fn after_a_failed_flush_the_next_one_says_nothing_about_the_same_bytes() {
        let mut events = created();
        events.extend([written("a"), Event::Doubtful(0, 3), Event::Synced(0, 4)]);
        assert_eq!(states(&events), ["", "a"]);
        events.extend([written("b"), Event::Synced(0, 6)]);
        assert_eq!(states(&events), ["b"]);
    }
}
