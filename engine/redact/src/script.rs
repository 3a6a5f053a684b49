//! Which scripts set words apart by spaces: where they do not, a value may begin and end anywhere.

/// A letter of a word that spaces or signs set apart: another such letter beside it belongs to the same word.
pub(crate) fn is_of_word(letter: char) -> bool {
    letter.is_alphabetic() && is_spaced(letter)
}

/// A letter or digit of a script that puts no spaces between words.
pub(crate) fn is_compact(letter: char) -> bool {
    !is_spaced(letter) && letter.is_alphanumeric()
}

/// Whether words are set apart by spaces in the script that this letter belongs to. Hangul counts as a script where they are not,
/// because particles follow names without a space.
fn is_spaced(letter: char) -> bool {
    const UNSPACED: [(char, char); 16] = [
        ('\u{0e00}', '\u{0eff}'),   // Thai, Lao
        ('\u{0f00}', '\u{109f}'),   // Tibetan, Burmese
        ('\u{1100}', '\u{11ff}'),   // Hangul
        ('\u{1780}', '\u{17ff}'),   // Khmer
        ('\u{1950}', '\u{19ff}'),   // Tai Le, New Tai Lue, Khmer symbols
        ('\u{1a20}', '\u{1aaf}'),   // Tai Tham
        ('\u{1b00}', '\u{1b7f}'),   // Balinese
        ('\u{2e80}', '\u{9fff}'),   // Han, Hiragana, Katakana, Bopomofo, Hangul
        ('\u{a000}', '\u{a4cf}'),   // Yi
        ('\u{a960}', '\u{a97f}'),   // Hangul
        ('\u{a980}', '\u{aa7f}'),   // Javanese, Burmese, Cham
        ('\u{aa80}', '\u{aadf}'),   // Tai Viet
        ('\u{ac00}', '\u{d7ff}'),   // Hangul
        ('\u{f900}', '\u{faff}'),   // Han
        ('\u{ff66}', '\u{ffdc}'),   // Katakana and Hangul of half width
        ('\u{1b000}', '\u{3ffff}'), // Kana and Han of the higher planes
    ];
    letter < '\u{0e00}' || !UNSPACED.iter().any(|(first, last)| (*first..=*last).contains(&letter))
}
