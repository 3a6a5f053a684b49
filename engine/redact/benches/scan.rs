//! How fast text is scanned; the goal is at least 100 MB/s on text that is not ASCII, with the usual density of findings.
#![allow(missing_docs, clippy::expect_used, reason = "a benchmark")]

use comity_redact::Detector;
use divan::Bencher;
use divan::counter::BytesCount;

fn main() {
    divan::main();
}

/// Clinical prose in Spanish and Czech, Chinese and Arabic, some JSON and code, and a few things to find: 1 in about 1,000 bytes.
const PROSE: &str = "Paciente varón de 67 años que acude a urgencias por disnea progresiva de 3 días de evolución. Antecedentes: hipertensión \
arterial, diabetes mellitus tipo 2, fibrilación auricular. Pacientka byla přijata dne 12. 3. 2026 pro bolesti břicha, laboratorně CRP 48,2 mg/l. \
患者于2026年3月12日入院，体温38.5℃，血压120/80mmHg。既往史：高血压病10年。المريض يبلغ من العمر ٦٧ عاما ويعاني من ضيق في التنفس منذ ثلاثة أيام. \
{\"id\": 482913, \"values\": [12.5, 13.75, 18.0], \"unit\": \"mmol/l\", \"when\": \"2026-03-12T10:15:00Z\"} fn mean(xs: &[f64]) -> f64 { xs.iter().sum::<f64>() / 2.0 } ";
const FINDINGS: &str = "Contacto: josé.garcía@hospital.example, tel. 612 345 678, IBAN ES91 2100 0418 4502 0005 1332. ";

fn scan(bencher: Bencher<'_, '_>, text: &str) {
    let detector = Detector::new().expect("the patterns are fixed");
    bencher.counter(BytesCount::of_str(text)).bench(|| detector.scan(divan::black_box(text)).expect("patterns do not fail"));
}

#[divan::bench]
fn mixed_text_4_kb(bencher: Bencher<'_, '_>) {
    scan(bencher, &format!("{}{FINDINGS}", PROSE.repeat(4)));
}

#[divan::bench]
fn mixed_text_1_mb(bencher: Bencher<'_, '_>) {
    scan(bencher, &format!("{}{FINDINGS}", PROSE.repeat(4)).repeat(256));
}

#[divan::bench]
fn prose_without_findings(bencher: Bencher<'_, '_>) {
    scan(bencher, &PROSE.repeat(1024));
}

#[divan::bench]
fn hexadecimal(bencher: Bencher<'_, '_>) {
    scan(bencher, &"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 ".repeat(4096));
}

#[divan::bench]
fn a_table_of_numbers(bencher: Bencher<'_, '_>) {
    scan(bencher, &"1284.50;2026-03-12;48291377;12 345 678;0.4539578763621486\n".repeat(4096));
}

#[divan::bench]
fn a_list_of_phone_numbers(bencher: Bencher<'_, '_>) {
    scan(bencher, &"+44 7911 123456, 020 7946 0958\n".repeat(4096));
}

#[divan::bench]
fn text_in_other_digits_and_escapes(bencher: Bencher<'_, '_>) {
    scan(bencher, &"رقم الهاتف ٠٥٠١٢٣٤٥٦٧ وتاريخ ١٢/٠٣/١٩٨٠، ada%40example.org &amp; caf&#233;, １２３４ ".repeat(2048));
}

#[divan::bench]
fn identifiers_with_their_words(bencher: Bencher<'_, '_>) {
    scan(bencher, &"CPF 390.533.447-05, NHS number 943 476 5919, Steuer-IdNr. 86 095 742 719, passport X1234567\n".repeat(2048));
}
